"""Payment notifications as the journal has them, and which community each belongs to.

A notification does not say, an order list does (quirk 161). Whenever an order page is read, the numbers of its orders
are remembered, and those that notifications wait under looked for. So a payment has its community a moment after it
came where this gateway, or another of the same journal, has seen the order before; else its order is searched in the
lists of all communities, by halves, and a page that shows it places it. An order that is shown with its payment places
it at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from math import inf
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from gateway.errors import JournalError
from gateway.events import WakeUp
from gateway.futures import wait_at_most
from gateway.journal.journal import Journal
from gateway.journal.records import Payment
from gateway.normalise.records import Page

BURST = 0.2  # seconds in which the notifications that come together are waited for, and then looked at together
RETRY = 5.0  # seconds, after the journal could not be used
SEARCH_AGAIN = 60.0  # seconds, after a list could not be searched for an order
MOST_WAITING = 1000  # notifications that are looked for at once, the newest ones

_NUMBER = attrgetter("number")

Search = Callable[[str], Awaitable[bool]]
"""Reads the pages where the order of this number may stand. Whether all lists could be searched."""

REMEMBERED = 20_000
"""How many orders the pages have that are remembered at least, those seen last; at most twice as many, in some 1 MiB.
Of a page it is one text of their numbers: a number each would take 5 % of the CPU of a list.
"""


class NotificationKey(NamedTuple):
    """The number of an order, and the community whose list it stands in."""

    community_code: str
    order_number: str


class Placement:
    """Run one per gateway. Until `run` has looked, no number waits."""

    def __init__(self, journal: Journal, search: Search) -> None:
        self._payments = journal.payments
        self._bus = journal.bus
        self._search = search
        self._search_at: dict[str, float] = {}  # the waiting numbers, and when they are searched for
        self._searching: asyncio.Task[None] | None = None
        self._seen: dict[str, str] = {}  # the communities of the pages that were seen last, by their orders' numbers
        self._seen_before: dict[str, str] = {}
        self._seen_orders = 0
        self._waiting: frozenset[str] = frozenset()
        self._placed: defaultdict[str, set[str]] = defaultdict(set)  # in which community, to be recorded
        self._woken = asyncio.Event()

    def look_at(self, page: Page[Any]) -> None:
        """Note the orders of a community's page, above all those that a notification waits under."""
        if not page.items:
            return
        community_code = page.items[0].community_code
        if (numbers := "\n".join(filter(None, map(_NUMBER, page.items)))) not in self._seen:
            self._seen[numbers] = community_code
            self._seen_orders += len(page.items)
            if self._seen_orders >= REMEMBERED:
                self._seen_before, self._seen, self._seen_orders = self._seen, {}, 0
        if self._waiting and (found := self._waiting.intersection(map(_NUMBER, page.items))):
            self._placed[community_code] |= found
            self._woken.set()

    async def run(self) -> None:
        """Keep the waiting numbers up to date, and record what was found. Ends only by cancellation."""
        try:
            with self._bus.wake_ups(WakeUp.PAYMENTS_DUE, WakeUp.PAYMENTS_PLACED) as self._woken:
                while True:
                    self._woken.clear()
                    try:
                        waited, self._waiting = self._waiting, await self._payments.order_numbers(None, MOST_WAITING)
                        self._look_back(self._waiting - waited)
                        await self._record()
                        pause = self._search_next()
                    except JournalError:  # which is logged where it happens
                        pause = RETRY
                    await wait_at_most(self._woken, pause)
                    if not self._placed:
                        await asyncio.sleep(BURST)
        finally:
            if self._searching is not None:
                self._searching.cancel()

    def _look_back(self, new: frozenset[str]) -> None:
        """Look for these numbers, which have begun to wait, in the pages that were seen before."""
        for numbers, community_code in chain(self._seen_before.items(), self._seen.items()) if new else ():
            if found := new.intersection(numbers.split("\n")):
                self._placed[community_code] |= found

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
        self._woken.set()

    async def place(self, community_code: str, numbers: set[str]) -> dict[str, Payment]:
        """Record that these orders stand in the list of this community; their payments by order number, in their new
        state. If it fails, `run` retries. Raises JournalError.
        """
        try:
            await self._payments.set_community(numbers, community_code)
            return await self._payments.by_order_number(numbers)
        except BaseException:
            self._placed[community_code] |= numbers
            self._woken.set()
            raise

    async def notifications(self, keys: Sequence[NotificationKey]) -> list[Payment | None]:
        """The payment of each order. One that is shown with its payment places it, if nothing else has before.

        Raises JournalError.
        """
        found = await self._payments.by_order_number([key.order_number for key in keys])
        unplaced: defaultdict[str, set[str]] = defaultdict(set)
        for community_code, number in keys:
            if (payment := found.get(number)) is not None and payment.community_code is None:
                unplaced[community_code].add(number)
        for community_code, numbers in unplaced.items():
            try:
                found |= await self.place(community_code, numbers)
            except JournalError:  # which can be read at least: the order is where it is, and that is recorded later
                for number in numbers:
                    found[number] = msgspec.structs.replace(found[number], community_code=community_code)
        return [found.get(key.order_number) for key in keys]

    async def _record(self) -> None:
        """Record the communities that were found."""
        while self._placed:
            community_code, numbers = self._placed.popitem()
            self._waiting -= numbers
            try:
                await self._payments.set_community(numbers, community_code)
            except JournalError:
                self._placed[community_code] |= numbers
                raise
