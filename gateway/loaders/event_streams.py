"""What subscribers to events get, in order: from where they were interrupted, or from now on.

One reader follows the journal for all subscribers, keeps the latest events, and wakes those whom one concerns. Who is
farther behind, or goes on after an interruption, reads from the journal until the latest ones are the next: no event is
left out, and none comes twice.
"""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, aclosing, asynccontextmanager, contextmanager
from datetime import datetime
from hashlib import blake2b
from itertools import takewhile
from typing import Any, NamedTuple, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from gateway.errors import JournalError, UserInputError
from gateway.events import WakeUp
from gateway.futures import join, wait_at_most
from gateway.journal.events import Events, Interest, get_audience
from gateway.journal.journal import Clock
from gateway.journal.records import OPERATION, PAYMENT, GapKind, NotedEvent, Start
from gateway.loaders.lists import RecordList
from gateway.ops.event_loop import at_work
from gateway.wording.requests import RequestWording

CAPACITY = 1000  # events that are kept
PAGE = 200
PULSE = 5.0  # seconds after which the journal is read in any case: a notification may be lost, with a gateway that dies
RETRY_DELAY = 1.0

Hear = Callable[[NotedEvent | None], object]


class EventTail:
    """One per process. Inside `open`, events come."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.followers: dict[Hear, Interest] = {}
        self._latest: deque[NotedEvent] = deque(maxlen=CAPACITY)
        self._head: int | None = None
        self._oldest = 0  # the latest events are all between these two numbers
        self._to_read = asyncio.Event()

    async def follow(self, interest: Interest, position: int) -> AsyncGenerator[NotedEvent, None]:
        """The events beyond a position, in order, without end."""
        woken = asyncio.Event()
        with self.hear(interest, lambda _event: woken.set()):
            while True:
                woken.clear()
                try:
                    found, position = await self._after(position, interest)
                except JournalError:  # which is logged where it happens
                    await asyncio.sleep(RETRY_DELAY)
                    continue
                for event in found:
                    yield event
                if not found:
                    await woken.wait()

    @contextmanager
    def hear(self, interest: Interest, heard: Hear) -> Iterator[None]:
        """Call `heard`, which must not raise, with each event before subscribers get it; None: some may be missed."""
        if not self.followers:
            self._head = None  # events were not followed since it was read
            self._to_read.set()
        self.followers[heard] = interest
        try:
            yield
        finally:
            del self.followers[heard]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Follow the journal until the block ends."""
        with self._events.bus.wake_ups(WakeUp.EVENTS_NOTED) as self._to_read:
            async with at_work({"EventReader": self._keep_reading}):
                yield

    async def _after(self, position: int, interest: Interest) -> tuple[list[NotedEvent], int]:
        """As `Events.after`. Raises JournalError."""
        if self._head is None or position < self._oldest:
            return await self._events.after(position, PAGE, interest)
        newer = takewhile(lambda event: event.sequence > position, reversed(self._latest))
        return [event for event in newer if interest.holds(event)][::-1], max(position, self._head)

    async def _keep_reading(self) -> None:
        while True:
            await wait_at_most(self._to_read, PULSE)
            self._to_read.clear()
            try:
                await self._read_on()
            except JournalError:  # which is logged where it happens
                await asyncio.sleep(RETRY_DELAY)
                self._to_read.set()

    async def _read_on(self) -> None:
        while self.followers:
            if self._head is None:
                self._latest.clear()
                self._head = self._oldest = (await self._events.start("")).position
                for heard in self.followers:
                    heard(None)
            events, self._head = await self._events.after(self._head, PAGE)
            for event in events:
                if len(self._latest) == CAPACITY:
                    self._oldest = self._latest[0].sequence
                self._latest.append(event)
                for heard, interest in self.followers.items():
                    if interest.holds(event):
                        heard(event)
            if len(events) < PAGE:
                return


_NUMBER_BYTES = 8
_LONGEST_CURSOR = 64


class Cursor(NamedTuple):
    """A place among the events of a journal: after the event of this number."""

    epoch: str
    position: int


class Cursors:
    """Cursors as text, encrypted: the number tells how much happens in other communities."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(blake2b(key, person=b"event cursor").digest())

    def write(self, epoch: str, position: int) -> str:
        content = position.to_bytes(_NUMBER_BYTES) + bytes.fromhex(epoch)
        return urlsafe_b64encode(self._cipher.encrypt(content, None)).rstrip(b"=").decode()

    def read(self, text: str) -> Cursor:
        """Raises UserInputError for what is none."""
        try:
            data = urlsafe_b64decode(text[:_LONGEST_CURSOR].encode("ascii") + b"=" * (-len(text) % 4))
            content = self._cipher.decrypt(data, None)
        except (ValueError, Base64Error, InvalidTag):
            raise UserInputError("after", RequestWording.NO_EVENT_CURSOR(argument="after")) from None
        return Cursor(content[_NUMBER_BYTES:].hex(), int.from_bytes(content[:_NUMBER_BYTES]))


class Happened(msgspec.Struct, frozen=True, gc=False):
    """An event for a subscriber. `record_id` and `kind` are None where it says no more than that some were missed."""

    cursor: str
    at: datetime
    missed: bool
    kind: str | None
    record_id: str | None
    community_code: str | None


Happenings: TypeAlias = AsyncGenerator[Happened, None]

Watching = Callable[[RecordList[Any], str], AbstractContextManager[str]]


class EventStreams:
    """One per process. Each stream begins with what was noted after the cursor, where one is given; without, it begins
    now, or with the first poll of a list that is not watched yet. Entering one raises JournalError or RateLimitedError.
    """

    def __init__(self, events: Events, tail: EventTail, watching: Watching, clock: Clock, key: bytes) -> None:
        self.cursors = Cursors(key)
        self._events = events
        self._tail = tail
        self._watching = watching
        self._clock = clock
        self._starts: dict[tuple[str, frozenset[str]], asyncio.Task[Start]] = {}

    async def of_lists(self, records: RecordList[Any], codes: Collection[str], after: Cursor | None) -> Happenings:
        """The changes of the lists of these communities, which are watched meanwhile; none where there are none."""
        with ExitStack() as watched:
            for topic in {watched.enter_context(self._watching(records, code)) for code in codes}:
                async with aclosing(self._follow(Interest(topic, codes), after, codes)) as happenings:
                    async for happened in happenings:
                        yield happened

    def of_payments(self, communities: Collection[str] | None, after: Cursor | None) -> Happenings:
        """Those of these communities; None: all, and those of no known community."""
        return self._follow(Interest(PAYMENT, communities), after)

    def of_operations(self, subject: str, after: Cursor | None) -> Happenings:
        """The subject's own."""
        return self._follow(Interest(OPERATION, audience=get_audience(subject)), after)

    async def _follow(self, interest: Interest, after: Cursor | None, lists: Collection[str] = ()) -> Happenings:
        start = await self._start(interest.topic, frozenset(lists))
        position, is_known = _position(start, after)
        if not is_known:
            yield Happened(self.cursors.write(start.epoch, position), self._clock(), True, None, None, None)
        to_begin: set[str | None] = {*lists} if after is None else set()
        to_begin -= start.watched
        async with aclosing(self._tail.follow(interest, position)) as events:
            async for event in events:
                is_gap, has_begun = event.record_id is None, event.community_code not in to_begin
                if has_begun or not is_gap or event.kind != GapKind.STARTED:
                    yield Happened(
                        self.cursors.write(start.epoch, event.sequence),
                        event.at,
                        is_gap or (event.missed and has_begun),
                        None if is_gap else event.kind,
                        event.record_id,
                        event.community_code,
                    )
                if is_gap:
                    to_begin.discard(event.community_code)

    async def _start(self, topic: str, lists: frozenset[str]) -> Start:
        """Where the events end now: one read for all who come while it is under way. Thousands come after a restart."""
        key = (topic, lists)
        task = self._starts.get(key)
        if task is None:
            task = self._starts[key] = asyncio.create_task(self._events.start(topic, lists))
            task.add_done_callback(lambda _: self._starts.pop(key))
        return await join(task)


def _position(start: Start, after: Cursor | None) -> tuple[int, bool]:
    """Where a stream begins, and whether nothing is left out before."""
    if after is None:
        return start.position, True
    if after.epoch != start.epoch or after.position > start.position:
        return start.position, False
    return max(after.position, start.forgotten), after.position >= start.forgotten
