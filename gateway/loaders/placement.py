"""Finds out which community a paid order belongs to: a notification does not tell, an order list does (quirk 161).

Whenever an order page is read, numbers that notifications wait under are looked for in it. Memory holds those numbers
only: where none waits, a page costs nothing.
"""

import asyncio
from collections import defaultdict

import structlog

from gateway.errors import JournalError
from gateway.events import ORDER_PAID, PAYMENT_PLACED, Event, EventBus
from gateway.journal.payments import Payments
from schema.normalise.records import Order, Page

log = structlog.get_logger(__name__)

BURST = 0.2
"""Seconds in which the notifications that come together are waited for, and then looked at together."""

RETRY = 5.0
"""Seconds, after the journal could not be used."""


class Placement:
    """Run one per gateway. Until it is told otherwise, no number waits."""

    def __init__(self, payments: Payments, events: EventBus) -> None:
        self._payments = payments
        self._events = events
        self._waiting: frozenset[str] = frozenset()
        self._seen: defaultdict[str, set[str]] = defaultdict(set)
        self._found = asyncio.Event()

    def look_at(self, community_code: str, page: Page[Order]) -> None:
        """Note the orders of this community's page that a notification waits under."""
        if not self._waiting:
            return
        numbers = self._waiting.intersection(order.number for order in page.items if order.number is not None)
        if numbers:
            self._seen[community_code] |= numbers
            self._found.set()

    async def run(self) -> None:
        """Keep the waiting numbers up to date, and record what was found. Ends only by cancellation."""
        # One event says as much as many: there are notifications to look at.
        with self._events.subscribe(ORDER_PAID, PAYMENT_PLACED, capacity=1) as paid:
            arrival = asyncio.ensure_future(anext(paid))
            found = asyncio.ensure_future(self._found.wait())
            try:
                while True:
                    try:
                        await self._place()
                        self._waiting = await self._payments.without_community()
                        pause = None
                    except JournalError as error:
                        log.warning("placement waits for the journal", reason=error.message)
                        pause = RETRY
                    await asyncio.wait({arrival, found}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                    if arrival.done():
                        await asyncio.sleep(BURST)
                        arrival = asyncio.ensure_future(anext(paid))
                    if found.done():
                        self._found.clear()
                        found = asyncio.ensure_future(self._found.wait())
            finally:
                arrival.cancel()
                found.cancel()

    async def _place(self) -> None:
        """Record the communities of what was seen, and tell of the payments anew: now their community may see them.

        Also of those that have theirs already: it may be that the journal failed before they could be told of.
        """
        while self._seen:
            community_code, numbers = self._seen.popitem()
            try:
                await self._payments.set_community(numbers, community_code)
                payments = await self._payments.by_order_number(numbers)
            except JournalError:
                self._seen[community_code] |= numbers
                raise
            for payment in payments.values():
                self._events.publish(Event(PAYMENT_PLACED, payment.community_code, payment.id))
