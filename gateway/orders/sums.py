"""What orders come to, by groups, exactly; and whether wjdh calls paid what this gateway was notified of."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from functools import reduce
from math import inf
from operator import itemgetter
from typing import NamedTuple

from msgspec.structs import asdict

from gateway.journal.payments import Payments
from gateway.journal.records import NotifiedOrder, Payment
from gateway.loaders.loader import ComposedLoader
from gateway.normalise.records import Int32, Money, Record, WholeList
from gateway.normalise.times import CHINA
from gateway.normalise.values import money_of_sum
from gateway.normalise.vocabulary import DeliveryState
from gateway.orders.reads import MOST_ORDERS, ORDERS, AllOrdersKey, AllOrdersLoader
from gateway.orders.record import Order, PaymentStatus
from gateway.wording.enums import DescribedEnum, Word


class FeeGrouping(DescribedEnum, chinese="费用分组", english="How the sums of orders are grouped"):
    FEE_TYPE = Word("收费类型", "The kind of fee, derived from the title")
    TITLE = Word("收费名称", "The title, as the platform writes it")
    BUILDING = Word("楼栋", "The building of the house that is charged")
    PAYMENT_STATUS = Word("缴费状态", "Whether it is paid")
    MONTH = Word("月份", "Month of creation, in China time")
    AGE = Word("账龄", "Days since creation, in China time, in bands")


class Group(NamedTuple):
    """Which group, and its place among the others: they stand in order."""

    place: float
    key: str
    label: str


AGE_BANDS = {
    30: Group(0, "0-30", "0至30天"),
    90: Group(1, "31-90", "31至90天"),
    180: Group(2, "91-180", "91至180天"),
    365: Group(3, "181-365", "181至365天"),
    inf: Group(4, "366+", "366天及以上"),
}
"""Groups of FeeGrouping.AGE, by the days that orders have at most."""

PERSONAL_CHARGES = Group(2**32, "PERSONAL", "个人收费")  # the group of FeeGrouping.BUILDING that has orders of no house
UNKNOWN_GROUP = Group(inf, "UNKNOWN", "未知")  # the group of orders of which it cannot be read where they belong

EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])
"""Adds amounts without rounding: the longest have 30 digits on either side of the point."""


class Total(Record, frozen=True, gc=False):
    """How many orders there are, and what they come to, but for the `unreadable` ones."""

    count: Int32
    amount: Money
    unreadable: Int32


class FeeGroup(Total, frozen=True, gc=False):
    """The orders of one group."""

    key: str
    label: str


class FeeSummary(Total, frozen=True, gc=False):
    """What the orders of a list come to. `groups` add up to the whole, in count, amount and unreadable ones."""

    missing: Int32
    complete: bool
    as_of: datetime
    groups: tuple[FeeGroup, ...]


def add_up(orders: Collection[Order], dropped: int = 0) -> Total:
    """The total of these orders, and of `dropped` rows, which are no records and orders all the same."""
    amounts = [order.amount for order in orders if order.amount is not None]
    fen = sum([amount.fen for amount in amounts if amount.fen is not None])
    others = [Decimal(amount.yuan) for amount in amounts if amount.fen is None]
    yuan = reduce(EXACT.add, others, Decimal(fen).scaleb(-2, EXACT))
    return Total(len(orders) + dropped, money_of_sum(yuan), len(orders) - len(amounts) + dropped)


def summarise(
    orders: WholeList[Order], grouping: FeeGrouping | None, now: datetime, show_title: Callable[[str], str]
) -> FeeSummary:
    """The sums of a list. Ages are those of `now`; `show_title` masks what a title must not show to anybody."""
    groups: defaultdict[Group, list[Order]] = defaultdict(list)
    if grouping is not None:
        today = now.astimezone(CHINA).date()
        for order in orders.items:
            groups[_get_group(order, grouping, today, show_title)].append(order)
        if orders.dropped:
            groups[UNKNOWN_GROUP] += ()
    whole = add_up(orders.items, orders.dropped)
    return FeeSummary(
        **asdict(whole),
        missing=orders.missing,
        complete=orders.whole and not whole.unreadable,
        as_of=orders.read_at,
        groups=tuple(
            FeeGroup(
                key=group.key,
                label=group.label,
                **asdict(add_up(those, orders.dropped if group == UNKNOWN_GROUP else 0)),
            )
            for group, those in sorted(groups.items(), key=itemgetter(0))
        ),
    )


def _get_group(order: Order, grouping: FeeGrouping, today: date, show_title: Callable[[str], str]) -> Group:
    match grouping:
        case FeeGrouping.FEE_TYPE | FeeGrouping.PAYMENT_STATUS:
            word = order.fee_type if grouping is FeeGrouping.FEE_TYPE else order.payment_status
            return Group(list(type(word)).index(word), word.value, word.label)
        case FeeGrouping.TITLE:
            if title := show_title(order.title.strip()):
                return Group(0, title, title)
        case FeeGrouping.BUILDING:
            if order.address is None:
                return PERSONAL_CHARGES
            if order.house is not None and (building := order.house.building) is not None:
                return Group(building, str(building), f"{building}栋")
        case FeeGrouping.MONTH:
            if created := order.created_at:
                return Group(0, f"{created:%Y-%m}", f"{created.year}年{created.month}月")
        case FeeGrouping.AGE:
            if (created := order.created_at) and (days := (today - created.date()).days) >= 0:
                return next(group for most, group in AGE_BANDS.items() if days <= most)
    return UNKNOWN_GROUP


MOST_LISTED = 100  # of each kind; all are counted

MOST_NOTIFICATIONS = MOST_ORDERS
"""Of a community, and of no known one: the newest. With more of them nobody can say which orders have none."""


class ReconciliationKey(NamedTuple):
    """A community, and the time from `since` until before `until`; None: without an end on that side."""

    community_code: str
    since: datetime | None
    until: datetime | None

    def holds(self, moment: datetime) -> bool:
        return not self.begins_after(moment) and (self.until is None or moment < self.until)

    def begins_after(self, moment: datetime) -> bool:
        return self.since is not None and moment < self.since


class Reconciliation(Record, frozen=True, gc=False):
    """What agrees, and what does not, each list with its newest entries. What is not certain is in no list, and makes
    the comparison incomplete.
    """

    matched: Int32
    matched_amount: Money
    paid_without_notification: tuple[Order, ...]
    paid_without_notification_count: Int32
    earlier_paid_without_notification_count: Int32
    notified_unpaid: tuple[Payment, ...]
    notified_unpaid_count: Int32
    undelivered: tuple[Payment, ...]
    undelivered_count: Int32
    complete: bool
    as_of: datetime


@dataclass(eq=False, repr=False)
class ReconciliationLoader(ComposedLoader[ReconciliationKey, Reconciliation]):
    """Reads the notifications before and after all orders of the community: one that comes meanwhile is none for an
    order read as unpaid, and is one for an order read as paid. `_place` records which community lists orders.
    """

    _orders: AllOrdersLoader
    _payments: Payments
    _place: Callable[[str, set[str]], Awaitable[object]]

    async def compose(self, key: ReconciliationKey) -> Reconciliation:
        code = key.community_code
        payments = self._payments
        before = await payments.order_numbers(code, MOST_NOTIFICATIONS)
        before |= await payments.order_numbers(None, MOST_NOTIFICATIONS)
        [orders] = await self._orders.load_all([AllOrdersKey(code, ORDERS.everything)])
        notified, unplaced = await self._notified(code)
        if here := {number for order in orders.items if (number := order.number) in unplaced and number}:
            await self._place(code, here)
            notified, unplaced = await self._notified(code)
        are_all = max(len(notified), len(unplaced)) < MOST_NOTIFICATIONS  # there are no others
        numbered = {order.number: order for order in orders.items if order.number is not None}
        shows_all = orders.whole and not orders.dropped and len(numbered) == len(orders.items)
        known = {each.order_number for each in notified}
        received = {each.order_number: each for each in notified if key.holds(each.received_at)}
        paid = [order for order in numbered.values() if order.payment_status is PaymentStatus.PAID]
        matched = add_up([order for order in paid if order.number in received])
        unknown = [order for order in paid if are_all and order.number not in known]
        without = [order for order in unknown if order.created_at is None or key.holds(order.created_at)]
        earlier = [order for order in unknown if order.created_at and key.begins_after(order.created_at)]
        undelivered = [each.id for each in received.values() if each.state is not DeliveryState.DELIVERED]
        unpaid = [  # for certain: an order that is not there is not paid
            each.id
            for number, each in received.items()
            if number in before  # others may have been paid since the list was read
            and (numbered[number].payment_status is PaymentStatus.UNPAID if number in numbered else shows_all)
        ]
        shown = {*unpaid[:MOST_LISTED], *undelivered[:MOST_LISTED]}
        listed = await payments.by_ids(shown) if shown else {}
        are_readable = all(order.payment_status is not PaymentStatus.UNRECOGNIZED for order in orders.items)
        return Reconciliation(
            matched=matched.count,
            matched_amount=matched.amount,
            paid_without_notification=tuple(without[:MOST_LISTED]),
            paid_without_notification_count=len(without),
            earlier_paid_without_notification_count=len(earlier),
            notified_unpaid=tuple(listed[payment_id] for payment_id in unpaid[:MOST_LISTED]),
            notified_unpaid_count=len(unpaid),
            undelivered=tuple(listed[payment_id] for payment_id in undelivered[:MOST_LISTED]),
            undelivered_count=len(undelivered),
            complete=shows_all and are_all and are_readable and not matched.unreadable,
            as_of=orders.read_at,
        )

    async def _notified(self, community_code: str) -> tuple[Sequence[NotifiedOrder], Set[str]]:
        """The notifications of a community, and the orders of those of no known one, which are read first: one whose
        community becomes known meanwhile is then in both.
        """
        unplaced = await self._payments.order_numbers(None, MOST_NOTIFICATIONS)
        return await self._payments.notified(community_code, MOST_NOTIFICATIONS), unplaced
