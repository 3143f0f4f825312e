"""What orders come to: exact sums, of all of them and by groups."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from math import inf
from typing import NamedTuple

from gateway.normalise.order import Order
from gateway.normalise.records import Int32, Money, Record, WholeList
from gateway.normalise.states import (
    AGE_BANDS,
    BUILDING_LABEL,
    MONTH_LABEL,
    PERSONAL_CHARGES,
    UNKNOWN_GROUP,
    FeeGrouping,
)
from gateway.normalise.times import CHINA
from gateway.normalise.values import money_of_sum
from gateway.normalise.wire_enum import DescribedEnum

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])
"""Adds amounts without rounding: the longest have 30 digits on either side of the point."""


class FeeGroup(Record, frozen=True, gc=False):
    """The orders of one group."""

    key: str
    label: str
    count: Int32
    amount: Money
    unreadable: Int32


class FeeSummary(Record, frozen=True, gc=False):
    """What the orders of a list come to. `groups` add up to the whole, in count, amount and unreadable ones."""

    count: Int32
    amount: Money
    unreadable: Int32
    missing: Int32
    complete: bool
    as_of: datetime
    groups: tuple[FeeGroup, ...]


class Total:
    """Counts orders and adds up their amounts."""

    __slots__ = ("count", "unreadable", "yuan")

    def __init__(self) -> None:
        self.count = 0
        self.unreadable = 0
        self.yuan = Decimal()

    def add(self, order: Order) -> None:
        self.count += 1
        if order.amount is None:
            self.unreadable += 1
        else:
            self.yuan = EXACT.add(self.yuan, Decimal(order.amount.yuan))

    def add_unread(self, rows: int) -> None:
        """These rows are no records, and orders all the same."""
        self.count += rows
        self.unreadable += rows

    @property
    def amount(self) -> Money:
        return money_of_sum(self.yuan)


class _Group(NamedTuple):
    """Which group, and its place among the others: they stand in order."""

    place: float
    key: str
    label: str


_UNKNOWN = _Group(inf, *UNKNOWN_GROUP)
_PERSONAL = _Group(2**32, *PERSONAL_CHARGES)


def add_up(orders: Iterable[Order]) -> Total:
    total = Total()
    for order in orders:
        total.add(order)
    return total


def summarise(
    orders: WholeList[Order], grouping: FeeGrouping | None, now: datetime, show_title: Callable[[str], str]
) -> FeeSummary:
    """The sums of a list. Ages are those of `now`; `show_title` masks what a title must not show to anybody."""
    total = add_up(orders.items)
    total.add_unread(orders.dropped)
    return FeeSummary(
        count=total.count,
        amount=total.amount,
        unreadable=total.unreadable,
        missing=orders.missing,
        complete=orders.whole and not total.unreadable,
        as_of=orders.read_at,
        groups=() if grouping is None else _groups(orders, _group_finder(grouping, now, show_title)),
    )


def _groups(orders: WholeList[Order], find: Callable[[Order], _Group]) -> tuple[FeeGroup, ...]:
    totals: dict[_Group, Total] = {}
    for order in orders.items:
        group = find(order)
        if group not in totals:
            totals[group] = Total()
        totals[group].add(order)
    if orders.dropped:
        totals.setdefault(_UNKNOWN, Total()).add_unread(orders.dropped)
    return tuple(
        FeeGroup(group.key, group.label, total.count, total.amount, total.unreadable)
        for group, total in sorted(totals.items(), key=lambda entry: entry[0])
    )


def _group_finder(grouping: FeeGrouping, now: datetime, show_title: Callable[[str], str]) -> Callable[[Order], _Group]:
    finders: dict[FeeGrouping, Callable[[Order], _Group]] = {
        FeeGrouping.FEE_TYPE: lambda order: _of_word(order.fee_type),
        FeeGrouping.TITLE: lambda order: _of_title(show_title(order.title.strip())),
        FeeGrouping.BUILDING: _of_building,
        FeeGrouping.PAYMENT_STATUS: lambda order: _of_word(order.payment_status),
        FeeGrouping.MONTH: _of_month,
        FeeGrouping.AGE: lambda order: _of_age(order, now.astimezone(CHINA).date()),
    }
    return finders[grouping]


def _of_word(word: DescribedEnum) -> _Group:
    return _Group(list(type(word)).index(word), word.value, word.label)


def _of_title(title: str) -> _Group:
    return _Group(0, title, title) if title else _UNKNOWN


def _of_building(order: Order) -> _Group:
    house = order.house
    if house is not None and (building := house.building) is not None:
        return _Group(building, str(building), BUILDING_LABEL.format(building))
    return _PERSONAL if order.address is None else _UNKNOWN


def _of_month(order: Order) -> _Group:
    created = order.created_at
    if created is None:
        return _UNKNOWN
    return _Group(0, f"{created:%Y-%m}", MONTH_LABEL.format(created.year, created.month))


def _of_age(order: Order, today: date) -> _Group:
    created = order.created_at
    days = -1 if created is None else (today - created.date()).days
    if days < 0:
        return _UNKNOWN
    place, band = next((place, band) for place, band in enumerate(AGE_BANDS) if days <= band.days)
    return _Group(place, band.key, band.label)
