"""Finds what is changed elsewhere, by polling, while a subscriber wants to know.

The platforms notify nobody of new applications, nor of what others decide. So the list of what waits, pending reviews
or open repairs, is read again and again: a record that appears in it is new, or waits again; one that is gone from it
was decided. One watch of a list serves all subscribers of all gateways of a journal: the gateway that holds the list
polls it (`gateway.journal.events`), and what it finds goes to all of them by the journal.
"""

import asyncio
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from gateway.errors import JournalError, PlatformError, RateLimitedError
from gateway.events import EventBus, ReadsDropped
from gateway.futures import wait_at_most
from gateway.journal.events import Interest, WatchLeases, WatchLostError
from gateway.journal.journal import Clock
from gateway.journal.records import GapKind, NewEvent, NotedEvent
from gateway.loaders.event_streams import EventTail
from gateway.loaders.lists import RecordList, Watched
from gateway.normalise.vocabulary import ChangeKind
from gateway.ops.slots import background
from gateway.ops.trace import METER, Meter
from gateway.platforms.platforms import Platforms
from gateway.wording.requests import RequestWording

log = structlog.get_logger(__name__)

PER_PAGE = 100
MOST_CHECKED = 20  # records gone from a list that one poll reads one by one; the next poll goes on
MOST_GONE = 5000  # records that are remembered as gone, so that one that comes again is known to be reopened
LONGEST_PAUSE = 300.0  # in seconds: what the interval is doubled up to while the platform fails
MOST_DOUBLINGS = 16

MOST_WATCHED = 500
"""Lists that one process wants watched: a caller of every community may name any, and no platform says which there are.
"""

LINGER = 60.0  # seconds that a list is watched on, so that one whose connection broke misses nothing
WATCHING = background("watches")
"""Who polls, wherever slots are short: not the subscriber who came first."""


@dataclass(eq=False)
class Watches:
    """The lists that subscribers of this process want watched. One per process. `interval` is the pause between two
    polls of a list, in seconds.
    """

    platforms: Platforms
    bus: EventBus
    tail: EventTail
    leases: WatchLeases
    clock: Clock
    interval: float
    lists: "dict[tuple[str, str], _Watch]" = field(default_factory=dict, init=False)
    """Those that are watched, or wanted from another gateway: by topic and community."""

    def __len__(self) -> int:
        return len(self.lists)

    @contextmanager
    def watching(self, records: RecordList[Any], community_code: str) -> Iterator[str]:
        """Have a list watched, until `LINGER` after the block: what is found is noted in the journal, by this topic.
        Entering it raises RateLimitedError; LookupError for a list that is not watched.
        """
        watched = records.watched
        if watched is None:
            raise LookupError(f"the list of {records.type_name} is not watched")
        watch = self.lists.get((watched.topic, community_code))
        if watch is None:
            self._make_room()
            watch = self.lists[watched.topic, community_code] = _Watch(self, records, watched, community_code)
        with watch.wanted():
            yield watched.topic

    async def close(self) -> None:
        """Stop all of them. The lists are let go of with the gateway's other leases."""
        tasks = [watch.task for watch in self.lists.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _make_room(self) -> None:
        """End those that linger, if there are too many. Raises RateLimitedError."""
        if len(self.lists) >= MOST_WATCHED:
            lingering = [watch for watch in self.lists.values() if not watch.subscribers]
            for watch in lingering:
                watch.end()
            if len(self.lists) - len(lingering) >= MOST_WATCHED:
                raise RateLimitedError(RequestWording.TOO_MANY_WATCHES(), self.interval, subject="watches")


class _Seen(NamedTuple):
    """What a poll compares with: the records that were in the list, each in its state; those that have gone from it;
    the highest number so far; and whether that was all of the list.
    """

    known: dict[int, Hashable]
    gone: dict[int, None]
    newest: int
    is_whole: bool


class _Watch:
    """The watch of the list of one community: of more than two pages, it sees the first and the last one. What it sees
    is no answer to a caller: subscribers get ids, and read for themselves what they may.
    """

    def __init__(self, of: Watches, records: RecordList[Any], watched: Watched[Any], community_code: str) -> None:
        self._of = of
        self._records = records
        self._watched = watched
        self._community_code = community_code
        self._list = (watched.topic, community_code)
        self._seen: _Seen | None = None
        self._written: dict[int, str | None] = {}  # the statuses that writes gave since the last poll
        self._polled_at = of.clock()
        self._is_held = self._is_late = False
        self._ended = asyncio.Event()
        self._ending: asyncio.TimerHandle | None = None
        self.subscribers = 0
        # The first poll finds no change: who reads from now on gets no answer from before it.
        of.bus.publish(ReadsDropped(community_code, records.endpoints))
        self.task = asyncio.create_task(self._run(), name=f"watch {watched.topic}")

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """A subscriber wants the list until the block ends. The last one is waited for."""
        self.subscribers += 1
        self._stop_ending()
        try:
            yield
        finally:
            self.subscribers -= 1
            if not self.subscribers:
                self._ending = asyncio.get_running_loop().call_later(LINGER, self.end)

    def end(self) -> None:
        """No subscriber here wants the list: let go of it, as soon as none of another gateway does."""
        self._stop_ending()
        self._ended.set()

    def _stop_ending(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def _hear(self, event: NotedEvent | None) -> None:
        """What was noted of the list, here or elsewhere: what was read before is out of date."""
        if event is None:
            return
        if event.written and event.record_id is not None:
            self._written[int(event.record_id)] = event.status
        if event.written or not self._is_held:
            self._of.bus.deliver(ReadsDropped(self._community_code, self._records.shown_by))

    async def _run(self) -> None:
        METER.set(Meter(caller=WATCHING))
        try:
            with self._of.tail.hear(Interest(self._watched.topic, (self._community_code,)), self._hear):
                await self._keep_polling()
        finally:
            del self._of.lists[self._list]

    async def _keep_polling(self) -> None:
        """Each interval, until it is ended; while the platform fails, the pauses grow."""
        failures, interval = 0, self._of.interval
        while True:
            try:
                if self._is_over() and await self._let_go():
                    return
                if self._is_held or await self._hold():
                    await self._look()
                failures = 0
            except PlatformError as error:
                failures = min(failures + 1, MOST_DOUBLINGS)
                self._is_late = True
                log.warning("watch failed", topic=self._watched.topic, code=error.code, failures=failures)
            except WatchLostError:
                log.warning("watch lost", topic=self._watched.topic)
                self._is_held, self._seen, self._is_late = False, None, True
            except JournalError:  # which is logged where it happens
                self._is_late = True
            await wait_at_most(self._ended, max(interval, min(interval * 2**failures, LONGEST_PAUSE)))
            self._ended.clear()

    def _is_over(self) -> bool:
        return not self.subscribers and self._ending is None

    async def _hold(self) -> bool:
        self._is_held = await self._of.leases.hold(*self._list, timedelta(seconds=3 * self._of.interval))
        self._is_late = self._is_late or not self._is_held
        return self._is_held

    async def _let_go(self) -> bool:
        """Whether the list is let go of, and not wanted again meanwhile."""
        if self._is_held:
            if not await self._of.leases.release(*self._list):
                return False
            self._is_held, self._seen, self._is_late = False, None, False
        return self._is_over()

    async def _look(self) -> None:
        """Poll once, and note what is found: until that is done, the next poll finds it again."""
        began, before = self._of.clock(), self._seen
        changes, seen = await self._poll()
        begins, is_late, noted = before is None, before is None and self._is_late, changes
        if before is None or (before.is_whole and not seen.is_whole):
            kind = GapKind.STARTED if begins and not is_late and seen.is_whole else GapKind.LATE
            noted = [self._event(kind=kind, missed=True), *changes]
        if noted:
            await self._of.leases.note(*self._list, noted, since=self._polled_at, begins=begins)
        self._seen, self._polled_at, self._is_late = seen, began, False
        if changes or is_late:
            self._of.bus.publish(ReadsDropped(self._community_code, self._records.shown_by))

    def _event(self, **what: Any) -> NewEvent:
        return NewEvent(topic=self._watched.topic, community_code=self._community_code, **what)

    async def _poll(self) -> tuple[list[NewEvent], _Seen]:
        """What has changed since what was seen last, and what is seen now. Raises PlatformError."""
        before, waits = self._seen, self._records.waiting.status
        for number, status in self._written.items():
            # What a write has taken out of the list, and is in it, waits again.
            if before is not None and status != waits.value and before.known.pop(number, None) is not None:
                before.gone[number] = None
        self._written.clear()
        rows, is_whole = await self._read()
        known = {row.platform_id: self._watched.state(row) for row in rows}
        newest = max(known, default=0)
        if before is None:
            return [], _Seen(known, {}, newest, is_whole)
        kinds = [(row, self._kind(row, before, is_whole)) for row in rows]
        gone = dict.fromkeys(number for number in before.gone if number not in known)
        missing = [number for number in before.known if number not in known]
        for number in missing[:MOST_CHECKED]:
            row = await self._records.read_record(self._of.platforms.wjdh, number, self._community_code)
            if row is not None and row.status is not waits:
                gone[number] = None
                kinds.append((row, self._watched.ends.get(row.status, ChangeKind.CHANGED)))  # unknown is never decided
            elif row is not None and is_whole:  # it slipped through while the pages were read
                known[number] = before.known[number]
        known |= {number: before.known[number] for number in missing[MOST_CHECKED:]}
        while len(gone) > MOST_GONE:
            del gone[next(iter(gone))]
        changes = [
            self._event(record_id=str(row.platform_id), kind=kind, status=row.status.value, missed=not is_whole)
            for row, kind in kinds
            if kind is not None
        ]
        return changes, _Seen(known, gone, max(before.newest, newest), is_whole)

    async def _read(self) -> tuple[tuple[Any, ...], bool]:
        """What is seen of the list, and whether that is all of it. New rows come last (quirk 142) or first."""
        wjdh, code, records = self._of.platforms.wjdh, self._community_code, self._records
        first = await records.read_page(wjdh, code, records.waiting, 1, PER_PAGE)
        last_page = first.last_page or 1
        if last_page == 1:
            return first.items, True
        last = await records.read_page(wjdh, code, records.waiting, last_page, PER_PAGE)
        return tuple({row.platform_id: row for row in (*first.items, *last.items)}.values()), last_page == 2

    def _kind(self, row: Any, before: _Seen, is_whole: bool) -> ChangeKind | None:
        """What happened to a row that is seen; None: nothing. An unknown row of a list that is not seen whole is no
        news, unless it is the newest: rows move up from where nobody looks.
        """
        number = row.platform_id
        if number in before.known:
            return ChangeKind.CHANGED if before.known[number] != self._watched.state(row) else None
        if number in before.gone:
            return ChangeKind.REOPENED
        if number > before.newest:
            return ChangeKind.APPEARED
        return ChangeKind.REOPENED if is_whole else None
