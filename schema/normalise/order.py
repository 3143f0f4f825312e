"""Payment orders (document 2.1.2)."""

from collections.abc import Mapping
from functools import lru_cache

from schema.normalise.house import LONGEST_LABEL, house_of_label
from schema.normalise.issues import Issues, raw_text
from schema.normalise.literals import LiteralError, read_literal
from schema.normalise.records import House, Order, OrderDetail, Page
from schema.normalise.shapes import NotJsonError, data_of, read_json, read_page, row_list
from schema.normalise.values import (
    REMEMBERED,
    identifier,
    is_blank,
    required_money,
    required_text,
    required_word,
    row_id,
    text,
)
from schema.normalise.vocabulary import DataProblem, FeeType, PlatformName
from schema.normalise.words import FEE_TYPE, ORDER_STATUS, PAYMENT_STATUS

LONGEST_REMEMBERED = 500


class OrderIssues(Issues):
    platform = PlatformName.WJDH


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
        fee_type=FEE_TYPE.by_wire.get(title.strip()) or FeeType.OTHER,
        amount=required_money(get("amount"), "amount", issues),
        payment_status=required_word(PAYMENT_STATUS, get("paied"), "paymentStatus", issues),
        status=required_word(ORDER_STATUS, get("status"), "status", issues),
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
    if isinstance(extra, str):
        details = _remembered_details(extra) if len(extra) <= LONGEST_REMEMBERED else _details_of_text(extra)
    else:
        details = _details_of_value(extra)
    if details is None:
        issues.add("details", extra, DataProblem.MALFORMED)
    return details


def _details_of_value(value: object) -> tuple[OrderDetail, ...] | None:
    if isinstance(value, dict):
        return tuple([OrderDetail(name, raw_text(detail) or "") for name, detail in value.items()])
    return () if value is None or value == [] else None


def _details_of_text(extra: str) -> tuple[OrderDetail, ...] | None:
    if is_blank(extra):
        return ()
    try:
        return _details_of_value(_read_extra(extra))
    except (NotJsonError, LiteralError):
        return None


_remembered_details = lru_cache(REMEMBERED)(_details_of_text)


def _read_extra(extra: str) -> object:
    """The value of JSON text or of the platform's own notation."""
    try:
        # Without escapes and other quotes, the notation is JSON but for the quotes: by far the most frequent case.
        return read_json(extra if '"' in extra or "\\" in extra else extra.replace("'", '"'))
    except NotJsonError:
        return read_literal(extra)
