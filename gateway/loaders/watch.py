"""Finds what is changed elsewhere, by polling, while a subscriber wants to know.

The platforms notify nobody of new applications, nor of what others decide. So the list of what waits, pending reviews
or open repairs, is read again and again: a record that appears in it is new, or waits again; one that is gone from it
was decided. One watch of a list serves all subscribers of this process, and ends with the last.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import structlog

from gateway.errors import PlatformError, RateLimitedError
from gateway.events import MISSED, ORDER_PAID, PAYMENT_PLACED, Event, EventBus, ReadsDropped, Subscription
from gateway.loaders.record_list import RecordList, Watched
from gateway.platforms.platforms import Platforms
from gateway.platforms.wjdh import Wjdh
from gateway.wording.requests import RequestWording

log = structlog.get_logger(__name__)

PER_PAGE = 100
MOST_CHECKED = 20
"""Records gone from a list that one poll reads one by one; the next poll goes on."""

LONGEST_PAUSE = 300.0
"""In seconds: what the interval is doubled up to while the platform fails."""

MOST_DOUBLINGS = 16

MOST_WATCHED = 500
"""Lists that one process polls: a caller of every community may name any, and no platform says which there are."""

Sleep = Callable[[float], Awaitable[None]]


class _Watch:
    """Polls the list of one community. Of a list of more than two pages, it sees the first and the last one.

    What it sees is no answer to anybody: subscribers get ids, and read for themselves what they may.
    """

    def __init__(
        self, wjdh: Wjdh, records: RecordList[Any], watched: Watched[Any], community_code: str, events: EventBus
    ) -> None:
        self._wjdh = wjdh
        self._records = records
        self._watched = watched
        self._community_code = community_code
        self._events = events
        self._known: dict[int, Hashable] | None = None
        self._newest = 0
        self.subscribers: set[Subscription] = set()

    async def run(self, interval: float, sleep: Sleep) -> None:
        """Poll each `interval` seconds; while the platform fails, the pauses grow. Ends only by cancellation."""
        failures = 0
        while True:
            is_late = failures > 0 and self._known is None
            try:
                changed = await self._poll()
            except PlatformError as error:
                failures = min(failures + 1, MOST_DOUBLINGS)
                log.warning("watch failed", topic=self._watched.topic, code=error.code, failures=failures)
            else:
                failures = 0
                self._publish(changed, missed=is_late)  # nobody knows what changed before the first poll succeeded
            await sleep(max(interval, min(interval * 2**failures, LONGEST_PAUSE)))

    def _publish(self, changed: list[int], *, missed: bool) -> None:
        watched, code = self._watched, self._community_code
        if changed or missed:
            self._events.publish(ReadsDropped(code, self._records.endpoints + watched.others))
        for number in changed:
            self._events.publish(Event(watched.topic, code, str(number)))
        if missed:
            for subscription in self.subscribers:
                subscription.put(MISSED)

    async def _poll(self) -> list[int]:
        """Compare the list with what it was: the rows that changed. The first poll has nothing to compare with.

        Raises PlatformError; then the next poll finds what this one would have.
        """
        rows, complete = await self._read()
        seen = {row.platform_id: self._watched.state(row) for row in rows}
        changed: list[int] = []
        if self._known is not None:
            changed += [number for number in seen if self._is_news(number, seen[number], complete)]
            missing = [number for number in self._known if number not in seen]
            for number in missing[:MOST_CHECKED]:
                row = await self._read_record(number)
                if row is not None and row.status is not self._records.waiting.status:
                    changed.append(number)
                elif row is not None and complete:  # it slipped through while the pages were read
                    seen[number] = self._known[number]
            seen |= {number: self._known[number] for number in missing[MOST_CHECKED:]}
        self._known = seen
        self._newest = max(self._newest, *seen, 0)
        return changed

    async def _read(self) -> tuple[tuple[Any, ...], bool]:
        """What is seen of the list, and whether that is all of it. New rows come last (quirk 142) or first."""
        first = await self._read_page(1)
        last_page = first.last_page or 1
        if last_page == 1:
            return first.items, True
        last = await self._read_page(last_page)
        return (*first.items, *last.items), last_page == 2

    async def _read_page(self, number: int) -> Any:
        records = self._records
        return await records.read_page(self._wjdh, self._community_code, records.waiting, number, PER_PAGE)

    async def _read_record(self, number: int) -> Any:
        return await self._records.read_record(self._wjdh, number, self._community_code)

    def _is_news(self, number: int, state: Hashable, complete: bool) -> bool:
        """An unknown row of an incomplete list is no news: rows move up from where nobody looks, the newest apart."""
        known = self._known or {}
        return known[number] != state if number in known else complete or number > self._newest


class Watches:
    """The events of each topic, with a watch at work while somebody listens. One per process.

    `interval` is the pause between two polls of a list, in seconds.
    """

    def __init__(self, platforms: Platforms, events: EventBus, interval: float, sleep: Sleep = asyncio.sleep) -> None:
        self._wjdh = platforms.wjdh
        self._events = events
        self._interval = interval
        self._sleep = sleep
        self._running: dict[tuple[str, str], tuple[_Watch, asyncio.Task[None]]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def payment(self, *, placed: bool) -> AbstractContextManager[Subscription]:
        """The payments that arrive, of all communities. Nothing is polled: they come to the gateway by themselves.

        `placed`: also those whose community was found out later, for the caller who could not see them before.
        """
        return self._events.subscribe(ORDER_PAID, *((PAYMENT_PLACED,) if placed else ()))

    @contextmanager
    def changes(self, records: RecordList[Any], community_code: str) -> Iterator[Subscription]:
        """The records of a list that change, with a watch on those of one community.

        Entering it raises RateLimitedError; LookupError for a list that is not watched.
        """
        watched = records.watched
        if watched is None:
            raise LookupError(f"nobody watches the list of {records.type_name}")
        key = (watched.topic, community_code)
        if key not in self._running:
            if len(self._running) >= MOST_WATCHED:
                raise RateLimitedError(RequestWording.TOO_MANY_WATCHES(), self._interval, subject="watches")
            # The first poll finds no change: who reads from now on gets no answer from before it.
            self._events.publish(ReadsDropped(community_code, records.endpoints))
            watch = _Watch(self._wjdh, records, watched, community_code, self._events)
            run = watch.run(self._interval, self._sleep)
            self._running[key] = watch, asyncio.create_task(run, name=f"watch {watched.topic}")
        watch, task = self._running[key]
        with self._events.subscribe(watched.topic) as events:
            watch.subscribers.add(events)
            try:
                yield events
            finally:
                watch.subscribers.remove(events)
                if not watch.subscribers:
                    del self._running[key]
                    task.cancel()
