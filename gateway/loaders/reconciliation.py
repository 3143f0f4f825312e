"""Whether what wjdh calls paid is what this gateway was notified of."""

from collections.abc import Sequence, Set
from datetime import datetime
from typing import NamedTuple

from gateway.journal.payments import Payments
from gateway.journal.records import NotifiedOrder, Payment
from gateway.loaders.lists import ORDERS
from gateway.loaders.loader import ComposedLoader
from gateway.loaders.order import MOST_ORDERS, AllOrdersKey, AllOrdersLoader
from gateway.loaders.placement import Placement
from gateway.normalise.fees import add_up
from gateway.normalise.order import Order
from gateway.normalise.records import Int32, Money, Record, WholeList
from gateway.normalise.states import DeliveryState
from gateway.normalise.vocabulary import PaymentStatus

MOST_LISTED = 100
"""Of each kind; all are counted."""

MOST_NOTIFICATIONS = MOST_ORDERS
"""Of a community, and of no known one: the newest. With more of them nobody can say which orders have none."""


class Period(NamedTuple):
    """From `since`, until before `until`; None: without an end on that side."""

    since: datetime | None
    until: datetime | None

    def holds(self, moment: datetime) -> bool:
        return not self.begins_after(moment) and (self.until is None or moment < self.until)

    def begins_after(self, moment: datetime) -> bool:
        return self.since is not None and moment < self.since


class ReconciliationKey(NamedTuple):
    community_code: str
    period: Period


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


class Notifications(NamedTuple):
    """Those of a community, newest first, and the orders of those that are of no known community.

    `are_all`: there are no others.
    """

    placed: Sequence[NotifiedOrder]
    unplaced: Set[str]
    are_all: bool


class Comparison:
    """The orders of a list held against the notifications for them, both newest first.

    `known_before` has the numbers of orders that were notified before the list was read. Of others it may be that they
    were paid after that.
    """

    def __init__(
        self, orders: WholeList[Order], notified: Notifications, known_before: Set[str], period: Period
    ) -> None:
        notifications = {each.order_number: each for each in notified.placed}
        numbered = {order.number: order for order in orders.items if order.number is not None}
        self.shows_all = orders.whole and not orders.dropped and len(numbered) == len(orders.items)
        self.matched: list[Order] = []
        self.without: list[Order] = []
        self.earlier_without = 0
        for number, order in numbered.items():
            if order.payment_status is not PaymentStatus.PAID:
                continue
            notification = notifications.get(number)
            if notification is not None:
                if period.holds(notification.received_at):
                    self.matched.append(order)
            elif notified.are_all:
                self._add_without(order, period)
        received = [each for each in notifications.values() if period.holds(each.received_at)]
        self.undelivered = [each for each in received if each.state is not DeliveryState.DELIVERED]
        self.unpaid = [
            each
            for each in received
            if each.order_number in known_before and self._is_unpaid(numbered.get(each.order_number))
        ]
        self.complete = (
            self.shows_all
            and notified.are_all
            and all(order.payment_status is not PaymentStatus.UNRECOGNIZED for order in orders.items)
        )

    def _add_without(self, order: Order, period: Period) -> None:
        created = order.created_at
        if created is None or period.holds(created):
            self.without.append(order)
        elif period.begins_after(created):
            self.earlier_without += 1

    def _is_unpaid(self, order: Order | None) -> bool:
        """Whether it is certain that wjdh does not call it paid: an order that is not there is not."""
        return self.shows_all if order is None else order.payment_status is PaymentStatus.UNPAID


class ReconciliationLoader(ComposedLoader[ReconciliationKey, Reconciliation]):
    """Reads the notifications before and after all orders of the community.

    One that comes meanwhile is none for an order that was read as unpaid, and is one for an order read as paid.
    """

    def __init__(self, orders: AllOrdersLoader, payments: Payments, placement: Placement) -> None:
        super().__init__()
        self._orders = orders
        self._payments = payments
        self._placement = placement

    async def compose(self, key: ReconciliationKey) -> Reconciliation:
        code = key.community_code
        payments = self._payments
        before = await payments.order_numbers(code, MOST_NOTIFICATIONS)
        before |= await payments.order_numbers(None, MOST_NOTIFICATIONS)
        [orders] = await self._orders.load_all([AllOrdersKey(code, ORDERS.everything)])
        notified = await self._notifications(code)
        here = {number for order in orders.items if (number := order.number) in notified.unplaced and number}
        if here:
            await self._placement.place(code, here)
            notified = await self._notifications(code)
        compared = Comparison(orders, notified, before, key.period)
        matched = add_up(compared.matched)
        unpaid = [each.id for each in compared.unpaid[:MOST_LISTED]]
        undelivered = [each.id for each in compared.undelivered[:MOST_LISTED]]
        listed = await payments.by_ids({*unpaid, *undelivered}) if unpaid or undelivered else {}
        return Reconciliation(
            matched=matched.count,
            matched_amount=matched.amount,
            paid_without_notification=tuple(compared.without[:MOST_LISTED]),
            paid_without_notification_count=len(compared.without),
            earlier_paid_without_notification_count=compared.earlier_without,
            notified_unpaid=tuple(listed[payment_id] for payment_id in unpaid),
            notified_unpaid_count=len(compared.unpaid),
            undelivered=tuple(listed[payment_id] for payment_id in undelivered),
            undelivered_count=len(compared.undelivered),
            complete=compared.complete and not matched.unreadable,
            as_of=orders.read_at,
        )

    async def _notifications(self, community_code: str) -> Notifications:
        placed = await self._payments.notified(community_code, MOST_NOTIFICATIONS)
        unplaced = await self._payments.order_numbers(None, MOST_NOTIFICATIONS)
        return Notifications(placed, unplaced, len(placed) < MOST_NOTIFICATIONS and len(unplaced) < MOST_NOTIFICATIONS)
