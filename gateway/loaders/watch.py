"""Finds what is changed elsewhere, by polling, while a subscriber wants to know.

The platforms notify nobody of new applications, nor of what others decide. So the list of what waits, pending reviews
or open repairs, is read again and again: a record that appears in it is new, or waits again; one that is gone from it
was decided. One watch of a list serves all subscribers of all gateways of a journal: the gateway that holds the list
polls it (`gateway.journal.watches`), and what it finds goes to all of them by the journal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import structlog

from gateway.errors import JournalError, PlatformError, RateLimitedError
from gateway.events import EventBus, ReadsDropped
from gateway.futures import join
from gateway.journal.event_tail import EventTail
from gateway.journal.events import Interest
from gateway.journal.journal import Clock
from gateway.journal.records import GapKind, NewEvent, NotedEvent
from gateway.journal.watches import WatchLeases, WatchLostError
from gateway.loaders.list_poll import ListPoll
from gateway.loaders.record_list import RecordList, Watched
from gateway.ops.slots import background
from gateway.ops.trace import METER, Meter
from gateway.platforms.platforms import Platforms
from gateway.wording.requests import RequestWording

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 300.0
"""In seconds: what the interval is doubled up to while the platform fails."""

MOST_DOUBLINGS = 16

MOST_WATCHED = 500
"""Lists that one process wants watched: a caller of every community may name any, and no platform says which there are.
"""

LINGER = 60.0
"""Seconds that a list is watched on, so that one whose connection broke misses nothing."""

RETRY_DELAY = 1.0

WATCHING = background("watches")
"""Who polls, wherever slots are short: not the subscriber who came first."""

Sleep = Callable[[float], Awaitable[None]]


class _Watch:
    """The watch of the list of one community, for as long as somebody here wants it.

    What it sees is no answer to anybody: subscribers get ids, and read for themselves what they may.
    """

    def __init__(
        self,
        poll: ListPoll,
        topic: str,
        community_code: str,
        endpoints: tuple[str, ...],
        leases: WatchLeases,
        events: EventBus,
        clock: Clock,
    ) -> None:
        self._poll = poll
        self._topic = topic
        self._community_code = community_code
        self._endpoints = endpoints
        self._leases = leases
        self._events = events
        self._clock = clock
        self._is_held = False
        self._is_late = False
        self._polled_at = clock()
        self._holding: asyncio.Task[bool] | None = None
        self._letting_go: asyncio.Task[bool] | None = None
        self._task: asyncio.Task[None] | None = None
        self.wanted = 0
        self.ending: asyncio.TimerHandle | None = None
        self.hearing = ExitStack()

    @property
    def is_running(self) -> bool:
        return self._task is not None

    def start(self, interval: float, sleep: Sleep) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(interval, sleep), name=f"watch {self._topic}")

    def stop(self) -> "asyncio.Task[bool]":
        """Stop, and let go of the list; the result is False where another gateway wants it watched further."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._letting_go is None or self._letting_go.done():
            self._letting_go = asyncio.create_task(self._let_go(), name=f"release of {self._topic}")
        return self._letting_go

    def hear(self, event: NotedEvent) -> None:
        """What was noted of the list, here or elsewhere: what was read before is out of date."""
        if event.written and event.record_id is not None:
            self._poll.written[int(event.record_id)] = event.status
        if event.written or not self._is_held:
            self._events.deliver(ReadsDropped(self._community_code, self._endpoints))

    async def _run(self, interval: float, sleep: Sleep) -> None:
        """Poll each `interval` seconds; while the platform fails, the pauses grow. Ends only by cancellation."""
        METER.set(Meter(caller=WATCHING))
        if self._letting_go is not None:
            await asyncio.wait([self._letting_go])
        failures = 0
        while True:
            try:
                if self._is_held or await self._hold(interval):
                    await self._look()
            except PlatformError as error:
                failures = min(failures + 1, MOST_DOUBLINGS)
                self._is_late = True
                log.warning("watch failed", topic=self._topic, code=error.code, failures=failures)
            except WatchLostError:
                log.warning("watch lost", topic=self._topic)
                self._lose()
                self._is_late = True
            except JournalError:  # which is logged where it happens
                self._is_late = True
            else:
                failures = 0
            await sleep(max(interval, min(interval * 2**failures, LONGEST_PAUSE)))

    async def _hold(self, interval: float) -> bool:
        hold = self._leases.hold(self._topic, self._community_code, timedelta(seconds=3 * interval))
        self._holding = asyncio.create_task(hold)  # to its end: what was taken is to be let go of
        self._is_held = await join(self._holding)
        self._is_late = self._is_late or not self._is_held
        return self._is_held

    async def _look(self) -> None:
        """Poll once, and note what is found: until that is done, the next poll finds it again."""
        began, begins, was_whole = self._clock(), not self._poll.has_begun, self._poll.is_whole
        found = await self._poll.poll()
        noted = found.changes
        is_late = begins and self._is_late
        if begins or (was_whole and not found.is_whole):
            kind = GapKind.STARTED if begins and not is_late and found.is_whole else GapKind.LATE
            noted = (self._gap(kind), *noted)
        if noted:
            await self._leases.note(self._topic, self._community_code, noted, since=self._polled_at, begins=begins)
        self._poll.adopt(found)
        self._polled_at = began
        self._is_late = False
        if found.changes or is_late:
            self._events.publish(ReadsDropped(self._community_code, self._endpoints))

    def _gap(self, kind: GapKind) -> NewEvent:
        return NewEvent(topic=self._topic, community_code=self._community_code, kind=kind, missed=True)

    def _lose(self) -> None:
        self._is_held = False
        self._poll.forget()

    async def _let_go(self) -> bool:
        if self._holding is None:
            return True
        await asyncio.wait([self._holding])
        while True:
            try:
                if not await self._leases.release(self._topic, self._community_code):
                    return False
            except JournalError:  # which is logged where it happens
                await asyncio.sleep(RETRY_DELAY)
            else:
                self._lose()
                self._is_late = False
                return True


class Watches:
    """The lists that subscribers of this process want watched. One per process.

    `interval` is the pause between two polls of a list, `linger` how long a list is watched on for a subscriber that
    goes on where it was interrupted, both in seconds.
    """

    def __init__(
        self,
        platforms: Platforms,
        events: EventBus,
        tail: EventTail,
        leases: WatchLeases,
        clock: Clock,
        interval: float,
        linger: float = LINGER,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._wjdh = platforms.wjdh
        self._events = events
        self._tail = tail
        self._leases = leases
        self._clock = clock
        self._interval = interval
        self._linger = linger
        self._sleep = sleep
        self._lists: dict[tuple[str, str], _Watch] = {}

    def __len__(self) -> int:
        """How many lists are watched, or wanted from another gateway."""
        return sum(watch.is_running for watch in self._lists.values())

    @contextmanager
    def watching(self, records: RecordList[Any], community_code: str) -> Iterator[str]:
        """Have a list watched, until `linger` after the block: what is found is noted in the journal, by this topic.

        Entering it raises RateLimitedError; LookupError for a list that is not watched.
        """
        watched = records.watched
        if watched is None:
            raise LookupError(f"nobody watches the list of {records.type_name}")
        key = (watched.topic, community_code)
        watch = self._lists.get(key) or self._make(records, watched, community_code)
        if watch.ending is not None:
            watch.ending.cancel()
        watch.wanted += 1
        watch.start(self._interval, self._sleep)
        try:
            yield watched.topic
        finally:
            watch.wanted -= 1
            if not watch.wanted:
                self._end(key, self._linger)

    async def close(self) -> None:
        """Stop all of them. The lists are let go of with the gateway's other leases."""
        for watch in self._lists.values():
            watch.hearing.close()
            if watch.ending is not None:
                watch.ending.cancel()
        await asyncio.gather(*[watch.stop() for watch in self._lists.values()], return_exceptions=True)
        self._lists.clear()

    def _make(self, records: RecordList[Any], watched: Watched[Any], community_code: str) -> _Watch:
        if len(self._lists) >= MOST_WATCHED:
            self._end_lingering()
        if sum(each.wanted > 0 for each in self._lists.values()) >= MOST_WATCHED:
            raise RateLimitedError(RequestWording.TOO_MANY_WATCHES(), self._interval, subject="watches")
        # The first poll finds no change: who reads from now on gets no answer from before it.
        self._events.publish(ReadsDropped(community_code, records.endpoints))
        poll = ListPoll(self._wjdh, records, watched, community_code)
        endpoints = records.endpoints + watched.others
        topic = watched.topic
        watch = _Watch(poll, topic, community_code, endpoints, self._leases, self._events, self._clock)
        watch.hearing.enter_context(self._tail.hear(Interest(topic, (community_code,)), watch.hear))
        self._lists[topic, community_code] = watch
        return watch

    def _end_lingering(self) -> None:
        """Make room: nobody wants these lists at the moment."""
        for key, watch in list(self._lists.items()):
            if not watch.wanted and watch.ending is not None:
                watch.ending.cancel()
                self._end(key, 0)

    def _end(self, key: tuple[str, str], seconds: float) -> None:
        """Nobody here wants the list: let go of it then, unless somebody does by then, or at another gateway."""
        watch = self._lists.get(key)
        if watch is None or watch.wanted:
            return
        if seconds:
            watch.ending = asyncio.get_running_loop().call_later(seconds, self._end, key, 0)
            return
        watch.stop().add_done_callback(lambda letting_go: self._ended(key, letting_go))

    def _ended(self, key: tuple[str, str], letting_go: "asyncio.Task[bool]") -> None:
        watch = self._lists.get(key)
        if watch is None or watch.wanted or watch.is_running or letting_go.cancelled():
            return
        if letting_go.result():
            watch.hearing.close()
            del self._lists[key]
        else:
            watch.start(self._interval, self._sleep)
            self._end(key, self._interval)
