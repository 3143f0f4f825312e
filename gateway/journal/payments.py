"""The payment outbox: notifications kept before they are acknowledged, and delivered by the holder of the lease."""

import hashlib
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, Update, case, func, or_, select, update

from gateway.journal.database import Database, insert_new
from gateway.journal.events import Events
from gateway.journal.listing import Cut, PaymentQuery, counted, is_past, once, read_listed, to_record
from gateway.journal.records import (
    PAYMENT,
    PLACED,
    Listed,
    NewEvent,
    NotifiedOrder,
    Numbers,
    Payment,
    PaymentConflict,
    Receipt,
    ReceiptKind,
    new_id,
)
from gateway.journal.tables import payment_conflicts, payments
from gateway.normalise.states import DeliveryState, PaymentEventKind

_NO_LEASE = {"lease_owner": None, "lease_until": None}

MOST_CONFLICTS = 20
"""Recorded of one payment: the first ones."""


class Payments:
    """See `Payment`. Every method raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database, clock: Callable[[], datetime], noted: Events) -> None:
        self._database = database
        self._clock = clock
        self._events = noted

    async def receive(self, order_number: str, shop_number: str, weixin_number: str, *, subject: str) -> Receipt:
        """Keep a notification (document 2.2): after NEW and SAME it is durable and may be acknowledged.

        One row per order number and per WeChat number, the first to come; `subject` is who brought it.
        """
        numbers, now = Numbers(order_number, shop_number, weixin_number), self._clock()
        receipt = await self._database.write(lambda connection: self.take_in(connection, numbers, subject, now))
        if receipt.kind is not ReceiptKind.SAME:
            self._events.on_noted()
        return receipt

    def take_in(
        self,
        connection: Connection,
        numbers: Numbers,
        subject: str,
        received_at: datetime,
        *,
        is_delivered: bool = False,
    ) -> Receipt:
        """In a transaction: a new row of these numbers, or what has one of them; a contradiction is recorded.

        `Events.on_noted` is to be called when it is committed.
        """
        now = self._clock()
        values = {"id": new_id(now), **numbers._asdict(), "received_at": received_at, "lease_token": 0}
        if is_delivered:
            values |= {"state": DeliveryState.DELIVERED, "attempts": 1, "delivered_at": now}
        else:
            values |= {"state": DeliveryState.QUEUED, "attempts": 0, "next_attempt_at": now}
        row = connection.execute(insert_new(connection, payments), values).first()
        if row is not None:
            payment = to_record(row, Payment)
            self._events.note(connection, happened(payment, PaymentEventKind.RECEIVED))
            return Receipt(ReceiptKind.NEW, payment)
        payment = to_record(connection.execute(known(numbers.order_number, numbers.weixin_number)).one(), Payment)
        if all(getattr(payment, name) == number for name, number in numbers._asdict().items()):
            return Receipt(ReceiptKind.SAME, payment)
        # One after the other, so that the one who counts sees what has been recorded at the same moment.
        connection.execute(select(payments.c.id).where(payments.c.id == payment.id).with_for_update())
        if (connection.scalar(_get_conflicts(payment.id)) or 0) < MOST_CONFLICTS:
            conflict = {
                "payment_id": payment.id,
                "subject": subject,
                "payload_hash": _payload_hash(*numbers),
                "received_at": now,
            }
            if connection.execute(insert_new(connection, payment_conflicts), conflict | numbers._asdict()).first():
                self._events.note(connection, happened(payment, PaymentEventKind.CONFLICTED))
        return Receipt(ReceiptKind.CONFLICT, payment)

    async def claim(self, owner: str, limit: int, lease: timedelta) -> tuple[Payment, ...]:
        """Lease the QUEUED payments that are due, longest due first, and no other holder's.

        Each comes with a new `lease_token`. A row whose lease ran out is due again: its former holder can no longer
        mark it. `owner` is for people who look; the token alone decides.
        """
        now = self._clock()
        due = (
            select(payments.c.id)
            .where(
                payments.c.state == DeliveryState.QUEUED,
                is_past(payments.c.next_attempt_at, now),
                or_(payments.c.lease_until.is_(None), is_past(payments.c.lease_until, now)),
            )
            .order_by(payments.c.next_attempt_at, payments.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(payments)
            .where(payments.c.id.in_(once(due)))
            .values(lease_owner=owner, lease_token=payments.c.lease_token + 1, lease_until=now + lease)
            .returning(payments)
        )
        rows = await self._database.write(lambda connection: connection.execute(statement).all())
        return tuple(sorted((to_record(row, Payment) for row in rows), key=_due_order))

    async def delivered(self, payment: Payment) -> bool:
        """The platform has saved it. False, and no change, when the lease `payment` came with is lost."""
        return await self._mark(
            self._leased(payment).values(
                state=DeliveryState.DELIVERED,
                attempts=payments.c.attempts + 1,
                delivered_at=self._clock(),
                next_attempt_at=None,
                last_error=None,
                **_NO_LEASE,
            ),
            PaymentEventKind.DELIVERED,
        )

    async def failed(
        self, payment: Payment, error: str, *, next_attempt_at: datetime | None, counts: bool = True
    ) -> bool:
        """This delivery failed with the code `error`; try again at `next_attempt_at`, or never: DEAD.

        `counts` is False where the platform was never asked to save it (its token was refused). False, and no change,
        when the lease `payment` came with is lost.
        """
        return await self._mark(
            self._leased(payment).values(
                state=DeliveryState.DEAD if next_attempt_at is None else DeliveryState.QUEUED,
                attempts=payments.c.attempts + (1 if counts else 0),
                next_attempt_at=next_attempt_at,
                last_error=error,
                **_NO_LEASE,
            ),
            PaymentEventKind.DEAD if next_attempt_at is None else None,
        )

    async def retry(self, payment_id: str) -> Payment | None:
        """Queue a DEAD payment again, due at once and with its attempts counted anew. None: it is not DEAD."""
        statement = (
            update(payments)
            .where(payments.c.id == payment_id, payments.c.state == DeliveryState.DEAD)
            .values(state=DeliveryState.QUEUED, attempts=0, next_attempt_at=self._clock())
            .returning(payments)
        )
        row = await self._database.write(lambda connection: connection.execute(statement).first())
        return None if row is None else to_record(row, Payment)

    async def next_due(self) -> datetime | None:
        """When the next QUEUED payment can be claimed: its time, or the end of the lease on it. None: none waits."""
        due_at = case(
            (payments.c.lease_until > payments.c.next_attempt_at, payments.c.lease_until),
            else_=payments.c.next_attempt_at,
        )
        statement = select(due_at).where(payments.c.state == DeliveryState.QUEUED).order_by(due_at).limit(1)
        return await self._database.read(lambda connection: connection.scalar(statement))

    async def get(self, payment_id: str) -> Payment | None:
        statement = select(payments).where(payments.c.id == payment_id)
        row = await self._database.read(lambda connection: connection.execute(statement).first())
        return None if row is None else to_record(row, Payment)

    async def by_order_number(self, order_numbers: Collection[str]) -> dict[str, Payment]:
        """The payments of these orders, by order number; orders without one are left out."""
        statement = select(payments).where(payments.c.order_number.in_(order_numbers))
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return {row.order_number: to_record(row, Payment) for row in rows}

    async def by_ids(self, payment_ids: Collection[str]) -> dict[str, Payment]:
        """These payments, by id."""
        statement = select(payments).where(payments.c.id.in_(payment_ids))
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return {row.id: to_record(row, Payment) for row in rows}

    async def notified(self, community_code: str, limit: int) -> tuple[NotifiedOrder, ...]:
        """The orders of the community that notifications came for, `limit` at most: the newest notifications first."""
        statement = (
            select(*(payments.c[name] for name in NotifiedOrder.__struct_fields__))
            .where(payments.c.community_code == community_code)
            .order_by(payments.c.id.desc())
            .limit(limit)
        )
        return await self._database.read(lambda connection: tuple(map(_notified, connection.execute(statement))))

    async def list(self, query: PaymentQuery, cut: Cut) -> Listed[Payment]:
        """A part of those that are asked for, newest first."""
        return await self._database.read(lambda connection: read_listed(connection, Payment, query, cut))

    async def count(self, query: PaymentQuery) -> int:
        """How many are asked for."""
        return await self._database.read(lambda connection: counted(connection, query))

    async def counts(self) -> dict[DeliveryState, int]:
        """How many payments are in each state, zeros included."""
        statement = select(payments.c.state, func.count()).group_by(payments.c.state)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return dict.fromkeys(DeliveryState, 0) | {DeliveryState(state): count for state, count in rows}

    async def without_community(self, limit: int = 1000) -> frozenset[str]:
        """Order numbers of payments whose community nobody knows yet, the newest ones."""
        return await self.order_numbers(None, limit)

    async def order_numbers(self, community_code: str | None, limit: int) -> frozenset[str]:
        """Order numbers of the payments of this community, or of no known one: the newest ones."""
        statement = (
            select(payments.c.order_number)
            .where(payments.c.community_code == community_code)
            .order_by(payments.c.id.desc())
            .limit(limit)
        )
        return frozenset(await self._database.read(lambda connection: connection.scalars(statement).all()))

    async def set_community(self, order_numbers: Collection[str], community_code: str) -> int:
        """Note that these orders stand in the list of `community_code`; the first list that says so counts.

        Returns how many payments have got their community by this.
        """
        statement = (
            update(payments)
            .where(payments.c.order_number.in_(order_numbers), payments.c.community_code.is_(None))
            .values(community_code=community_code)
            .returning(payments)
        )

        def work(connection: Connection) -> int:
            placed = [to_record(row, Payment) for row in connection.execute(statement)]
            for payment in placed:
                self._events.note(connection, happened(payment, PaymentEventKind.RECEIVED, PLACED))
            return len(placed)

        count = await self._database.write(work)
        if count:
            self._events.on_noted()
        return count

    async def conflicts(self, payment_ids: Collection[str]) -> dict[str, tuple[PaymentConflict, ...]]:
        """What contradicted each of these payments, oldest first."""
        statement = (
            select(payment_conflicts)
            .where(payment_conflicts.c.payment_id.in_(payment_ids))
            .order_by(payment_conflicts.c.received_at, payment_conflicts.c.payload_hash)
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        found: dict[str, tuple[PaymentConflict, ...]] = dict.fromkeys(payment_ids, ())
        for row in rows:
            found[row.payment_id] += (to_record(row, PaymentConflict),)
        return found

    def _leased(self, payment: Payment) -> Update:
        return update(payments).where(
            payments.c.id == payment.id,
            payments.c.state == DeliveryState.QUEUED,
            payments.c.lease_owner.is_not(None),
            payments.c.lease_token == payment.lease_token,
        )

    async def _mark(self, statement: Update, kind: PaymentEventKind | None) -> bool:
        """Whether the lease held; then what happened is noted."""

        def work(connection: Connection) -> bool:
            row = connection.execute(statement.returning(payments)).first()
            if row is not None and kind is not None:
                self._events.note(connection, happened(to_record(row, Payment), kind))
            return row is not None

        is_marked = await self._database.write(work)
        if is_marked and kind is not None:
            self._events.on_noted()
        return is_marked


def happened(payment: Payment, kind: PaymentEventKind, status: str | None = None) -> NewEvent:
    return NewEvent(
        topic=PAYMENT, community_code=payment.community_code, record_id=payment.id, kind=kind, status=status
    )


def _notified(row: Row[Any]) -> NotifiedOrder:
    """Without a look at each type: there may be thousands."""
    return NotifiedOrder(row.id, row.order_number, DeliveryState(row.state), row.received_at)


def known(order_number: str, weixin_number: str) -> Select[Any]:
    """The row with one of these numbers, that of the order before that of the WeChat number."""
    return (
        select(payments)
        .where(or_(payments.c.order_number == order_number, payments.c.weixin_number == weixin_number))
        .order_by(case((payments.c.order_number == order_number, 0), else_=1))
        .limit(1)
    )


def _due_order(payment: Payment) -> tuple[datetime | None, str]:
    return (payment.next_attempt_at, payment.id)


def _get_conflicts(payment_id: str) -> Select[Any]:
    """How many are recorded."""
    return select(func.count()).select_from(payment_conflicts).where(payment_conflicts.c.payment_id == payment_id)


def _payload_hash(*numbers: str) -> str:
    return hashlib.sha256("\n".join(numbers).encode()).hexdigest()
