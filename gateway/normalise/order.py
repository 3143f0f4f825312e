"""Payment orders (document 2.1.2)."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from gateway.normalise.house import LONGEST_LABEL, house_of_label
from gateway.normalise.issues import Issues, raw_text
from gateway.normalise.literals import LiteralError, read_literal
from gateway.normalise.records import DataIssue, House, Order, OrderDetail, Page, PlatformId
from gateway.normalise.shapes import (
    NotJsonError,
    PageInfo,
    ReadWire,
    data_of,
    read_clean_page,
    read_json,
    read_page,
    row_list,
)
from gateway.normalise.values import (
    REMEMBERED,
    identifier,
    is_blank,
    money,
    money_of_float,
    required_money,
    required_text,
    required_word,
    row_id,
    text,
)
from gateway.normalise.vocabulary import DataProblem, FeeType, OrderStatus, PaymentStatus, PlatformName

LONGEST_REMEMBERED = 500


class OrderIssues(Issues):
    platform = PlatformName.WJDH


if TYPE_CHECKING:  # what it is, and how it is decoded
    _Status = OrderStatus | str | bool | int | None
else:
    _Status = OrderStatus.spelling(required=True) | bool | int | None


class OrderWire(msgspec.Struct, gc=False):
    """A row of the list as documented: by the tables, by the examples, or between the two (quirks 99, 101, 109).

    The fields are in the order of the examples: msgspec looks for a key first after the one before. `details` is what
    `extra` holds, as `decode_orders` finds it; what may come under that key is of no interest.
    """

    id: PlatformId
    paied: str | bool | int | None = None
    shop_number: str | None = None
    number: str | None = None
    title: str | None = None
    amount: str | float | int | None = None
    house: Annotated[str, msgspec.Meta(max_length=LONGEST_LABEL)] | None = None
    status: _Status = None
    remark: str | None = None
    extra: msgspec.Raw = msgspec.Raw(b"null")
    details: Any = None


class OrderListWire(ReadWire, gc=False, kw_only=True):
    data: list[OrderWire]
    pages: PageInfo | None = None


_decode: Callable[[bytes], OrderListWire] = msgspec.json.Decoder(OrderListWire).decode
_decode_extra: Callable[[bytes], object] = msgspec.json.Decoder().decode

_FEE_TYPES, _STATUSES, _PAYMENT_STATUSES = FeeType.by_value, OrderStatus.by_value, PaymentStatus.by_value
_OTHER_FEE = FeeType.OTHER


def decode_orders(body: bytes) -> OrderListWire:
    """The body of order/list, where it came as documented. Raises msgspec.DecodeError, UnicodeError or RecursionError
    for any other.
    """
    orders = _decode(body)
    for row in orders.data:
        extra = bytes(row.extra)
        row.details = _remembered_details(extra) if len(extra) <= LONGEST_REMEMBERED else _details_of_json(extra)
    return orders


def read_orders(body: OrderListWire, community_code: str, page: int) -> Page[Order]:
    """As `parse_order_page`, for a body that came as documented."""
    return read_clean_page(body.data, _clean_order, _documented_order, community_code, page, body.pages)


def _clean_order(row: OrderWire, community_code: str, _found: list[DataIssue]) -> Order | None:
    """The row's record; None where a value is absent that the document promises, or one has an issue.

    By position, for keywords would have to be matched with the names of the fields for each row.
    """
    title, number, shop_number, label = row.title, row.number, row.shop_number, row.house
    sum_due = row.amount
    amount = money_of_float(sum_due) if type(sum_due) is float and sum_due else money(sum_due)
    payment_status = _PAYMENT_STATUSES.get(row.paied)
    status = row.status
    if type(status) is not OrderStatus:
        status = _STATUSES.get(status)
    details = row.details
    house = house_of_label(label, community_code) if label else None
    if not (title and amount and payment_status and status) or details is None or (label and house is None):
        return None
    return Order(
        row.id,
        community_code,
        (number.strip() or None) if number else None,
        title,
        _FEE_TYPES.get(title.strip()) or _OTHER_FEE,
        amount,
        payment_status,
        status,
        row.remark or None,
        details,
        (shop_number.strip() or None) if shop_number else None,
        label or None,
        house,
    )


def _documented_order(row: dict[str, Any], community_code: str) -> Order | None:
    return parse_order({**row, "extra": _decode_extra(row["extra"])}, community_code)


def parse_order_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Order]:
    """The whole body of order/list, asked for this community and page. Raises ShapeError.

    `data` may be absent (2.1.2.3), and `pages` is null when nothing is found (quirk 138).
    """
    return read_page(row_list(data_of(body)), parse_order, community_code, page, body.get("pages"))


def parse_order(row: object, community_code: str) -> Order | None:
    """One row of the list; None when it has no id."""
    if not isinstance(row, dict):
        return None
    get = row.get
    platform_id = row_id(get("id"))
    if platform_id is None:
        return None
    issues = OrderIssues()
    title = required_text(get("title"), "title", issues) or ""
    address = text(get("house"), "address", issues)
    return Order(
        platform_id=platform_id,
        community_code=community_code,
        number=identifier(get("number"), "number", issues),
        title=title,
        fee_type=FeeType.by_wire.get(title.strip()) or FeeType.OTHER,
        amount=required_money(get("amount"), "amount", issues),
        payment_status=required_word(PaymentStatus, get("paied"), "paymentStatus", issues),
        status=required_word(OrderStatus, get("status"), "status", issues),
        remark=text(get("remark"), "remark", issues),
        details=_details(get("extra"), issues),
        shop_number=identifier(get("shop_number"), "shopNumber", issues),
        address=address,
        house=_house(address, community_code, issues),
        data_issues=issues.found,
    )


def _house(label: str | None, community_code: str, issues: OrderIssues) -> House | None:
    if label is None:  # a personal charge
        return None
    house = house_of_label(label, community_code) if len(label) <= LONGEST_LABEL else None
    if house is None:
        issues.add("house", label, DataProblem.MALFORMED)
    return house


def _details(extra: object, issues: OrderIssues) -> tuple[OrderDetail, ...] | None:
    """`extra` as names and values, in order; None where it is no such thing (quirks 7, 110, 111)."""
    details = _read_details(extra)
    if details is None:
        issues.add("details", extra, DataProblem.MALFORMED)
    return details


def _read_details(extra: object) -> tuple[OrderDetail, ...] | None:
    return _details_of_text(extra) if isinstance(extra, str) else _details_of_value(extra)


def _details_of_value(value: object) -> tuple[OrderDetail, ...] | None:
    if not isinstance(value, dict):
        return () if value is None or value == [] else None
    details = []
    for name, detail in value.items():  # by far the most are text already
        details.append(OrderDetail(name, detail if isinstance(detail, str) else raw_text(detail) or ""))
    return tuple(details)


def _details_of_text(extra: str) -> tuple[OrderDetail, ...] | None:
    if is_blank(extra):
        return ()
    try:
        return _details_of_value(_read_extra(extra))
    except LiteralError:
        return None


def _details_of_json(extra: bytes) -> tuple[OrderDetail, ...] | None:
    return _read_details(_decode_extra(extra))


_remembered_details = lru_cache(REMEMBERED)(_details_of_json)


def _read_extra(extra: str) -> object:
    """The value of JSON text or of the platform's own notation."""
    try:
        # Without escapes and other quotes, the notation is JSON but for the quotes: by far the most frequent case.
        is_json = '"' in extra or "\\" in extra
        return read_json(extra if is_json else extra.replace("'", '"'), as_written=True)
    except NotJsonError:
        return read_literal(extra)
