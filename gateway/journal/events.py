"""What was noticed of records, in one order for all gateways, kept for `KEPT`.

An event is noted in the transaction of what it tells of, so it is there if and only if that is. It gets its number
later, when somebody reads: numbers are dealt out one transaction at a time, under the lock of the one row of
`event_sequence`. So who has read up to a number never finds a smaller one later, as with a plain serial, whose numbers
become visible out of order; and writes wait for no such lock.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from gateway.journal.database import Database, insert_new
from gateway.journal.listing import to_record
from gateway.journal.records import (
    OPERATION,
    PLACED,
    REPAIR_CHANGED,
    SHENHE_CHANGED,
    NewEvent,
    NotedEvent,
    Operation,
    Start,
    first_id,
    new_id,
    next_id,
)
from gateway.journal.tables import event_sequence, events, gateways, watches
from gateway.normalise.states import ChangeKind, OperationState
from gateway.normalise.vocabulary import RepairStatus

KEPT = timedelta(hours=24)

MOST_NUMBERED = 1000
"""Events that get their numbers in one transaction."""

_COLUMNS = tuple(column for column in events.c if column.name != "id")


class Interest:
    """Which events of a topic somebody may see.

    Those of these `communities`, None for all; or of one `audience`. Gaps without a community are everybody's. Who sees
    all communities has seen a payment before it was placed.
    """

    __slots__ = ("audience", "communities", "topic")

    def __init__(self, topic: str, communities: Collection[str] | None = None, audience: str | None = None) -> None:
        self.topic = topic
        self.communities = communities
        self.audience = audience

    @property
    def keys(self) -> Sequence[str | None]:
        """By which its events are found, as by `key_of`; None: all of the topic."""
        if self.audience is not None:
            return (self.audience,)
        return (None,) if self.communities is None else tuple(self.communities)

    def condition(self) -> ColumnElement[bool]:
        if self.audience is not None:
            return and_(events.c.topic == self.topic, events.c.audience == self.audience)
        if self.communities is None:
            visible = or_(events.c.status.is_(None), events.c.status != PLACED)
        else:
            is_gap = and_(events.c.record_id.is_(None), events.c.community_code.is_(None))
            visible = or_(events.c.community_code.in_(self.communities), is_gap)
        return and_(events.c.topic == self.topic, visible)


def get_audience(subject: str) -> str:
    """What the events of a caller's own operations call the caller."""
    return hashlib.blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Events:
    """Every method that reads or writes by itself raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._latest_id = first_id(clock())
        self.on_noted: Callable[[], None] = lambda: None
        """Called when some may have been noted by this gateway."""

    def note(self, connection: Connection, noticed: NewEvent) -> None:
        """In the transaction of what is noticed; `on_noted` is to be called when it is committed."""
        connection.execute(_INSERT, self._row(noticed))

    def note_change(self, connection: Connection, noticed: NewEvent, since: datetime) -> None:
        """As `note`, for a write, unless a watch has found what it has done `since` then.

        Where nobody watches the list, other changes may have gone unnoticed.
        """
        row = self._row(noticed) | {"missed": ~_is_watched(noticed.topic, noticed.community_code, self._clock())}
        columns = [events.c[name] for name in row]
        values = [
            value.label(name) if isinstance(value, ColumnElement) else literal(value, events.c[name].type)
            for name, value in row.items()
        ]
        known = select(events.c.id).where(
            events.c.topic == noticed.topic,
            events.c.community_code == noticed.community_code,
            events.c.record_id == noticed.record_id,
            events.c.status == noticed.status,
            ~events.c.written,
            events.c.at >= since,
        )
        connection.execute(insert(events).from_select(columns, select(*values).where(~known.exists())))

    def note_found(
        self, connection: Connection, topic: str, community_code: str, found: Sequence[NewEvent], since: datetime
    ) -> None:
        """As `note`, for what a watch has found in its list, but for what is as the last write `since` then left it."""
        known = select(events.c.record_id, events.c.status).where(
            events.c.topic == topic,
            events.c.community_code == community_code,
            events.c.record_id.in_([change.record_id for change in found]),
            events.c.written,
            events.c.at >= since,
        )
        in_order = connection.execute(known.order_by(events.c.at, events.c.id))
        written = {row.record_id: row.status for row in in_order}
        new = [each for each in found if each.record_id is None or written.get(each.record_id) != each.status]
        if new:
            connection.execute(_INSERT, [self._row(each) for each in new])

    async def start(self, topic: str, community_code: str | None = None) -> Start:
        """The end of what has been noted by now."""
        now = self._clock()

        def work(connection: Connection) -> Start:
            # First: then the number of the event by which the watch began is not beyond the end.
            is_watched = community_code is not None and bool(
                connection.scalar(select(_is_watched(topic, community_code, now)))
            )
            _number(connection)
            row = _sequence(connection)
            return Start(row.epoch, row.last, row.forgotten, is_watched)

        return await self._database.write(work)

    async def after(self, position: int, limit: int, interest: Interest | None = None) -> tuple[NotedEvent, ...]:
        """Events beyond a number, in order: those of an interest, or all. What is new gets its numbers first."""
        rows: Select[Any] = select(*_COLUMNS).where(events.c.sequence > position)
        if interest is not None:
            rows = rows.where(interest.condition())
        rows = rows.order_by(events.c.sequence).limit(limit)

        def work(connection: Connection) -> tuple[NotedEvent, ...]:
            _number(connection)
            return tuple(to_record(row, NotedEvent) for row in connection.execute(rows))

        return await self._database.write(work)

    async def prune(self) -> None:
        """Forget what is older than `KEPT`."""
        cutoff = self._clock() - KEPT

        def work(connection: Connection) -> None:
            kept = select(func.min(events.c.sequence)).where(events.c.at >= cutoff)
            old = and_(events.c.at < cutoff, events.c.sequence < func.coalesce(kept.scalar_subquery(), _BEYOND))
            latest = connection.scalar(select(func.max(events.c.sequence)).where(old))
            if latest is not None:
                connection.execute(update(event_sequence).values(forgotten=latest))
                connection.execute(delete(events).where(events.c.sequence <= latest))

        await self._database.write(work)

    def _row(self, noticed: NewEvent) -> dict[str, Any]:
        now = self._clock()
        fresh = new_id(now)
        self._latest_id = fresh if fresh > self._latest_id else next_id(self._latest_id)
        return {
            "id": self._latest_id,  # of one millisecond, too, they are in order
            "at": now,
            "topic": noticed.topic,
            "community_code": noticed.community_code,
            "audience": noticed.audience,
            "record_id": noticed.record_id,
            "kind": noticed.kind,
            "status": noticed.status,
            "written": noticed.written,
            "missed": noticed.missed,
        }


_BEYOND = 2**62
_INSERT = insert(events)  # built once: it is on the way of an intake


def _is_watched(topic: str, community_code: str | None, now: datetime) -> ColumnElement[bool]:
    holder = select(gateways.c.id).where(gateways.c.alive_until > now)
    return (
        select(watches.c.topic)
        .where(
            watches.c.topic == topic,
            watches.c.community_code == community_code,
            watches.c.begun,
            watches.c.gateway_id.in_(holder),
        )
        .exists()
    )


def _sequence(connection: Connection) -> Any:
    """The one row; it is made where there is none."""
    row = connection.execute(select(event_sequence)).first()
    if row is None:
        first = {"id": 1, "epoch": secrets.token_hex(6), "last": 0, "forgotten": 0}
        connection.execute(insert_new(connection, event_sequence), first)
        row = connection.execute(select(event_sequence)).one()
    return row


def _number(connection: Connection) -> None:
    """Number what has been committed without a number. Numbers become visible in their order: the lock sees to it."""
    new = select(events.c.id).where(events.c.sequence.is_(None))
    while connection.execute(new.limit(1)).first() is not None:
        _sequence(connection)
        last = connection.scalar(select(event_sequence.c.last).with_for_update())
        rank = func.row_number().over(order_by=(events.c.at, events.c.id))
        ranked = (
            select(events.c.id, rank.label("rank"))
            .where(events.c.sequence.is_(None))
            .order_by(events.c.at, events.c.id)
            .limit(MOST_NUMBERED)
            .subquery()
        )
        statement = update(events).where(events.c.id == ranked.c.id).values(sequence=last + ranked.c.rank)
        numbered = connection.execute(statement).rowcount
        connection.execute(update(event_sequence).values(last=event_sequence.c.last + numbered))


def get_resolution(operation: Operation) -> NewEvent:
    """That an UNKNOWN operation became known: an event for who wrote."""
    return NewEvent(
        topic=OPERATION,
        community_code=operation.community_code,
        audience=get_audience(operation.subject),
        record_id=operation.id,
        kind=operation.state,
    )


def change_by(operation: Operation) -> NewEvent | None:
    """What a confirmed write has changed in a list that is watched; None: nothing."""
    record, expected = operation.record, operation.expected or {}
    if operation.state is not OperationState.CONFIRMED or record is None or record.community_code is None:
        return None
    if record.type == "Shenhe" and "status" in expected:
        topic, kind, status = SHENHE_CHANGED, ChangeKind.DECIDED, str(expected["status"])
    elif record.type == "Repair" and "after" in expected:
        topic, status = REPAIR_CHANGED, str(expected["after"][0])
        kind = _kind_of_update(str(expected["before"][0]), status)
    else:
        return None
    return NewEvent(
        topic=topic,
        community_code=record.community_code,
        record_id=record.platform_id,
        kind=kind,
        status=status,
        written=True,
    )


def _kind_of_update(before: str, after: str) -> ChangeKind:
    if after == RepairStatus.RESOLVED:
        return ChangeKind.RESOLVED
    return ChangeKind.REOPENED if before == RepairStatus.RESOLVED else ChangeKind.CHANGED
