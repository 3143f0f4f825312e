"""The durable record of writes: whether one was begun, whether it left, and how it ended."""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, case, delete, select, update

from gateway.errors import JournalError
from gateway.journal.database import Database, insert_new
from gateway.journal.events import Events, change_by, get_resolution
from gateway.journal.history import HistoryKey, read_histories
from gateway.journal.listing import (
    FARTHEST,
    Cut,
    OperationQuery,
    counted,
    is_past,
    once,
    read_listed,
    record_columns,
    to_record,
)
from gateway.journal.records import (
    MOST_READ_BACKS,
    Listed,
    Operation,
    RecordRef,
    Reservation,
    ReservationKind,
    UserError,
    new_id,
)
from gateway.journal.tables import operations, storable
from gateway.normalise.states import OperationState, Outcome
from gateway.wording.faults import FaultWording

_UNDER_WAY = (OperationState.RESERVED, OperationState.SENT)
_UNRESOLVED = (*_UNDER_WAY, OperationState.UNKNOWN)


def fingerprint(secret: bytes, mutation: str, arguments: object) -> str:
    """HMAC-SHA256 of a mutation's arguments, whatever the order of their fields. It reveals nothing of them.

    `arguments` is anything msgspec encodes. Another `secret` makes every earlier key a mismatch.
    """
    canonical = msgspec.json.encode([mutation, arguments], order="deterministic")
    return hmac.new(secret, canonical, hashlib.sha256).hexdigest()


class Operations:
    """See `Operation`. Every method raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database, clock: Callable[[], datetime], noted: Events) -> None:
        self._database = database
        self._clock = clock
        self._events = noted

    async def reserve(
        self,
        *,
        key: str | None,
        subject: str,
        mutation: str,
        fingerprint: str,
        community_code: str | None,
        reason: str | None = None,
        record: RecordRef | None = None,
        expected: Mapping[str, Any] | None = None,
    ) -> Reservation:
        """Begin a write, unless the subject's idempotency `key` is taken; of any number of callers one is NEW.

        `record` is what will be written, when it exists already; `expected` what a reconciler needs to find out
        whether it was.
        """
        now = self._clock()
        values: dict[str, Any] = {
            "id": new_id(now),
            "idempotency_key": key,
            "subject": subject,
            "mutation": mutation,
            "fingerprint": fingerprint,
            "community_code": community_code,
            "reason": reason,
            "state": OperationState.RESERVED,
            "started_at": now,
            "expected": expected,
            "user_errors": [],
            **record_columns(record),
        }

        def work(connection: Connection) -> Reservation:
            while True:
                row = connection.execute(insert_new(connection, operations), values).first()
                if row is not None:
                    return Reservation(ReservationKind.NEW, to_record(row, Operation))
                taken = connection.execute(
                    select(operations).where(operations.c.subject == subject, operations.c.idempotency_key == key)
                ).first()
                if taken is not None:
                    earlier = to_record(taken, Operation)
                    return Reservation(_kind(earlier, mutation, fingerprint), earlier)
                # Withdrawn between the two statements: the key is free again.

        return await self._database.write(work)

    async def mark_sent(self, operation_id: str, expected: Mapping[str, Any] | None = None) -> Operation:
        """Commit that the first byte is about to leave, and `expected`, where that is known only now.

        Raises JournalError also when the reservation was taken over meanwhile: then nothing may be sent.
        """
        statement = (
            update(operations)
            .where(operations.c.id == operation_id, operations.c.state == OperationState.RESERVED)
            .values(
                state=OperationState.SENT,
                sent_at=self._clock(),
                **({} if expected is None else {"expected": expected}),
            )
            .returning(operations)
        )

        def work(connection: Connection) -> Operation | None:
            row = connection.execute(statement).first()
            return None if row is None else to_record(row, Operation)

        operation = await self._database.write(work)
        if operation is None:
            raise JournalError(FaultWording.GIVEN_UP())
        return operation

    async def withdraw(self, operation_id: str) -> None:
        """Forget a write of which no byte has left (or which the platform refused for the token alone).

        Nothing happened, so nothing is recorded, and the idempotency key is free for the next try.
        """
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
    ) -> Operation:
        """Record how a write ended, or resolve an UNKNOWN one; returns the operation as it now stands.

        An outcome once known is never changed. `check_at` is for UNKNOWN: when to read the write back (None: never,
        it stays UNKNOWN). `record` and `answer` replace earlier ones unless None. `read_back`: the platform's state was
        read for it while the operation was UNKNOWN.
        """
        now = self._clock()
        final = outcome is not Outcome.UNKNOWN
        values = {
            "state": OperationState(outcome.value),
            "finished_at": now if final else None,
            "check_at": None if final else check_at,
            "user_errors": msgspec.to_builtins(user_errors),
            **record_columns(record),
            **({} if answer is None else {"answer": answer}),
        }

        def work(connection: Connection) -> Operation | None:
            before = _lock(connection, operation_id)
            if before is None or before.state not in _UNRESOLVED:
                return before
            steps: dict[str, Any] = {}
            if read_back:
                steps["read_backs"] = _with_read_back(before, now)
            if not final and before.state in _UNDER_WAY:
                steps["unknown_at"] = now
            operation = _update(connection, operation_id, values | steps)
            if final and before.state is OperationState.UNKNOWN:
                self._events.note(connection, get_resolution(operation))
            if change := change_by(operation):
                self._events.note_change(connection, change, before.sent_at or before.started_at)
            return operation

        operation = await self._database.write(work)
        if operation is None:
            raise JournalError(FaultWording.NOT_IN_JOURNAL())
        self._events.on_noted()
        return operation

    async def record_read_back(self, operation_id: str) -> None:
        """Record that the platform's state was read and did not decide what came of an UNKNOWN write."""
        now = self._clock()

        def work(connection: Connection) -> None:
            operation = _lock(connection, operation_id)
            if operation is not None and operation.state is OperationState.UNKNOWN:
                _update(connection, operation_id, {"read_backs": _with_read_back(operation, now)})

        await self._database.write(work)

    async def check_now(self, operation_id: str) -> bool:
        """Have an UNKNOWN operation read back at once, also one that was given up. False: it is not UNKNOWN."""
        statement = (
            update(operations)
            .where(operations.c.id == operation_id, operations.c.state == OperationState.UNKNOWN)
            .values(check_at=self._clock())
            .returning(operations.c.id)
        )
        return await self._database.write(lambda connection: connection.execute(statement).first()) is not None

    async def take_over(
        self, *, older_than: timedelta, lease: timedelta, under_way: Collection[str] = (), limit: int = 50
    ) -> tuple[Operation, ...]:
        """Clean up after crashes, and hand out the UNKNOWN operations that are due to be read back.

        Of what was begun `older_than` ago (longer than any request may last) or more, the never sent is withdrawn,
        the sent becomes UNKNOWN, but for what is `under_way` here: a machine that stood still has not crashed. What is
        handed out is due again after `lease`: several gateways share the work. What a wrong clock says was sent later
        than now is noted as sent now.
        """
        now = self._clock()
        state, check_at, sent_at = operations.c.state, operations.c.check_at, operations.c.sent_at
        due = (
            select(operations.c.id)
            .where(state == OperationState.UNKNOWN, is_past(check_at, now))
            .order_by(check_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )

        def work(connection: Connection) -> tuple[Operation, ...]:
            abandoned = and_(
                is_past(operations.c.started_at, now - older_than), operations.c.id.not_in(tuple(under_way))
            )
            connection.execute(delete(operations).where(state == OperationState.RESERVED, abandoned))
            connection.execute(
                update(operations)
                .where(state == OperationState.SENT, abandoned)
                .values(state=OperationState.UNKNOWN, unknown_at=now, check_at=now)
            )
            rows = connection.execute(
                update(operations)
                .where(operations.c.id.in_(once(due)))
                .values(check_at=now + lease, sent_at=case((sent_at > now + FARTHEST, now), else_=sent_at))
                .returning(operations)
            ).all()
            return tuple(sorted((to_record(row, Operation) for row in rows), key=lambda operation: operation.id))

        return await self._database.write(work)

    async def recorded(self, record_type: str, community_code: str, platform_ids: Collection[str]) -> frozenset[str]:
        """Those of the records that an operation of this gateway is known to have written."""
        statement = select(operations.c.record_id).where(
            operations.c.state == OperationState.CONFIRMED,
            operations.c.record_type == record_type,
            operations.c.record_community_code == community_code,
            operations.c.record_id.in_(platform_ids),
        )
        written = frozenset(await self._database.read(lambda connection: connection.scalars(statement).all()))
        return frozenset(platform_id for platform_id in platform_ids if storable(platform_id) in written)

    async def unresolved(self, mutation: str, community_code: str) -> tuple[Operation, ...]:
        """Writes that have left and whose outcome is not known: still under way, or lost."""
        statement = select(operations).where(
            operations.c.state.in_((OperationState.SENT, OperationState.UNKNOWN)),
            operations.c.mutation == mutation,
            operations.c.community_code == community_code,
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return tuple(to_record(row, Operation) for row in rows)

    async def get(self, operation_id: str) -> Operation | None:
        return await self._database.read(lambda connection: _get(connection, operation_id))

    async def list(self, query: OperationQuery, cut: Cut) -> Listed[Operation]:
        """A part of those that are asked for, newest first."""
        return await self._database.read(lambda connection: read_listed(connection, Operation, query, cut))

    async def count(self, query: OperationQuery) -> int:
        """How many are asked for. It reads an index to its end: of a million, that takes a tenth of a second."""
        return await self._database.read(lambda connection: counted(connection, query))

    async def histories(self, keys: Sequence[HistoryKey]) -> Sequence[tuple[Operation, ...]]:
        """The operations on each record, newest first, by one statement."""
        return await self._database.read(lambda connection: read_histories(connection, keys))


def _get(connection: Connection, operation_id: str) -> Operation | None:
    row = connection.execute(select(operations).where(operations.c.id == operation_id)).first()
    return None if row is None else to_record(row, Operation)


def _lock(connection: Connection, operation_id: str) -> Operation | None:
    """The operation, which nobody else changes until the transaction ends."""
    row = connection.execute(select(operations).where(operations.c.id == operation_id).with_for_update()).first()
    return None if row is None else to_record(row, Operation)


def _update(connection: Connection, operation_id: str, values: Mapping[str, Any]) -> Operation:
    statement = update(operations).where(operations.c.id == operation_id).values(values).returning(operations)
    return to_record(connection.execute(statement).one(), Operation)


def _with_read_back(operation: Operation, at: datetime) -> Sequence[datetime]:
    return (*operation.read_backs[: MOST_READ_BACKS - 1], at)


def _kind(earlier: Operation, mutation: str, fingerprint: str) -> ReservationKind:
    if earlier.mutation != mutation or not hmac.compare_digest(earlier.fingerprint, fingerprint):
        return ReservationKind.MISMATCH
    return ReservationKind.REPLAY if earlier.outcome is not None else ReservationKind.IN_PROGRESS
