"""What was noticed of records, in one order for all gateways, kept for `KEPT`.

An event is noted in the transaction of what it tells of, so it is there if and only if that is. It gets its number
later, when somebody reads: numbers are dealt out one transaction at a time, under the lock of the one row of
`event_sequence`. So who has read up to a number never finds a smaller one later, as with a plain serial, whose numbers
become visible out of order; and writes wait for no such lock.

Which gateways are at work is kept beside them, and which of them watches which list: one each, whatever the number of
gateways. A list is its gateway's until that one lets go of it, or has not renewed its row of `gateways` for `LEASE`.
"""

import asyncio
import hashlib
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, Table, and_, bindparam, delete, func, insert, or_, select, tuple_, update

from gateway.errors import JournalError
from gateway.events import EventBus, WakeUp
from gateway.journal.database import Database, ValueT, Work, insert_new
from gateway.journal.listing import Condition, Records
from gateway.journal.records import PAYMENT, PLACED, GapKind, NewEvent, NotedEvent, Start, first_id, new_id
from gateway.journal.tables import event_sequence, events, gateways, watches
from gateway.ops.event_loop import at_work
from gateway.wording.faults import FaultWording

KEPT = timedelta(hours=24)

# Built once: they are on the way of writes and intakes, and to build one costs more than to execute it.
_INSERT = insert(events)
_FOUND = (
    select(events.c.id)
    .where(*(events.c[name] == bindparam(name) for name in ("topic", "community_code", "record_id", "status")))
    .where(events.c.at >= bindparam("since"), ~events.c.written)
    .limit(1)
)
_ALIVE = select(gateways.c.id).where(gateways.c.alive_until > bindparam("now"))
_WATCHED = select(watches.c.community_code).where(
    watches.c.topic == bindparam("topic"),
    watches.c.community_code.in_(bindparam("communities")),
    watches.c.begun,
    watches.c.gateway_id.in_(_ALIVE),
)
"""Those of the communities whose list is watched."""

_SEQUENCE = select(event_sequence)
_NEW = select(events.c.id).where(events.c.sequence.is_(None))
_ANY_NEW = _NEW.limit(1)


class Interest(msgspec.Struct, frozen=True):
    """Which events of a topic a subscriber may see.

    Those of these `communities`, None for all; or of one `audience`. Gaps without a community concern all. Who sees
    all communities has seen a payment before it was placed.
    """

    topic: str
    communities: Collection[str] | None = None
    audience: str | None = None

    def holds(self, event: NotedEvent) -> bool:
        """Whether this event is one of them: `condition`, for one that has been read."""
        if event.topic != self.topic:
            return False
        if self.audience is not None:
            return event.audience == self.audience
        if self.communities is None:
            return event.status != PLACED
        is_gap = event.record_id is None and event.community_code is None
        return is_gap or event.community_code in self.communities

    def condition(self) -> Condition:
        if self.audience is not None:
            visible = events.c.audience == self.audience
        elif self.communities is None:
            visible = events.c.status.is_distinct_from(PLACED)
        else:
            is_gap = and_(events.c.record_id.is_(None), events.c.community_code.is_(None))
            visible = or_(events.c.community_code.in_(self.communities), is_gap)
        return and_(events.c.topic == self.topic, visible)


def get_audience(subject: str) -> str:
    """What the events of a caller's own operations call the caller."""
    return hashlib.blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Events:
    """Every method that reads or writes by itself raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database, clock: Callable[[], datetime], bus: EventBus) -> None:
        self.bus = bus
        self._database = database
        self._noted = Records(database, events, NotedEvent)
        self._clock = clock
        self._latest_id = first_id(clock())

    async def write(self, work: Work[ValueT]) -> ValueT:
        """As the database's, for work that may `note` something: that wakes the readers of all gateways."""
        latest_id = self._latest_id
        value = await self._database.write(work)
        if self._latest_id != latest_id:
            self.bus.publish(WakeUp.EVENTS_NOTED)
        return value

    def note(self, connection: Connection, *noticed: NewEvent) -> None:
        """In the transaction of what is noticed."""
        now, rows = self._clock(), []
        for each in noticed:
            fresh = new_id(now)
            # Of one millisecond, too, identifiers are in order.
            self._latest_id = fresh if fresh > self._latest_id else str(UUID(int=UUID(self._latest_id).int + 1))
            rows.append({"id": self._latest_id, "at": now, **msgspec.structs.asdict(each)})
        connection.execute(_INSERT, rows)

    def note_change(self, connection: Connection, noticed: NewEvent, since: datetime) -> None:
        """As `note`, for a write, unless a watch found it `since` then. Without a watch, others may be missed."""
        change = msgspec.structs.asdict(noticed)
        if connection.execute(_FOUND, {**change, "since": since}).first() is None:
            place = {"topic": noticed.topic, "communities": [noticed.community_code], "now": self._clock()}
            missed = connection.scalar(_WATCHED, place) is None
            self.note(connection, msgspec.structs.replace(noticed, missed=missed))

    async def start(self, topic: str, communities: Collection[str] = ()) -> Start:
        """The end of what has been noted by now, for the lists of these communities."""
        lists = {"topic": topic, "communities": [*communities], "now": self._clock()}

        def work(connection: Connection) -> Start:
            # First: then the number of the event by which the watch began is not beyond the end.
            watched = frozenset(connection.scalars(_WATCHED, lists)) if communities else frozenset()
            row = _number(connection)
            return Start(row.epoch, row.last, row.forgotten, watched)

        return await self._database.write(work)

    async def after(self, position: int, limit: int, interest: Interest | None = None) -> tuple[list[NotedEvent], int]:
        """The next events beyond a number, of an interest or all, and the number up to which these are complete."""
        wanted = () if interest is None else (interest.condition(),)
        rows = self._noted.rows.where(events.c.sequence > position, *wanted).order_by(events.c.sequence).limit(limit)

        def work(connection: Connection) -> tuple[list[NotedEvent], int]:
            last = _number(connection).last
            found = self._noted.all(connection, rows)
            if len(found) == limit:
                return found, found[-1].sequence
            return found, max([position, last, *(event.sequence for event in found[-1:])])

        return await self._database.write(work)

    async def prune(self) -> None:
        """Forget what is older than `KEPT`."""
        of, cutoff = events.c, self._clock() - KEPT
        kept = select(func.min(of.sequence)).where(of.at >= cutoff)

        def work(connection: Connection) -> None:
            last = _number(connection).last
            first_kept = connection.scalar(kept)
            latest = last if first_kept is None else first_kept - 1
            behind = event_sequence.c.forgotten < latest
            connection.execute(update(event_sequence).where(behind).values(forgotten=latest))
            connection.execute(delete(events).where(of.sequence <= latest))

        await self._database.write(work)


def _is_of(table: Table, topic: str, community_code: str | None) -> Condition:
    return and_(table.c.topic == topic, table.c.community_code == community_code)


def _number(connection: Connection) -> Row[Any]:
    """Number what has no number yet, in order: the one row is locked. Returns the row, made where there is none."""
    if connection.execute(_SEQUENCE).first() is None:
        first = {"id": 1, "epoch": secrets.token_hex(6), "last": 0, "forgotten": 0}
        connection.execute(insert_new(event_sequence), first)
    if connection.execute(_ANY_NEW).first() is not None:
        of, last = events.c, connection.scalar(select(event_sequence.c.last).with_for_update())
        ranked = _NEW.add_columns(func.row_number().over(order_by=(of.at, of.id)).label("rank")).subquery()
        statement = update(events).where(of.id == ranked.c.id).values(sequence=last + ranked.c.rank)
        numbered = connection.execute(statement).rowcount
        connection.execute(update(event_sequence).values(last=event_sequence.c.last + numbered))
    return connection.execute(_SEQUENCE).one()


LEASE = timedelta(seconds=15)
BEATS = 3
INTERVAL = LEASE.total_seconds() / BEATS
PRUNED_EVERY = 120  # renewals between two times that old events are forgotten: ten minutes

_FREE = {"gateway_id": None, "begun": False}
_PLACE = tuple_(watches.c.topic, watches.c.community_code)

WatchedList: TypeAlias = tuple[str, str]  # a list that is watched: its topic and its community


def _lock(connection: Connection, condition: Condition) -> dict[WatchedList, Row[Any]]:
    """These rows of `watches`, locked in one order, so that no two gateways wait for each other."""
    rows = connection.execute(select(watches).where(condition).order_by(*_PLACE.clauses).with_for_update())
    return {(row.topic, row.community_code): row for row in rows}


def _set(connection: Connection, lists: Collection[WatchedList], **values: Any) -> None:
    if lists:
        connection.execute(update(watches).where(_PLACE.in_(lists)).values(values))


class WatchLostError(JournalError):
    """Another gateway has taken the list over."""


class WatchLeases:
    """Gateways at work, and the lists each watches. `is_alone`: no other can have the journal. Raises JournalError."""

    def __init__(self, database: Database, noted: Events, clock: Callable[[], datetime], *, is_alone: bool) -> None:
        self._database = database
        self._events = noted
        self._clock = clock
        self._is_alone = is_alone
        self._id = new_id(clock())
        self.lists = 0
        """How many are held by all gateways, as the last renewal found."""
        self._counts = deque([1], BEATS)  # the gateways that the last renewals found
        self._counted: Callable[[int], object] = lambda _gateways: None

    @property
    def gateways(self) -> int:
        """How many are at work: the most of the last renewals, since one that is late after an outage still counts."""
        return max(self._counts)

    @asynccontextmanager
    async def present(self, counted: Callable[[int], object]) -> AsyncIterator[None]:
        """This gateway is at work until the block ends, and old events are forgotten. `counted` gets the number of
        gateways at work, at once and after each renewal. Raises JournalError where it cannot begin.
        """
        self._counted = counted
        await self.renew(joins=True)
        try:
            async with at_work({"Presence": self._keep_renewing}):
                yield
        finally:
            with suppress(JournalError):  # then the lease ends by itself
                await self.leave()

    async def renew(self, *, joins: bool = False) -> None:
        """This gateway is at work, still or as it `joins` the others. What came to one that has died may be lost, and
        what came while there was none: a gateway was not there to receive payments.
        """
        now = self._clock()
        others = gateways.c.id != self._id
        dead = others if joins and self._is_alone else and_(others, gateways.c.alive_until <= now)
        row = {"id": self._id, "alive_until": now + LEASE}
        present = select(func.count()).select_from(gateways)
        held = select(func.count()).select_from(watches).where(watches.c.gateway_id.in_(select(gateways.c.id)))
        renewal = update(gateways).where(gateways.c.id == self._id).values(row)

        def work(connection: Connection) -> tuple[int, int]:
            has_missed = connection.execute(delete(gateways).where(dead)).rowcount > 0
            if joins and connection.execute(select(gateways.c.id).limit(1)).first() is None:
                has_missed = True
            if not connection.execute(renewal).rowcount:  # it is new, or another has taken it for dead
                connection.execute(insert_new(gateways), row)
            if has_missed:
                self._events.note(connection, NewEvent(topic=PAYMENT, kind=GapKind.LATE, missed=True))
            return connection.scalar(present) or 1, connection.scalar(held) or 0

        found, self.lists = await self._events.write(work)
        self._counts.append(found)
        self._counted(self.gateways)

    async def leave(self) -> None:
        """This gateway ends, and lets go of its lists."""

        def work(connection: Connection) -> None:
            _set(connection, _lock(connection, watches.c.gateway_id == self._id), **_FREE)
            connection.execute(delete(gateways).where(gateways.c.id == self._id))

        await self._database.write(work)

    async def hold(self, lists: Collection[WatchedList], wanted_for: timedelta) -> set[WatchedList]:
        """Those of the lists that are this gateway's to watch, now that it asks. Subscribers here want them so long."""
        now, these = self._clock(), _PLACE.in_(lists)
        rows = [{"topic": topic, "community_code": code, **_FREE, "wanted_until": now} for topic, code in sorted(lists)]

        def work(connection: Connection) -> set[WatchedList]:
            if connection.scalar(select(func.count()).select_from(watches).where(these)) != len(rows):
                connection.execute(insert_new(watches), rows)
            alive = set(connection.scalars(_ALIVE, {"now": now}))
            holders = {place: row.gateway_id for place, row in _lock(connection, these).items()}
            others = {place for place, holder in holders.items() if holder != self._id and holder in alive}
            taken = {place for place, holder in holders.items() if holder != self._id} - others
            _set(connection, taken, gateway_id=self._id, begun=False)
            _set(connection, others, wanted_until=now + wanted_for)
            return holders.keys() - others

        return await self._database.write(work)

    async def note(
        self, topic: str, community_code: str, found: Sequence[NewEvent], *, since: datetime, begins: bool
    ) -> None:
        """Note what a poll of the list has found, but for what is as the last write noted `since` then left it.

        `begins`: the list is watched from here on, and the first of `found` says so. Raises WatchLostError where the
        list is not this gateway's any more: then nothing is noted.
        """
        this = _is_of(watches, topic, community_code)
        of, records = events.c, events.c.record_id.in_([change.record_id for change in found])
        writes = select(of.record_id, of.status).where(_is_of(events, topic, community_code), of.written, records)
        writes = writes.where(of.at >= since).order_by(of.at, of.id)

        def work(connection: Connection) -> None:
            holder = connection.scalar(select(watches.c.gateway_id).where(this).with_for_update())
            if holder != self._id:
                raise WatchLostError(FaultWording.WATCH_LOST())
            written = {row.record_id: row.status for row in connection.execute(writes)}
            new = [each for each in found if each.record_id is None or written.get(each.record_id) != each.status]
            if new:
                self._events.note(connection, *new)
            if begins:
                connection.execute(update(watches).where(this).values(begun=True))

        await self._events.write(work)

    async def release(self, lists: Collection[WatchedList]) -> set[WatchedList]:
        """Let go of lists, but for those that another gateway wants watched. Returns those not held any more."""
        now, these = self._clock(), and_(_PLACE.in_(lists), watches.c.gateway_id == self._id)

        def work(connection: Connection) -> set[WatchedList]:
            held = _lock(connection, these)
            kept = {place for place, row in held.items() if row.wanted_until > now}
            _set(connection, held.keys() - kept, **_FREE)
            return {*lists} - kept

        return await self._database.write(work)

    async def _keep_renewing(self) -> None:
        for renewals in count():
            with suppress(JournalError):  # which is logged where it happens
                if renewals % PRUNED_EVERY == 0:
                    await self._events.prune()
                await self.renew()
            await asyncio.sleep(INTERVAL)
