"""Payment orders: what a list shows of one, how lists are filtered, and what a new one is made of (document 2.1)."""

import re
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from gateway.normalise.people import LONGEST_LABEL, House, house_of_label
from gateway.normalise.records import (
    DataIssue,
    Field,
    Issues,
    Kind,
    Money,
    Plain,
    PlatformId,
    ReadOnce,
    Record,
    is_blank,
    raw_text,
)
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.table import Rows
from gateway.normalise.times import time_at_start
from gateway.normalise.values import (
    AS_SENT,
    IDENTIFIER,
    INTEGER,
    REQUIRED_MONEY,
    REQUIRED_TEXT,
    ROW_NUMBER,
    TEXT,
    free_text,
    number_of,
    word_of,
)
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName, WireEnum
from gateway.platforms.wjdh import Form, query_form, without_none
from gateway.wording.enums import NOT_LISTED, Word


class FeeType(WireEnum, chinese="收费名称", english="What an order charges for"):  # 2.1.1.5; an open list (quirk 103)
    PROPERTY = Word("物业费", "Property management")
    WATER = Word("水费", "Water")
    PARKING_SPACE = Word("车位费", "A parking space")
    TEMPORARY_PARKING = Word("临时停车费", "Temporary parking")
    OTHER = Word("其他", "Anything else: see the title", note="收费名称不限于本表")


class OrderStatus(WireEnum, chinese="订单状态", english="Status of an order"):  # 2.1.2.2
    OPEN = Word("进行中", "Can be paid", code="1")
    CLOSED = Word("已关闭", "Closed", code="0")
    UNRECOGNIZED = NOT_LISTED


class PaymentStatus(WireEnum, chinese="缴费状态", english="Whether an order is paid"):  # 2.1.2.2
    UNPAID = Word("未付款", "Not paid", code="0")
    PAID = Word("已付款", "Paid", code="1")
    UNRECOGNIZED = NOT_LISTED


_SCALAR = r"""'(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" | -?[0-9]{1,30}(?:\.[0-9]{1,30})?(?![\w.])"""
_BRACKETS = re.compile(r"(?:(?ai:array)\s*)? \( (.*) \) | \[ (.*) \] | \{ (.*) \}", re.VERBOSE | re.DOTALL)
_ENTRY = re.compile(
    rf"\s* ({_SCALAR}) \s* (?: : | => ) \s* ({_SCALAR} | (?ai:true|false|null|none)) \s* (?: , | \Z )",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"""(?:\\u[0-9a-fA-F]{4})+|\\['"\\/nrt]""")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


def read_entries(text: str) -> dict[str, str]:
    """The names and values of one level of the notation, as texts: numbers as they are written, null as an empty one.
    Raises NotJsonError.
    """
    brackets = _BRACKETS.fullmatch(text.strip())
    if brackets is None:
        raise NotJsonError("not in this notation")
    inside, end = brackets[brackets.lastindex or 0], 0
    entries: dict[str, str] = {}
    while entry := _ENTRY.match(inside, end):
        entries[_text(entry[1])] = _text(entry[2])
        end = entry.end()
    if not is_blank(inside[end:]):
        raise NotJsonError("not in this notation")
    return entries


def _text(scalar: str) -> str:
    if scalar[0] in "'\"":
        return _ESCAPE.sub(_unescaped, scalar[1:-1])
    word = scalar.lower()
    return "" if word in ("null", "none") else word


def _unescaped(match: re.Match[str]) -> str:
    escape = match[0]
    if escape[1] != "u":
        return _ESCAPED.get(escape[1], escape[1])
    # JSON spells characters beyond the BMP as two surrogates; half of a pair is no character.
    units = bytes.fromhex(escape.replace("\\u", ""))
    return units.decode("utf-16-be", errors="replace")


class OrderDetail(Record, frozen=True, gc=False):
    """One name and value of an order's `extra`."""

    name: str
    value: str


def _read_extra(extra: object) -> dict[str, Any] | None:
    """Names and values, in order, of JSON or of the platform's own notation; None where it is no such thing (quirks 7,
    110, 111).
    """
    value = extra
    if isinstance(extra, str):
        if is_blank(extra):
            return {}
        try:
            # Without escapes and other quotes, the notation is JSON but for the quotes: by far the most frequent case.
            is_json = '"' in extra or "\\" in extra
            value = read_json(extra if is_json else extra.replace("'", '"'), as_written=True)
        except NotJsonError:
            with suppress(NotJsonError):
                value = read_entries(extra)
    if value is None or value == []:
        return {}
    return value if isinstance(value, dict) else None


EXTRA = msgspec.structs.replace(AS_SENT, wire=msgspec.Raw)
TITLE = msgspec.structs.replace(REQUIRED_TEXT, fallback="")

FEE_TYPE_OF_TITLE = Kind(
    read=lambda _path, issues, title: issues.source.wire.words[FeeType].get(title.strip()) or FeeType.OTHER,
    plain=Plain.LOOKED_UP,
    used=("title",),
    words=FeeType,
)


class Order(Record, frozen=True, gc=False):
    """A payment order. `extra` is as sent: it and the label of the house are read when they are asked for. They take
    two thirds of the time of an order, and lists ask for neither.
    """

    platform_id: Annotated[PlatformId, Field("The platform's row number (订单id).", "id", ROW_NUMBER)]
    community_code: Annotated[str, Field("Code of the community whose list contains it (小区标识).", identifier=True)]
    number: Annotated[str | None, Field("The order number, 20 digits (订单编号).", "number", IDENTIFIER)] = None
    title: Annotated[
        str, Field("What is charged, as the platform writes it (收费名称).", "title", TITLE, free_text=True)
    ] = ""
    fee_type: Annotated[
        FeeType,
        Field("Kind of fee, derived from the title; OTHER for any other title (收费类型).", kind=FEE_TYPE_OF_TITLE),
    ] = FeeType.OTHER
    amount: Annotated[Money | None, Field(key="amount", kind=REQUIRED_MONEY)] = None
    payment_status: Annotated[
        PaymentStatus,
        Field("Whether it is paid, according to wjdh (缴费状态).", "paied", word_of(PaymentStatus, required=True)),
    ] = PaymentStatus.UNRECOGNIZED
    status: Annotated[
        OrderStatus, Field("Whether it is still open (订单状态).", "status", word_of(OrderStatus, required=True))
    ] = OrderStatus.UNRECOGNIZED
    remark: Annotated[str | None, free_text("Remark (备注).", "remark")] = None
    extra: Annotated[Any, Field(key="extra", kind=EXTRA, path="details")] = None
    shop_number: Annotated[
        str | None,
        Field("The merchant's number of the payment; null until paid (商户单号).", "shop_number", IDENTIFIER),
    ] = None
    address: Annotated[
        str | None, free_text("The house charged, as a label; null for a personal charge (收费房屋).", "house")
    ] = None
    own_issues: tuple[DataIssue, ...] = ()
    source: Any = None
    details_read: Any = msgspec.UNSET
    house_read: Any = msgspec.UNSET

    @property
    def identifier(self) -> str:
        """What identifies it within its community: its number, or that of its row where it has none."""
        return self.number or str(self.platform_id)

    @property
    def created_at(self) -> datetime | None:
        """When it was created, as its number seems to say; None where that is no moment (quirk 131)."""
        return None if self.number is None else time_at_start(self.number)

    @property
    def _sent(self) -> object:
        """What was sent as `extra`, which is not even decoded with the order."""
        if not isinstance(self.extra, msgspec.Raw):
            return self.extra
        try:
            return msgspec.json.decode(self.extra)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return bytes(self.extra).decode(errors="replace")

    @ReadOnce
    def details(self) -> tuple[OrderDetail, ...] | None:
        """What `extra` holds, in order; None where that is unreadable."""
        extra = _read_extra(self._sent)
        if extra is None:
            return None
        # by far the most values are text already
        texts = [(name, value if type(value) is str else raw_text(value) or "") for name, value in extra.items()]
        return tuple([OrderDetail(name, value) for name, value in texts])

    @ReadOnce
    def house(self) -> House | None:
        """The house that its label names; None for a personal charge or a label that is not of the known form."""
        label = self.address
        return None if label is None or len(label) > LONGEST_LABEL else house_of_label(label, self.community_code)

    @property
    def data_issues(self) -> tuple[DataIssue, ...]:
        """Of the details and the house, too."""
        if self.source is None:
            return self.own_issues
        issues = Issues(self.source)
        if self.details is None:
            issues.add("details", self._sent, DataProblem.MALFORMED)
        if self.address is not None and self.house is None:
            issues.add("house", self.address, DataProblem.MALFORMED)
        return self.own_issues + issues.found


class OrderQuery(Record, frozen=True, gc=False, kw_only=True):
    """The filters of the order list (2.1.2.2), all optional. Hashable: it is part of loader and cache keys. A filter by
    house needs those before it: unit needs building, floor needs unit, room needs floor (quirk 147).
    """

    building: Annotated[int | None, Field("Building number (楼号).", "louhao", INTEGER)] = None
    unit: Annotated[int | None, Field("Unit number; needs building (单元号).", "danyuan", INTEGER)] = None
    floor: Annotated[int | None, Field("Floor; needs building and unit (楼层).", "louceng", INTEGER)] = None
    room: Annotated[int | None, Field("Room; needs building, unit and floor (房间号).", "fangjian", INTEGER)] = None
    id_card: Annotated[
        str | None, Field("Number of the payer's identity card (身份证号).", "idcard", IDENTIFIER, pii=PiiKind.ID_CARD)
    ] = None
    phone: Annotated[
        str | None, Field("The payer's phone number (手机号).", "phone", IDENTIFIER, pii=PiiKind.PHONE)
    ] = None
    name: Annotated[str | None, Field("The payer's name (姓名).", "name", IDENTIFIER, pii=PiiKind.NAME)] = None
    title: Annotated[str | None, Field("The exact title; not together with feeType (收费名称).", "title", TEXT)] = None
    status: Annotated[OrderStatus | None, Field("Open or closed (订单状态).", "status", number_of(OrderStatus))] = None
    payment_status: Annotated[
        PaymentStatus | None, Field("Paid or not (缴费状态).", "paied", number_of(PaymentStatus))
    ] = None


ORDER_ROWS = Rows(Order, PlatformName.WJDH)


class Payer(Record, frozen=True, gc=False):
    """Who pays (2.1.1.5): whom the order list finds by this query, or the holder of a number that it cannot look for.

    A house is everyone entitled to pay for it. A phone is its registered user; with a name also a resident who has not
    registered (quirk 158). Number plates and parking spaces are documented as not developed (quirk 104).
    """

    wire_type: Literal["house", "phone", "idcard", "car_number", "parking_number"]
    query: OrderQuery | None = None
    number: str | None = None

    @property
    def identifier(self) -> Form:
        return {"number": self.number or ""} if self.query is None else query_form(self.query)


class NewOrderDetail(OrderDetail, frozen=True, gc=False):
    """One line of a new order; `numeric`: its value is sent as the number that it spells."""

    numeric: bool = False


class NewOrder(Record, frozen=True, gc=False, kw_only=True):
    """An order to create (2.1.1.2). `amount` is in yuan, above 0, with two decimals at most (quirk 160)."""

    community_code: str
    payer: Payer
    title: str
    amount: Decimal
    remark: str | None = None
    details: tuple[NewOrderDetail, ...] = ()
    manager: str | None = None


def new_order_form(order: NewOrder) -> Form:
    """All fields of order/new (2.1.1.2). `identifier` and `extra` are JSON texts, encoded once (quirk 110); a number in
    `extra` is sent digit for digit, not read as a float.
    """
    details = {each.name: msgspec.Raw(each.value.encode()) if each.numeric else each.value for each in order.details}
    return without_none(
        {
            "xiaoqu": order.community_code,
            "type": order.payer.wire_type,
            "identifier": msgspec.json.encode(order.payer.identifier).decode(),
            "title": order.title,
            "remark": order.remark,
            "extra": msgspec.json.encode(details).decode() if details else None,
            "amount": format(order.amount, "f"),
            "manager": order.manager,
        }
    )
