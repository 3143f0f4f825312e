"""Finds what is changed elsewhere, by polling, while a subscriber wants to know.

The platforms notify nobody of new applications, nor of what others decide. So the list of what waits, pending reviews
or open repairs, is read again and again: a record that appears in it is new, or waits again; one that is gone from it
was decided. One watch of a list serves all subscribers of all gateways of a journal: the gateway that holds the list
polls it (`gateway.journal.events`), and what it finds goes to all of them by the journal. Of more lists than an
interval has room for, those that changed or were looked at lately go first (`gateway.loaders.poll_order`).
"""

import asyncio
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from time import monotonic
from typing import Any, NamedTuple

import structlog

from gateway.errors import JournalError, PlatformError, RateLimitedError
from gateway.events import EventBus, ReadsDropped
from gateway.futures import wait_at_most
from gateway.journal.events import Interest, WatchedList, WatchLeases, WatchLostError
from gateway.journal.journal import Clock
from gateway.journal.records import GapKind, NewEvent, NotedEvent
from gateway.loaders.event_streams import EventTail
from gateway.loaders.lists import RecordList, Watched
from gateway.loaders.poll_order import PollOrder, Turn
from gateway.normalise.records import Page
from gateway.normalise.vocabulary import ChangeKind
from gateway.ops.event_loop import at_work
from gateway.ops.slots import BACKGROUND_TURN
from gateway.platforms.platforms import Platforms
from gateway.wording.requests import RequestWording

log = structlog.get_logger(__name__)

PER_PAGE = 100
MOST_CHECKED = 20  # records gone from a list that one poll reads one by one; the next poll goes on
MOST_GONE = 5000  # records that are remembered as gone, so that one that comes again is known to be reopened
LONGEST_PAUSE = 300.0  # in seconds: what the interval is doubled up to while the platform fails
MOST_DOUBLINGS = 16

MOST_WATCHED = 5000
"""Lists that one process wants watched: a caller of every community may name any, and no platform says which there are.
"""

MOST_SETTLED = 500
"""Lists that are taken or let go of in one transaction: the statements of more hold the event loop."""

LINGER = 60.0  # seconds that a list is watched on, so that one whose connection broke misses nothing


@dataclass(eq=False)
class Watches:
    """The lists that subscribers of this process want watched. `interval`: seconds between polls of a list at least."""

    platforms: Platforms
    bus: EventBus
    tail: EventTail
    leases: WatchLeases
    clock: Clock
    interval: float
    lists: "dict[WatchedList, _Watch]" = field(default_factory=dict, init=False)
    """Those that are watched, or wanted from another gateway: by topic and community."""

    def __len__(self) -> int:
        return len(self.lists)

    def __post_init__(self) -> None:
        self.order: PollOrder[_Watch] = PollOrder(self.interval)
        """The lists that this gateway polls."""
        self.to_poll = asyncio.Event()
        self.to_settle = asyncio.Event()

    @property
    def at_once(self) -> int:
        """How many lists are polled at once: this gateway's share, by its lists, of the slots for background work."""
        slots, held = self.platforms.wjdh.slots, len(self.order)
        share = slots.total // BACKGROUND_TURN * held // max(held, self.leases.lists, 1)
        return max(1, min(share, slots.limit // 2))

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
            if len(self) >= MOST_WATCHED:
                raise RateLimitedError(RequestWording.TOO_MANY_WATCHES(), self.interval, subject="watches")
            watch = self.lists[watched.topic, community_code] = _Watch(self, records, watched, community_code)
            self.to_settle.set()
        with watch.wanted():
            yield watched.topic

    def look_at(self, topic: str, page: Page[Any]) -> None:
        """A caller has read a page of a list."""
        if page.items and (watch := self.lists.get((topic, page.items[0].community_code))) is not None:
            watch.look_at(page)

    async def run(self) -> None:
        """Poll the lists that this gateway holds, as they come due. Ends only by cancellation."""
        async with at_work({"WatchLeases": self._keep_leases}), asyncio.TaskGroup() as polls:
            while True:
                self.to_poll.clear()
                while len(self.order.polled) < self.at_once and (turn := self.order.begin(monotonic())) is not None:
                    polls.create_task(turn.watch.poll(turn))
                is_full = len(self.order.polled) >= self.at_once
                await wait_at_most(self.to_poll, inf if is_full else self.order.next_due() - monotonic())

    async def _keep_leases(self) -> None:
        while True:
            self.to_settle.clear()
            now = monotonic()
            await self._settle([watch for watch in self.lists.values() if watch.settles_at <= now][:MOST_SETTLED])
            due = min((watch.settles_at for watch in self.lists.values()), default=now + self.interval)
            await wait_at_most(self.to_settle, due - monotonic())

    async def _settle(self, watches: "list[_Watch]") -> None:
        """Take the lists of these that are wanted and free, and let go of those that are not wanted any more."""
        wanted = {watch.list for watch in watches if watch.turn is None and watch.subscribers}
        over = {watch.list for watch in watches if watch.turn is not None and not watch.subscribers}
        taken, freed = set[WatchedList](), set[WatchedList]()
        with suppress(JournalError):  # which is logged where it happens
            taken = await self.leases.hold(wanted, timedelta(seconds=3 * self.interval)) if wanted else taken
            freed = await self.leases.release(over) if over else freed
        for watch in watches:
            watch.settles_at = monotonic() + self.interval
            watch.is_late = watch.is_late or watch.list in wanted - taken
            if watch.list in taken:
                watch.turn = self.order.add(watch, monotonic())
                self.to_poll.set()
            elif watch.list in freed:
                watch.lose(is_late=False)
            if watch.turn is None and not watch.subscribers:
                watch.hearing.close()
                del self.lists[watch.list]


class _Seen(NamedTuple):
    """What a poll compares with: rows in the list by state, rows gone, the highest number, and whether that was all."""

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
        self.list = (watched.topic, community_code)
        self.turn: Turn[_Watch] | None = None
        """Its turns to be polled, while this gateway holds the list."""
        self.settles_at = 0.0
        """When it is next seen to whether the list is to be taken or let go of."""
        self.subscribers = 0  # those who left within `LINGER` included
        self._seen: _Seen | None = None
        self._written: dict[int, str | None] = {}  # the statuses that writes gave since the last poll
        self._polled_at = of.clock()
        self.is_late = False
        self._failures = 0
        self.hearing = ExitStack()
        self.hearing.enter_context(of.tail.hear(Interest(watched.topic, (community_code,)), self._hear))
        # The first poll finds no change: who reads from now on gets no answer from before it.
        of.bus.publish(ReadsDropped(community_code, records.endpoints))

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """A subscriber wants the list until `LINGER` after the block."""
        self.subscribers += 1
        self._notice()
        try:
            yield
        finally:
            asyncio.get_running_loop().call_later(LINGER, self._leave)

    def _leave(self) -> None:
        """A subscriber is gone: after the last one, let go of the list as soon as no other gateway wants it."""
        self.subscribers -= 1
        if not self.subscribers:
            self.settles_at = 0.0
            self._of.to_settle.set()

    def lose(self, *, is_late: bool) -> None:
        """The list is not this gateway's any more."""
        if self.turn is not None:
            self._of.order.remove(self.turn)
        self.turn, self._seen, self.is_late = None, None, is_late

    def _hear(self, event: NotedEvent | None) -> None:
        """What was noted of the list, here or elsewhere: what was read before is out of date."""
        if event is None:
            return
        if event.record_id is not None:
            self._notice()
            if event.written:
                self._written[int(event.record_id)] = event.status
        if event.written or self.turn is None:
            self._of.bus.deliver(ReadsDropped(self._community_code, self._records.shown_by))

    def _notice(self, *, at_once: bool = False) -> None:
        """The list has changed, or is looked at: it goes before quiet ones."""
        if self.turn is not None:
            self._of.order.notice(self.turn, monotonic(), at_once=at_once)
            self._of.to_poll.set()

    def look_at(self, page: Page[Any]) -> None:
        """A caller has read this page. If it shows what no poll or write has, the next poll comes at once."""
        seen, waits = self._seen, self._records.waiting.status
        self._notice(
            at_once=seen is not None
            and any(
                self._kind(row, seen, seen.is_whole)
                for row in page.items
                if (row.status is waits or row.platform_id in seen.known) and row.platform_id not in self._written
            )
        )

    async def poll(self, turn: "Turn[_Watch]") -> None:
        """Poll once. While the platform fails, the pauses grow."""
        began, interval, topic = monotonic(), self._of.interval, self._watched.topic
        try:
            await self._look(turn)
            self._failures = 0
        except PlatformError as error:
            self._failures = min(self._failures + 1, MOST_DOUBLINGS)
            self.is_late = True
            log.warning("watch failed", topic=topic, code=error.code, failures=self._failures)
        except WatchLostError:
            log.warning("watch lost", topic=topic)
            self.lose(is_late=True)
        except JournalError:  # which is logged where it happens
            self.is_late = True
        except Exception:
            log.exception("worker broke off", worker=f"watch {topic}")
        now = monotonic()
        pause = max(interval, min(interval * 2**self._failures, LONGEST_PAUSE))
        self._of.order.end(turn, now, now - began, pause)
        self._of.to_poll.set()

    async def _look(self, turn: "Turn[_Watch]") -> None:
        """Note what a poll finds: until that is done, the next poll finds it again."""
        began, before = self._of.clock(), self._seen
        changes, seen = await self._poll()
        begins, is_late, noted = before is None, before is None and self.is_late, changes
        if before is None or (before.is_whole and not seen.is_whole):
            kind = GapKind.STARTED if begins and not is_late and seen.is_whole else GapKind.LATE
            noted = [self._event(kind=kind, missed=True), *changes]
        if noted:
            await self._of.leases.note(*self.list, noted, since=self._polled_at, begins=begins)
        if self.turn is not turn:  # it was let go of meanwhile
            return
        self._seen, self._polled_at, self.is_late = seen, began, False
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
