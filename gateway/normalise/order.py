"""Payment orders (document 2.1.2)."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from gateway.normalise.field import Field, Kind
from gateway.normalise.house import LONGEST_LABEL, House, house_of_label
from gateway.normalise.kinds import (
    AS_SENT,
    IDENTIFIER,
    INTEGER,
    REQUIRED_MONEY,
    REQUIRED_TEXT,
    ROW_NUMBER,
    TEXT,
    number_of,
    word_of,
)
from gateway.normalise.literals import LiteralError, read_literal
from gateway.normalise.records import DataIssue, Issues, Money, PlatformId, ReadOnce, Record, raw_text
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.table import Rows
from gateway.normalise.times import time_at_start
from gateway.normalise.values import is_blank, promise, text
from gateway.normalise.vocabulary import DataProblem, FeeType, OrderStatus, PaymentStatus, PiiKind, PlatformName


class OrderDetail(Record, frozen=True, gc=False):
    """One name and value of an order's `extra`."""

    name: str
    value: str


def _read_extra(extra: object) -> dict[str, Any] | None:
    """Names and values, in order; None where it is no such thing (quirks 7, 110, 111)."""
    try:
        value = _read_extra_text(extra) if isinstance(extra, str) else extra
    except LiteralError:
        value = extra
    if value is None or value == []:
        return {}
    return value if isinstance(value, dict) else None


TITLE = msgspec.structs.replace(REQUIRED_TEXT, read=promise(text, ""))

FEE_TYPE_OF_TITLE = Kind(
    read=lambda _path, issues, title: issues.source.wire.words[FeeType].get(title.strip()) or FeeType.OTHER,
    inline="WORDS.get(title.strip()) or OTHER",
    used=("title",),
    names={"OTHER": FeeType.OTHER},
    words=FeeType,
)


class Order(Record, frozen=True, gc=False):
    """A payment order. `community_code` is the community whose list was asked.

    `extra` is as sent. It and the label of the house are read when they are asked for: two thirds of the time that an
    order takes, and lists ask for neither.
    """

    platform_id: Annotated[PlatformId, Field("The platform's row number (订单id).", "id", ROW_NUMBER)]
    community_code: Annotated[str, Field("Code of the community whose list it stands in (小区标识).", identifier=True)]
    number: Annotated[str | None, Field("The order number, 20 digits (订单编号).", "number", IDENTIFIER)] = None
    title: Annotated[
        str, Field("What is charged, as the platform writes it (收费名称).", "title", TITLE, free_text=True)
    ] = ""
    fee_type: Annotated[
        FeeType, Field("The kind of fee, by the title; OTHER for any other title (收费类型).", kind=FEE_TYPE_OF_TITLE)
    ] = FeeType.OTHER
    amount: Annotated[Money | None, Field(key="amount", kind=REQUIRED_MONEY)] = None
    payment_status: Annotated[
        PaymentStatus,
        Field("Whether it is paid, as wjdh says (缴费状态).", "paied", word_of(PaymentStatus, required=True)),
    ] = PaymentStatus.UNRECOGNIZED
    status: Annotated[
        OrderStatus, Field("Whether it is still open (订单状态).", "status", word_of(OrderStatus, required=True))
    ] = OrderStatus.UNRECOGNIZED
    remark: Annotated[str | None, Field("Remark (备注).", "remark", TEXT, free_text=True)] = None
    extra: Annotated[Any, Field(key="extra", kind=AS_SENT, path="details")] = None
    shop_number: Annotated[
        str | None,
        Field("The merchant's number of the payment; null until paid (商户单号).", "shop_number", IDENTIFIER),
    ] = None
    address: Annotated[
        str | None,
        Field(
            "The house it charges, as a label; null for a personal charge (收费房屋).", "house", TEXT, free_text=True
        ),
    ] = None
    own_issues: tuple[DataIssue, ...] = ()
    source: Any = None
    details_read: Any = msgspec.UNSET
    house_read: Any = msgspec.UNSET

    @property
    def created_at(self) -> datetime | None:
        """When it was created, as its number seems to say; None where that is no moment (quirk 131)."""
        return None if self.number is None else time_at_start(self.number)

    @ReadOnce
    def details(self) -> tuple[OrderDetail, ...] | None:
        """What `extra` holds, in order; None where that is unreadable."""
        extra = _read_extra(self.extra)
        if extra is None:
            return None
        return tuple(
            [
                OrderDetail(name, value if type(value) is str else raw_text(value) or "")
                for name, value in extra.items()  # by far the most are text already
            ]
        )

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
        issues = Issues(self.source, [])
        if self.details is None:
            issues.add("details", self.extra, DataProblem.MALFORMED)
        if self.address is not None and self.house is None:
            issues.add("house", self.address, DataProblem.MALFORMED)
        return self.own_issues + issues.found


class OrderQuery(Record, frozen=True, gc=False, kw_only=True):
    """The filters of the order list (2.1.2.2), all optional. Hashable: it is part of loader and cache keys.

    A house filter needs those before it: unit needs building, floor needs unit, room needs floor (quirk 147).
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
    title: Annotated[str | None, Field("The exact title; excludes feeType (收费名称).", "title", TEXT)] = None
    status: Annotated[OrderStatus | None, Field("Open or closed (订单状态).", "status", number_of(OrderStatus))] = None
    payment_status: Annotated[
        PaymentStatus | None, Field("Paid or not (缴费状态).", "paied", number_of(PaymentStatus))
    ] = None


ORDERS = Rows(Order, PlatformName.WJDH)


def _read_extra_text(extra: str) -> object:
    """The value of JSON text or of the platform's own notation; None for blank text. Raises LiteralError."""
    if is_blank(extra):
        return None
    try:
        # Without escapes and other quotes, the notation is JSON but for the quotes: by far the most frequent case.
        is_json = '"' in extra or "\\" in extra
        return read_json(extra if is_json else extra.replace("'", '"'), as_written=True)
    except NotJsonError:
        return read_literal(extra)
