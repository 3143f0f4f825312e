"""What the sandbox's orders come to, by the rows it sends and nothing of the gateway."""

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.dialects.order import RENDER
from gateway.sandbox.model import Order

FILTERS: dict[str, Callable[[Order], object]] = {
    "": lambda order: True,
    "status: OPEN": lambda order: order.is_open,
    "paymentStatus: UNPAID": lambda order: not order.is_paid,
    "paymentStatus: PAID": lambda order: order.is_paid,
    "status: OPEN, paymentStatus: UNPAID": lambda order: order.is_open and not order.is_paid,
    "feeType: WATER": lambda order: order.title == "水费",
    "building: 1": lambda order: order.house and order.house.address.building == 1,
    "building: 99": lambda order: False,
}
"""Filters of orders, and which orders they find."""


class Sum(NamedTuple):
    orders: int
    yuan: Decimal
    unreadable: int


def whole(parts: Iterable[Sum]) -> Sum:
    """What they come to together."""
    parts = [*parts]
    yuan = sum((part.yuan for part in parts), Decimal())
    return Sum(sum(part.orders for part in parts), yuan, sum(part.unreadable for part in parts))


def amount(row: dict[str, Any]) -> Decimal | None:
    """The amount of a row, None where it is no number."""
    try:
        return Decimal(str(row["amount"]).removesuffix("元").replace(",", ""))
    except InvalidOperation:
        return None


def add_up(rows: Iterable[dict[str, Any]]) -> Sum:
    amounts = [amount(row) for row in rows]
    read = [yuan for yuan in amounts if yuan is not None]
    return Sum(len(amounts), sum(read, Decimal()), len(amounts) - len(read))


def rows(orders: Iterable[Order], dialect: Dialect, filters: str = "") -> list[dict[str, Any]]:
    """The rows of the orders that the filters find."""
    return [RENDER[dialect](order) for order in orders if FILTERS[filters](order)]


def to_sum(found: dict[str, Any]) -> Sum:
    """What a FeeSummary or FeeGroup says."""
    return Sum(found["count"], Decimal(found["amount"]["yuan"]), found["unreadable"])
