"""Finds out which community a paid order belongs to: a notification does not say, an order list does (quirk 161).

Whenever an order page is read, the numbers of its orders are remembered, and those that notifications wait under looked
for. So a payment has its community a moment after it came where this gateway, or another of the same journal, has seen
the order before; else its order is searched in the lists of all communities, by halves, and a page that shows it places
it. An order that is shown with its payment places it at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from math import inf

from gateway.errors import JournalError
from gateway.events import EventBus, WakeUp
from gateway.journal.payments import Payments
from gateway.journal.records import Payment
from gateway.normalise.order import Order
from gateway.normalise.records import Page

BURST = 0.2
"""Seconds in which the notifications that come together are waited for, and then looked at together."""

RETRY = 5.0
"""Seconds, after the journal could not be used."""

SEARCH_AGAIN = 60.0
"""Seconds, after a list could not be searched for an order."""

Search = Callable[[str], Awaitable[bool]]
"""Reads the pages where the order of this number may stand. Whether all lists could be searched."""

REMEMBERED = 20_000
"""How many of the orders seen last are remembered at least, by number alone; at most twice as many, in some 4 MiB."""


class SeenOrders:
    """The communities of the orders that were seen last."""

    def __init__(self) -> None:
        self._recent: dict[str | None, str] = {}
        self._earlier: dict[str | None, str] = {}

    def add(self, community_code: str, numbers: Iterable[str | None]) -> None:
        """Remember these orders, and forget the earlier ones when enough have come since."""
        self._recent.update(dict.fromkeys(numbers, community_code))
        if len(self._recent) >= REMEMBERED:
            self._earlier, self._recent = self._recent, {}

    def get_community(self, number: str) -> str | None:
        """None: it was not seen, or is forgotten."""
        return self._recent.get(number) or self._earlier.get(number)


class Placement:
    """Run one per gateway. Until `run` has looked, no number waits."""

    def __init__(self, payments: Payments, events: EventBus, search: Search) -> None:
        self._payments = payments
        self._search = search
        self._search_at: dict[str, float] = {}  # the waiting numbers, and when they are searched for
        self._searching: asyncio.Task[None] | None = None
        self._events = events
        self._seen = SeenOrders()
        self._waiting: frozenset[str] = frozenset()
        self._placed: defaultdict[str, set[str]] = defaultdict(set)  # in which community, to be recorded
        self._found = asyncio.Event()

    def look_at(self, page: Page[Order]) -> None:
        """Note the orders of a community's page, above all those that a notification waits under."""
        if not page.items:
            return
        community_code = page.items[0].community_code
        numbers = [order.number for order in page.items]
        self._seen.add(community_code, numbers)
        if self._waiting and (found := self._waiting.intersection(numbers)):
            self._placed[community_code] |= found
            self._found.set()

    async def run(self) -> None:
        """Keep the waiting numbers up to date, and record what was found. Ends only by cancellation."""
        with self._events.wake_ups(WakeUp.PAYMENTS_DUE, WakeUp.PAYMENTS_PLACED) as woken:
            arrival = asyncio.ensure_future(woken.wait())
            found = asyncio.ensure_future(self._found.wait())
            try:
                while True:
                    try:
                        self._waiting = await self._payments.without_community()
                        self._recall()
                        await self._record()
                        pause = self._search_next()
                    except JournalError:  # which is logged where it happens
                        pause = RETRY
                    await asyncio.wait({arrival, found}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                    if arrival.done():
                        await asyncio.sleep(BURST)
                        woken.clear()
                        arrival = asyncio.ensure_future(woken.wait())
                    if found.done():
                        self._found.clear()
                        found = asyncio.ensure_future(self._found.wait())
            finally:
                arrival.cancel()
                found.cancel()
                if self._searching is not None:
                    self._searching.cancel()

    def _search_next(self) -> float | None:
        """Search for the newest of the waiting numbers whose turn it is, one at a time: its end wakes `run`. Seconds
        until it is the turn of another one.
        """
        now = asyncio.get_running_loop().time()
        self._search_at = {number: self._search_at.get(number, now) for number in self._waiting}
        earliest = min(self._search_at.values(), default=inf)
        if earliest == inf or (self._searching is not None and not self._searching.done()):
            return None
        if earliest > now:
            return earliest - now
        due = max(number for number, at in self._search_at.items() if at <= now)
        self._searching = asyncio.create_task(self._search_for(due))
        return None

    async def _search_for(self, number: str) -> None:
        could_search = await self._search(number)
        self._search_at[number] = inf if could_search else asyncio.get_running_loop().time() + SEARCH_AGAIN
        self._found.set()

    def _recall(self) -> None:
        """Place what waits under the number of an order that was seen before."""
        for number in self._waiting:
            if community_code := self._seen.get_community(number):
                self._placed[community_code].add(number)

    async def place(self, community_code: str, numbers: set[str]) -> dict[str, Payment]:
        """Record that these orders stand in the list of this community; their payments, by order number, as they are
        then. Where that does not come to its end, `run` sees to it. Raises JournalError.
        """
        try:
            await self._place(community_code, numbers)
            return await self._payments.by_order_number(numbers)
        except BaseException:
            self._placed[community_code] |= numbers
            self._found.set()
            raise

    async def _record(self) -> None:
        """Record the communities that were found."""
        while self._placed:
            community_code, numbers = self._placed.popitem()
            self._waiting -= numbers
            try:
                await self._place(community_code, numbers)
            except JournalError:
                self._placed[community_code] |= numbers
                raise

    async def _place(self, community_code: str, numbers: set[str]) -> None:
        """Record it, and wake the other gateways: they need not look for these orders any more."""
        if await self._payments.set_community(numbers, community_code):
            self._events.publish(WakeUp.PAYMENTS_PLACED)
