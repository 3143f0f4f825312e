"""Brings the events of the journal, in order, to those of this process who wait for them.

One reader follows the journal for all subscribers, and hands an event to those that it concerns alone. A subscriber
that is too far behind, or goes on where it was interrupted, reads from the journal by itself until it has caught up:
no event is left out, and none comes twice.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Protocol

from gateway.errors import JournalError
from gateway.events import EventBus, WakeUp
from gateway.journal.events import Events, Interest
from gateway.journal.records import PLACED, NotedEvent
from gateway.ops.workers import at_work

CAPACITY = 256
PAGE = 200
PULSE = 5.0
"""Seconds after which the journal is read in any case: a notification may be lost, with a gateway that dies."""

RETRY_DELAY = 1.0


class Follower(Protocol):
    """Who gets events as they come."""

    @property
    def interest(self) -> Interest: ...

    def put(self, event: NotedEvent) -> None: ...

    def fall_behind(self) -> None:
        """Some may have been left out before now."""
        ...


class Feed:
    """An endless iterator over the events of one interest beyond a position, in order."""

    __slots__ = ("_arrived", "_events", "_is_behind", "_queue", "interest", "position")

    def __init__(self, events: Events, interest: Interest, position: int, *, is_behind: bool) -> None:
        """`is_behind`: the journal has events beyond the position that nobody will put."""
        self.interest = interest
        self.position = position
        self._events = events
        self._queue: deque[NotedEvent] = deque()
        self._is_behind = is_behind
        self._arrived = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[NotedEvent]:
        return self

    async def __anext__(self) -> NotedEvent:
        while True:
            while self._queue:
                event = self._queue.popleft()
                if event.sequence > self.position:
                    self.position = event.sequence
                    return event
            if self._is_behind:
                await self._catch_up()
            else:
                self._arrived.clear()
                await self._arrived.wait()

    def put(self, event: NotedEvent) -> None:
        if self._is_behind:
            return  # it will be read
        if len(self._queue) >= CAPACITY:
            self.fall_behind()
        else:
            self._queue.append(event)
            self._arrived.set()

    def fall_behind(self) -> None:
        self._queue.clear()
        self._is_behind = True
        self._arrived.set()

    async def _catch_up(self) -> None:
        """Read the next events. What comes meanwhile waits: what has been read by then is passed over."""
        self._queue.clear()
        self._is_behind = False
        try:
            events = await self._events.after(self.position, PAGE, self.interest)
        except JournalError:  # which is logged where it happens
            self._is_behind = True
            await asyncio.sleep(RETRY_DELAY)
            return
        except BaseException:
            self._is_behind = True
            raise
        if len(events) == PAGE:
            self.fall_behind()
        self._queue.extendleft(reversed(events))


class Hook:
    """A function that is called with the events of an interest as they come, before any feed goes on."""

    def __init__(self, interest: Interest, heard: Callable[[NotedEvent], None]) -> None:
        self.interest = interest
        self.put = heard

    def fall_behind(self) -> None:
        """It gets what comes, and nothing of before."""


class EventTail:
    """One per process. Inside `open`, events come."""

    def __init__(self, events: Events, bus: EventBus) -> None:
        self._events = events
        self._bus = bus
        self._by_key: defaultdict[tuple[str, str | None], dict[Follower, None]] = defaultdict(dict)
        self._count = 0
        self._head: int | None = None
        self._to_read = asyncio.Event()

    def __len__(self) -> int:
        """How many follow."""
        return self._count

    @contextmanager
    def follow(self, interest: Interest, position: int) -> Iterator[Feed]:
        """The events beyond a position, until the block ends."""
        is_behind = not self._count or self._head is None or self._head > position
        feed = Feed(self._events, interest, position, is_behind=is_behind)
        with self._following(feed):
            yield feed

    @contextmanager
    def hear(self, interest: Interest, heard: Callable[[NotedEvent], None]) -> Iterator[None]:
        """Have `heard` called with each event from about now on, until the block ends. It must not raise."""
        with self._following(Hook(interest, heard)):
            yield

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Follow the journal, and wake the tails of all gateways when this one notes events, until the block ends."""
        self._events.on_noted = partial(self._bus.publish, WakeUp.EVENTS_NOTED)
        with self._bus.wake_ups(WakeUp.EVENTS_NOTED) as self._to_read:
            async with at_work({"EventReader": self._keep_reading}):
                yield

    @contextmanager
    def _following(self, follower: Follower) -> Iterator[None]:
        keys = [(follower.interest.topic, key) for key in follower.interest.keys]
        for key in keys:
            self._by_key[key][follower] = None
        if not self._count:
            self._head = None  # nobody has followed since it was read
            self._to_read.set()
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
            for key in keys:
                followers = self._by_key[key]
                del followers[follower]
                if not followers:
                    del self._by_key[key]

    async def _keep_reading(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PULSE):
                    await self._to_read.wait()
            self._to_read.clear()
            try:
                await self._read_on()
            except JournalError:  # which is logged where it happens
                await asyncio.sleep(RETRY_DELAY)
                self._to_read.set()

    async def _read_on(self) -> None:
        while self._count:
            if self._head is None:
                self._head = (await self._events.start("")).position
                for follower in self._followers():  # what came before this, the reader does not see
                    follower.fall_behind()
            events = await self._events.after(self._head, PAGE)
            for event in events:
                self._deliver(event)
            if events:
                self._head = events[-1].sequence
            if len(events) < PAGE:
                return

    def _deliver(self, event: NotedEvent) -> None:
        if event.record_id is None and event.community_code is None:
            concerned = [each for (topic, _), those in self._by_key.items() if topic == event.topic for each in those]
            for follower in dict.fromkeys(concerned):
                follower.put(event)
            return
        for follower in self._by_key.get((event.topic, event.audience or event.community_code), ()):
            follower.put(event)
        if event.audience is None and event.status != PLACED:
            for follower in self._by_key.get((event.topic, None), ()):
                follower.put(event)

    def _followers(self) -> Iterator[Follower]:
        for followers in self._by_key.values():
            yield from followers
