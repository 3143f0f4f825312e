"""The durable record of writes: whether one was begun, whether it left, and how it ended."""

import hmac
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, case, delete, func, literal, or_, select, update

from gateway.errors import JournalError, QueryTooComplexError
from gateway.journal.database import Database, insert_new
from gateway.journal.events import Events, get_audience
from gateway.journal.listing import FARTHEST, OperationQuery, Records, is_past, on_record, once
from gateway.journal.records import (
    MOST_READ_BACKS,
    OPERATION,
    NewEvent,
    NewOperation,
    Operation,
    RecordRef,
    UserError,
    new_id,
)
from gateway.journal.tables import UTC_TIME, operations, storable
from gateway.normalise.vocabulary import OperationState, Outcome
from gateway.wording.enums import DescribedEnum, Word
from gateway.wording.faults import FaultWording
from gateway.wording.requests import RequestWording

_UNDER_WAY = (OperationState.RESERVED, OperationState.SENT)

# Of one operation, built once: they are on the way of a write, and to build one costs more than to execute it.
_OF = operations.c
_THIS = _OF.id == bindparam("this")
_READ = select(operations).where(_THIS)
_UNFINISHED = _READ.where(_OF.finished_at.is_(None)).with_for_update()
_KEYED = select(operations).where(*(_OF[name] == bindparam(name) for name in ("subject", "idempotency_key")))
_MARK_SENT = update(operations).where(_THIS, _OF.state == OperationState.RESERVED)
_FINISH = update(operations).where(_THIS, _OF.finished_at.is_(None)).returning(operations)
_LOSE = _FINISH.values(unknown_at=func.coalesce(_OF.unknown_at, bindparam("now", type_=UTC_TIME)))

SLICE = 5_000  # rows that are counted at once, of any number: no write waits longer than that takes
MOST_GROUPS = 10_000  # that a count of operations may have
LONGEST_HISTORY = 50  # operations on one record
MOST_SYNCHRONISATIONS = 200  # of a community, the newest: those of a module are looked for among them, too


def fingerprint(secret: bytes, mutation: str, arguments: object) -> str:
    """HMAC-SHA256 of a mutation's arguments in any order of fields. Another `secret` makes earlier keys a mismatch."""
    canonical = msgspec.json.encode([mutation, arguments], order="deterministic")
    return hmac.digest(secret, canonical, "sha256").hex()


class OperationGroup(DescribedEnum, chinese="操作记录分组", english="By what writes are counted"):
    SUBJECT = Word("操作人", "Who wrote")
    MUTATION = Word("操作名称", "Which mutation it was")
    OUTCOME = Word("写操作结果", "How it ended")
    COMMUNITY = Word("小区", "The community written to")
    DAY = Word("日期", "The day it was begun, in China")


class OperationCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many operations there are of one group: what they are not counted by is None."""

    subject: str | None = None
    mutation: str | None = None
    outcome: Outcome | None = None
    community: str | None = None
    day: date | None = None
    count: int


class Operations(Records[Operation]):
    """See `Operation`."""

    def __init__(self, database: Database, clock: Callable[[], datetime], noted: Events) -> None:
        super().__init__(database, operations, Operation)
        self._clock = clock
        self._events = noted

    def record(self, row: Row[Any]) -> Operation:
        values = dict(zip(self._names, row, strict=True))
        names = (values["record_type"], values["record_community_code"], values["record_id"])
        values["record"] = None if names[0] is None else RecordRef(*names)
        return msgspec.convert(values, Operation)

    async def reserve(self, new: NewOperation) -> tuple[Operation, bool]:
        """Begin a write, unless its key is taken. Returns the operation that has the key, and whether that is the new
        one: of several callers, one gets it.
        """
        now, values = self._clock(), msgspec.structs.asdict(new)
        values |= _columns(values.pop("record"))
        values |= {"id": new_id(now), "state": OperationState.RESERVED, "started_at": now}
        values |= {"read_backs": [], "user_errors": []}

        def work(connection: Connection) -> tuple[Operation, bool]:
            while True:  # an earlier one may be withdrawn between the two statements: the key is free again
                if begun := self.first(connection, insert_new(operations), values):
                    return begun, True
                if earlier := self.first(connection, _KEYED, values):
                    return earlier, False

        return await self._database.write(work)

    async def mark_sent(self, operation: Operation, expected: Mapping[str, Any] | None = None) -> Operation:
        """Commit that it is about to be sent, and `expected`. Raises JournalError if taken over: then do not send."""
        sent = {"state": OperationState.SENT, "sent_at": self._clock(), "expected": expected}
        values = {"this": operation.id, **sent}
        if not await self._database.write(lambda connection: connection.execute(_MARK_SENT, values).rowcount):
            raise JournalError(FaultWording.GIVEN_UP())
        return msgspec.structs.replace(operation, **sent)

    async def withdraw(self, operation_id: str) -> None:
        """Forget a write that was not sent, or refused for the token alone: its idempotency key is free again."""
        statement = delete(operations).where(operations.c.id == operation_id, operations.c.state.in_(_UNDER_WAY))
        await self._database.write(lambda connection: connection.execute(statement).close())

    async def finish(
        self,
        operation_id: str,
        outcome: Outcome,
        *,
        record: RecordRef | None = None,
        answer: Mapping[str, Any] | None = None,
        user_errors: Sequence[UserError] = (),
        check_at: datetime | None = None,
        read_back: bool = False,
        change: NewEvent | None = None,
    ) -> Operation:
        """Record how a write ended, or resolve an UNKNOWN one; returns the operation as it now stands.

        An outcome once known is never changed. `check_at` is for UNKNOWN: when to read the write back (None: never,
        it stays UNKNOWN). `record` and `answer` replace earlier ones unless None. `read_back`: the platform's state was
        read for it while the operation was UNKNOWN, whether or not that decided. `change` is noted when the write is
        confirmed.
        """
        now, final, this = self._clock(), outcome is not Outcome.UNKNOWN, {"this": operation_id}
        values: dict[str, Any] = {
            **this,
            "state": OperationState(outcome.value),
            "finished_at": now if final else None,
            "check_at": None if final else check_at,
            "user_errors": msgspec.to_builtins(user_errors),
            **_columns(record),
            **({} if answer is None else {"answer": answer}),
        }
        end, known = (_FINISH, values) if final else (_LOSE, values | {"now": now})

        def work(connection: Connection) -> Operation | None:
            steps: dict[str, Any] = {}
            if read_back and (before := self.first(connection, _UNFINISHED, this)):
                steps["read_backs"] = msgspec.to_builtins((*before.read_backs[: MOST_READ_BACKS - 1], now))
            operation = self.first(connection, end, known | steps)
            if operation is None:
                return self.first(connection, _READ, this)
            if final and operation.unknown_at is not None:  # the caller who wrote is to know
                resolved = NewEvent(
                    topic=OPERATION,
                    community_code=operation.community_code,
                    audience=get_audience(operation.subject),
                    record_id=operation_id,
                    kind=operation.state,
                )
                self._events.note(connection, resolved)
            if change is not None and outcome is Outcome.CONFIRMED:
                self._events.note_change(connection, change, operation.sent_at or operation.started_at)
            return operation

        operation = await self._events.write(work)
        if operation is None:
            raise JournalError(FaultWording.NOT_IN_JOURNAL())
        return operation

    async def check_now(self, operation_id: str) -> bool:
        """Have an UNKNOWN operation read back at once, also one that was given up. False: it is not UNKNOWN."""
        unknown = (operations.c.id == operation_id, operations.c.state == OperationState.UNKNOWN)
        return bool(await self.change(update(operations).where(*unknown).values(check_at=self._clock())))

    async def take_over(
        self, *, older_than: timedelta, lease: timedelta, under_way: Collection[str] = (), limit: int = 50
    ) -> tuple[Operation, ...]:
        """Clean up after crashes, and hand out the UNKNOWN operations that are due to be read back.

        Of what was begun `older_than` ago (longer than any request may last) or more, the never sent is withdrawn,
        the sent becomes UNKNOWN, but for what is `under_way` here: a machine that stood still has not crashed. What is
        handed out is due again after `lease`: several gateways share the work. What a wrong clock says was sent later
        than now is noted as sent now.
        """
        now, of = self._clock(), operations.c
        abandoned = and_(is_past(of.started_at, now - older_than), of.id.not_in(tuple(under_way)))
        due = select(of.id).where(of.state == OperationState.UNKNOWN, is_past(of.check_at, now))
        first = due.order_by(of.check_at).limit(limit).with_for_update(skip_locked=True)
        sent_at = case((of.sent_at > now + FARTHEST, literal(now, UTC_TIME)), else_=of.sent_at)
        lent = {"check_at": now + lease, "sent_at": sent_at}
        lend = update(operations).where(of.id.in_(once(first))).values(lent).returning(operations)

        def work(connection: Connection) -> tuple[Operation, ...]:
            connection.execute(delete(operations).where(of.state == OperationState.RESERVED, abandoned))
            unclear = {"state": OperationState.UNKNOWN, "unknown_at": now, "check_at": now}
            connection.execute(update(operations).where(of.state == OperationState.SENT, abandoned).values(unclear))
            return tuple(sorted(self.all(connection, lend), key=attrgetter("id")))

        return await self._database.write(work)

    async def recorded(self, record_type: str, community_code: str, platform_ids: Collection[str]) -> frozenset[str]:
        """Those of the records that an operation of this gateway is known to have written."""
        of = operations.c
        records = (of.record_type == record_type, of.record_community_code == community_code)
        those = (*records, of.record_id.in_(platform_ids), of.state == OperationState.CONFIRMED)
        statement = select(of.record_id).where(*those)
        written = frozenset(await self._database.read(lambda connection: connection.scalars(statement).all()))
        return frozenset(platform_id for platform_id in platform_ids if storable(platform_id) in written)

    async def unresolved(self, mutation: str, community_code: str) -> tuple[Operation, ...]:
        """Writes that have left and whose outcome is not known: still under way, or lost."""
        of = operations.c
        is_open = of.state.in_((OperationState.SENT, OperationState.UNKNOWN))
        return tuple(await self.find(of.mutation == mutation, of.community_code == community_code, is_open))

    async def count_by(self, query: OperationQuery, by: Sequence[OperationGroup]) -> list[OperationCount]:
        """How many are asked for, of each group that has some, in the order of the groups. A slice of the journal is
        read after the other: what is begun meanwhile is counted, or not. Raises QueryTooComplexError.
        """
        counts: Counter[tuple[str | None, ...]] = Counter()
        last: str | None = ""
        while last is not None:
            rows, last = await self._database.read(partial(_count_slice, query, by, last))
            for row in rows:
                counts[tuple(row[:-1])] += row[-1]
            if len(counts) > MOST_GROUPS:
                raise QueryTooComplexError(RequestWording.TOO_MANY_GROUPS(max=MOST_GROUPS), "groups", MOST_GROUPS)
        names = [group.value.lower() for group in by]
        in_order = sorted(counts, key=lambda group: [(value is None, value) for value in group])
        found = [dict(zip(names, group, strict=True)) | {"count": counts[group]} for group in in_order]
        return msgspec.convert(found, list[OperationCount])

    async def histories(self, asked: Sequence[RecordRef]) -> list[tuple[Operation, ...]]:
        """The operations on each record, newest first, `LONGEST_HISTORY` at most, by one statement. A record that
        was reached without its community may be of any.
        """
        if not asked:
            return []
        on = operations.c
        record = (on.record_type, on.record_id, on.record_community_code)
        place = func.row_number().over(partition_by=record, order_by=on.id.desc())
        longest = case((on.record_type == "Community", MOST_SYNCHRONISATIONS), else_=LONGEST_HISTORY)
        records = dict.fromkeys(chain.from_iterable(map(_recorded_on, asked)))
        ranked = select(on.id, place.label("place"), longest.label("longest")).where(or_(*map(on_record, records)))
        places = ranked.subquery()
        newest = select(places.c.id).where(places.c.place <= places.c.longest)
        found = await self.read(self.rows.where(on.id.in_(newest)).order_by(on.id.desc()))
        return [tuple(filter(partial(_is_on, each), found))[:LONGEST_HISTORY] for each in asked]


def _recorded_on(record: RecordRef) -> tuple[RecordRef, ...]:
    """What the writes to a record are recorded on: on itself, and synchronisations of a module on its community."""
    if record.type != "Module":
        return (record,)
    return record, RecordRef("Community", record.community_code, str(record.community_code))


def _is_on(record: RecordRef, operation: Operation) -> bool:
    """Whether an operation is on this record. One that was written by its bare number is on the same record."""
    on = operation.record
    if on is None or (record.community_code is not None and on.community_code not in (record.community_code, None)):
        return False
    if record.type == "Module" and on.type == "Community":
        return record.platform_id in (operation.expected or {}).get("modules", {})
    return (on.type, on.platform_id) == (record.type, record.platform_id)


def _count_slice(
    query: OperationQuery, by: Sequence[OperationGroup], after: str, connection: Connection
) -> tuple[Sequence[Row[Any]], str | None]:
    """The counts of the rows beyond an id, and the id of the last one; None: that is the last of all."""
    of = operations.c
    is_sqlite = connection.dialect.name == "sqlite"
    china = func.timezone("Asia/Shanghai", of.started_at)
    columns: Mapping[OperationGroup, ColumnElement[Any]] = {
        OperationGroup.SUBJECT: of.subject,
        OperationGroup.MUTATION: of.mutation,
        OperationGroup.OUTCOME: case((of.state.in_(_UNDER_WAY), None), else_=of.state),
        OperationGroup.COMMUNITY: of.community_code,
        OperationGroup.DAY: func.date(of.started_at, "+8 hours") if is_sqlite else func.to_char(china, "YYYY-MM-DD"),
    }
    keys = [columns[group].label(f"by_{group.value.lower()}") for group in by]
    last = connection.scalar(select(of.id).where(of.id > after).order_by(of.id).offset(SLICE - 1).limit(1))
    within = [of.id > after] if last is None else [of.id > after, of.id <= last]
    rows = query.select(connection, *keys, func.count()).where(*within).group_by(*(key.name for key in keys))
    return connection.execute(rows).all(), last


def _columns(record: RecordRef | None) -> dict[str, str | None]:
    """The three columns of a RecordRef; nothing for None, so that an earlier one stays."""
    if record is None:
        return {}
    return {"record_type": record.type, "record_community_code": record.community_code, "record_id": record.platform_id}
