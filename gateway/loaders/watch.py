"""Finds what is changed elsewhere, for as long as somebody wants to know.

The platforms tell nobody of new applications, nor of what others decide. So the list of what still waits, of pending
reviews or of open repairs, is looked at again and again: a record that appears in it is new, or waits again; one that
is gone from it was decided. One `_Watch` of a list serves all subscribers of this process, and ends with the last.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from gateway.errors import PlatformError, RateLimitedError
from gateway.events import (
    MISSED,
    ORDER_PAID,
    PAYMENT_PLACED,
    REPAIR_CHANGED,
    SHENHE_CHANGED,
    Event,
    EventBus,
    ReadsDropped,
    Subscription,
)
from gateway.loaders.paging import Identified
from gateway.normalise.records import Page
from gateway.normalise.repair import Repair
from gateway.normalise.shenhe import Shenhe
from gateway.normalise.vocabulary import RepairStatus, ShenheStatus
from gateway.platforms.platforms import Platforms

log = structlog.get_logger(__name__)

PER_PAGE = 100
MOST_CHECKED = 20
"""Records gone from a list that one look reads one by one; the next look goes on."""

LONGEST_PAUSE = 300.0
"""In seconds: what the interval is doubled up to while the platform fails."""

MOST_DOUBLINGS = 16

MOST_WATCHED = 500
"""Lists that are looked at, of this process: a caller of every community may name any, and no platform tells which
there are."""


RowT = TypeVar("RowT", bound=Identified)

Sleep = Callable[[float], Awaitable[None]]


def shenhe_state(review: Shenhe) -> Hashable:
    """What makes a review another one than before."""
    return review.status, review.updated_at


def repair_state(repair: Repair) -> Hashable:
    """What makes a repair another one than before: it has no time of its last change."""
    return repair.status, repair.reply


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[RowT]):
    """A list of what waits: how to read a page of it and one record, and the topic that its changes go by.

    `endpoints` are those whose answers are out of date when it has changed: of its own, and `others`.
    """

    topic: str
    endpoints: tuple[str, ...]
    others: tuple[str, ...]
    read_page: Callable[[str, int], Awaitable[Page[RowT]]]
    read_one: Callable[[int, str], Awaitable[RowT | None]]
    state: Callable[[RowT], Hashable]
    waits: Callable[[RowT], bool]


class _Watch(Generic[RowT]):
    """Looks at the list of one community. Of a list of more than two pages, it sees the first and the last one.

    What it sees is no answer to anybody: subscribers are told ids, and read for themselves what they may.
    """

    def __init__(
        self,
        waiting: _Waiting[RowT],
        community_code: str,
        changed: Callable[[list[int]], None],
        missed: Callable[[], None],
    ) -> None:
        self._waiting = waiting
        self._community_code = community_code
        self._changed = changed
        self._missed = missed
        self._known: dict[int, Hashable] | None = None
        self._newest = 0

    async def run(self, interval: float, sleep: Sleep) -> None:
        """Ends only by cancellation. While the platform fails, the pauses grow."""
        failures = 0
        while True:
            try:
                is_late = failures > 0 and self._known is None
                await self.look()
                failures = 0
                if is_late:  # nobody knows what changed since they have been waiting for the first look
                    self._missed()
            except PlatformError as error:
                failures = min(failures + 1, MOST_DOUBLINGS)
                log.warning("watch failed", topic=self._waiting.topic, code=error.code, failures=failures)
            await sleep(max(interval, min(interval * 2**failures, LONGEST_PAUSE)))

    async def look(self) -> None:
        """Compare the list with what it was, and tell what changed. The first look has nothing to compare with.

        Raises PlatformError; then nothing has been told, and the next look finds it all.
        """
        rows, complete = await self._read()
        seen = {row.platform_id: self._waiting.state(row) for row in rows}
        changed: list[int] = []
        if self._known is not None:
            changed += [number for number in seen if self._is_news(number, seen[number], complete)]
            missing = [number for number in self._known if number not in seen]
            for number in missing[:MOST_CHECKED]:
                row = await self._waiting.read_one(number, self._community_code)
                if row is not None and not self._waiting.waits(row):
                    changed.append(number)
                elif row is not None and complete:  # it slipped through while the pages were read
                    seen[number] = self._known[number]
            seen |= {number: self._known[number] for number in missing[MOST_CHECKED:]}
        self._known = seen
        self._newest = max(self._newest, *seen, 0)
        if changed:
            self._changed(changed)

    async def _read(self) -> tuple[tuple[RowT, ...], bool]:
        """What is to be seen of the list, and whether that is all of it. New rows come last (quirk 142) or first."""
        first = await self._waiting.read_page(self._community_code, 1)
        last_page = first.last_page or 1
        if last_page == 1:
            return first.items, True
        last = await self._waiting.read_page(self._community_code, last_page)
        return (*first.items, *last.items), last_page == 2

    def _is_news(self, number: int, state: Hashable, complete: bool) -> bool:
        """An unknown row of an incomplete list is no news: rows move up from where nobody looks, the newest apart."""
        known = self._known or {}
        return known[number] != state if number in known else complete or number > self._newest


class _Running:
    """A watch at work, and for whom."""

    __slots__ = ("subscribers", "task")

    def __init__(self, task: "asyncio.Task[None]") -> None:
        self.task = task
        self.subscribers: set[Subscription] = set()


class Watches:
    """The events of each topic, with a watch at work while somebody listens. One per process.

    `interval` is the pause between two looks at a list, in seconds.
    """

    def __init__(
        self,
        platforms: Platforms,
        events: EventBus,
        interval: float,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        wjdh = platforms.wjdh
        self._events = events
        self._interval = interval
        self._sleep = sleep
        self._running: dict[tuple[str, str], _Running] = {}
        self._shenhe = _Waiting(
            SHENHE_CHANGED,
            ("shenhe", "shenheList"),
            ("people", "owner"),
            lambda code, page: wjdh.shenhes(code, status=ShenheStatus.PENDING, page=page, per_page=PER_PAGE),
            wjdh.shenhe,
            shenhe_state,
            lambda review: review.status is ShenheStatus.PENDING,
        )
        self._repair = _Waiting(
            REPAIR_CHANGED,
            ("repair", "repair/list"),
            (),
            lambda code, page: wjdh.repairs(code, RepairStatus.OPEN, page, PER_PAGE),
            wjdh.repair,
            repair_state,
            lambda repair: repair.status is RepairStatus.OPEN,
        )

    def __len__(self) -> int:
        return len(self._running)

    def payment(self, *, placed: bool) -> AbstractContextManager[Subscription]:
        """The payments that arrive, of all communities. Nothing is polled: they come to the gateway by themselves.

        `placed`: those too whose community was found out later, for whoever could not be told before.
        """
        return self._events.subscribe(ORDER_PAID, *((PAYMENT_PLACED,) if placed else ()))

    def shenhe(self, community_code: str) -> AbstractContextManager[Subscription]:
        """The reviews that change, with a watch on those of one community. Entering it raises RateLimitedError."""
        return self._watch(self._shenhe, community_code)

    def repair(self, community_code: str) -> AbstractContextManager[Subscription]:
        """The repairs that change, with a watch on those of one community. Entering it raises RateLimitedError."""
        return self._watch(self._repair, community_code)

    @contextmanager
    def _watch(self, waiting: _Waiting[Any], community_code: str) -> Iterator[Subscription]:
        key = (waiting.topic, community_code)
        running = self._running.get(key)
        if running is None:
            if len(self._running) >= MOST_WATCHED:
                raise RateLimitedError("Too many communities are watched at once", self._interval)
            running = self._running[key] = self._start(waiting, community_code)
        with self._events.subscribe(waiting.topic) as events:
            running.subscribers.add(events)
            try:
                yield events
            finally:
                running.subscribers.remove(events)
                if not running.subscribers:
                    del self._running[key]
                    running.task.cancel()

    def _start(self, waiting: _Waiting[Any], community_code: str) -> _Running:
        out_of_date = ReadsDropped(community_code, (*waiting.endpoints, *waiting.others))

        def changed(numbers: list[int]) -> None:
            self._events.publish(out_of_date)
            for number in numbers:
                self._events.publish(Event(waiting.topic, community_code, str(number)))

        def missed() -> None:
            self._events.publish(out_of_date)
            for subscription in self._running[waiting.topic, community_code].subscribers:
                subscription.put(MISSED)

        # The first look tells of no change: whoever queries now is not to be given an answer from before one.
        self._events.publish(ReadsDropped(community_code, waiting.endpoints))
        watch = _Watch(waiting, community_code, changed, missed)
        return _Running(asyncio.create_task(watch.run(self._interval, self._sleep), name=f"watch {waiting.topic}"))
