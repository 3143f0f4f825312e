"""What subscribers to events get: from where they were interrupted, or from now on."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from datetime import datetime
from hashlib import blake2b
from hmac import compare_digest
from operator import xor
from typing import Any, NamedTuple, TypeAlias

import msgspec

from gateway.errors import UserInputError
from gateway.futures import join
from gateway.journal.event_tail import EventTail
from gateway.journal.events import Events, Interest, get_audience
from gateway.journal.journal import Clock
from gateway.journal.records import OPERATION, PAYMENT, GapKind, NotedEvent, Start
from gateway.loaders.record_list import RecordList
from gateway.loaders.watch import Watches
from gateway.wording.requests import RequestWording

_CHECK_BYTES = 16
_NUMBER_BYTES = 8
_LONGEST_CURSOR = 64


class Cursor(NamedTuple):
    """A place among the events of a journal: after the event of this number."""

    epoch: str
    position: int


class Cursors:
    """Cursors as text, in which nobody can read the number: it tells how much happens in other communities."""

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, person=b"event cursor").digest()

    def write(self, epoch: str, position: int) -> str:
        content = position.to_bytes(_NUMBER_BYTES) + bytes.fromhex(epoch)
        check = self._digest(content)
        return urlsafe_b64encode(check + self._crypt(content, check)).rstrip(b"=").decode()

    def read(self, text: str) -> Cursor:
        """Raises UserInputError for what is none."""
        try:
            if len(text) > _LONGEST_CURSOR:
                raise ValueError
            data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (ValueError, Base64Error):
            data = b""
        check = data[:_CHECK_BYTES]
        content = self._crypt(data[_CHECK_BYTES:], check)
        if len(content) <= _NUMBER_BYTES or not compare_digest(self._digest(content), check):
            raise UserInputError("after", RequestWording.NO_EVENT_CURSOR(argument="after"))
        return Cursor(content[_NUMBER_BYTES:].hex(), int.from_bytes(content[:_NUMBER_BYTES]))

    def _crypt(self, content: bytes, check: bytes) -> bytes:
        """To and fro. No two contents have the same check, so none is hidden as another is."""
        return bytes(map(xor, content, self._digest(check)))

    def _digest(self, data: bytes) -> bytes:
        return blake2b(data, digest_size=_CHECK_BYTES, key=self._key).digest()


class Happened(msgspec.Struct, frozen=True, gc=False):
    """An event for a subscriber. `record_id` and `kind` are None where it says no more than that some were missed."""

    cursor: str
    at: datetime
    missed: bool
    kind: str | None
    record_id: str | None
    community_code: str | None


Happenings: TypeAlias = AsyncGenerator[Happened, None]


class EventStreams:
    """One per process. Each stream begins with what was noted after the cursor, where one is given; without, it begins
    now, or with the first poll of a list that is not watched yet.

    Entering a stream raises JournalError, and RateLimitedError as `Watches` does.
    """

    def __init__(self, events: Events, tail: EventTail, watches: Watches, clock: Clock, key: bytes) -> None:
        self.cursors = Cursors(key)
        self._events = events
        self._tail = tail
        self._watches = watches
        self._clock = clock
        self._starts: dict[tuple[str, str | None], asyncio.Task[Start]] = {}

    async def of_list(self, records: RecordList[Any], community_code: str, after: Cursor | None) -> Happenings:
        """The changes of a community's list, which is watched meanwhile."""
        with self._watches.watching(records, community_code) as topic:
            happenings = self._follow(Interest(topic, (community_code,)), after, community_code)
            async with aclosing(happenings):
                async for happened in happenings:
                    yield happened

    def of_payments(self, communities: Collection[str] | None, after: Cursor | None) -> Happenings:
        """Those of these communities; None: all, and those of no known community."""
        return self._follow(Interest(PAYMENT, communities), after)

    def of_operations(self, subject: str, after: Cursor | None) -> Happenings:
        """The subject's own."""
        return self._follow(Interest(OPERATION, audience=get_audience(subject)), after)

    async def _follow(self, interest: Interest, after: Cursor | None, community_code: str | None = None) -> Happenings:
        start = await self._start(interest.topic, community_code)
        position, is_known = _position(start, after)
        if not is_known:
            yield Happened(self.cursors.write(start.epoch, position), self._clock(), True, None, None, community_code)
        has_begun = after is not None or start.is_watched or community_code is None
        with self._tail.follow(interest, position) as feed:
            async for event in feed:
                if event.record_id is not None:
                    yield self._happened(start.epoch, event, missed=event.missed and has_begun)
                elif has_begun or event.kind != GapKind.STARTED:
                    yield self._happened(start.epoch, event, missed=True)
                has_begun = has_begun or event.record_id is None

    async def _start(self, topic: str, community_code: str | None) -> Start:
        """Where the events end now: one read for all who come while it is under way. Thousands come after a restart."""
        key = (topic, community_code)
        task = self._starts.get(key)
        if task is None:
            task = self._starts[key] = asyncio.create_task(self._events.start(topic, community_code))
            task.add_done_callback(lambda _: self._starts.pop(key))
        return await join(task)

    def _happened(self, epoch: str, event: NotedEvent, *, missed: bool) -> Happened:
        is_gap = event.record_id is None
        return Happened(
            self.cursors.write(epoch, event.sequence),
            event.at,
            missed,
            None if is_gap else event.kind,
            event.record_id,
            event.community_code,
        )


def _position(start: Start, after: Cursor | None) -> tuple[int, bool]:
    """Where a stream begins, and whether nothing is left out before."""
    if after is None:
        return start.position, True
    if after.epoch != start.epoch or after.position > start.position:
        return start.position, False
    return max(after.position, start.forgotten), after.position >= start.forgotten
