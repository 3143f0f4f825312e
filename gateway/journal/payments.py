"""The payment outbox: notifications kept before they are acknowledged, and delivered by the holder of the lease."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, delete, func, insert, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from gateway.events import ReadsDropped, WakeUp
from gateway.journal.database import Database, insert_new
from gateway.journal.events import Events
from gateway.journal.listing import Records, is_past, once
from gateway.journal.records import (
    PAYMENT,
    PLACED,
    NewEvent,
    NotifiedOrder,
    Numbers,
    Payment,
    PaymentConflict,
    Receipt,
    ReceiptKind,
    Unverified,
    new_id,
)
from gateway.journal.tables import accepted_tokens, payment_conflicts, payments, unverified_notifications
from gateway.normalise.vocabulary import DeliveryState, PaymentEventKind

PAID = ("order/list",)  # whose answers are out of date when an order is paid

MOST_CONFLICTS = 20  # recorded of one payment: the first ones

TOKENS_LAST = timedelta(hours=1)
"""Document 1.1.1.4. What came with a token that the platform has not taken by then is removed."""


# Of a delivery, built once: to build one costs more than to execute it.
_OF = payments.c
_END = update(payments).where(_OF.id == bindparam("this")).values(attempts=_OF.attempts + bindparam("made"))
_END_LEASED = _END.where(
    _OF.state == DeliveryState.QUEUED, _OF.lease_owner.is_not(None), _OF.lease_token == bindparam("lease")
).returning(payments)
_END_UNDELIVERED = _END.where(_OF.state != DeliveryState.DELIVERED).returning(payments)
_DUE_AT = case((_OF.lease_until > _OF.next_attempt_at, _OF.lease_until), else_=_OF.next_attempt_at)
_NEXT_DUE = select(_DUE_AT).where(_OF.state == DeliveryState.QUEUED).order_by(_DUE_AT).limit(1)


class Payments(Records[Payment]):
    """See `Payment`, and `Unverified` for those that are no payments yet."""

    def __init__(self, database: Database, clock: Callable[[], datetime], noted: Events) -> None:
        super().__init__(database, payments, Payment)
        self._conflicts = Records(database, payment_conflicts, PaymentConflict)
        self._orders = Records(database, payments, NotifiedOrder)
        self._clock = clock
        self._events = noted

    async def receive(self, order_number: str, shop_number: str, weixin_number: str, *, subject: str) -> Receipt:
        """Keep a notification (document 2.2): after NEW and SAME it is durable and may be acknowledged.

        One row per order number and per WeChat number, the first to come; `subject` is who brought it.
        """
        numbers, now = Numbers(order_number, shop_number, weixin_number), self._clock()
        work = partial(self.take_in, numbers=numbers, subject=subject, received_at=now)
        return self.publish(await self._events.write(work))

    def publish(self, receipt: Receipt) -> Receipt:
        """Notify those who wait for payments; of what is SAME, too: the journal may have failed after it was saved."""
        if receipt.kind is not ReceiptKind.CONFLICT:
            self._events.bus.publish(ReadsDropped(receipt.payment.community_code, PAID), WakeUp.PAYMENTS_DUE)
        return receipt

    def take_in(self, connection: Connection, numbers: Numbers, subject: str, received_at: datetime) -> Receipt:
        """In a transaction: a new row of these numbers, or what has one of them; a contradiction is recorded."""
        now = self._clock()
        values = {
            "id": new_id(received_at),  # order and periods of lists go by when it came
            **numbers._asdict(),
            "state": DeliveryState.QUEUED,
            "attempts": 0,
            "received_at": received_at,
            "next_attempt_at": now,
            "lease_token": 0,
        }
        payment = self.first(connection, insert_new(payments), values)
        if payment is not None:
            self._note(connection, payment, PaymentEventKind.RECEIVED)
            return Receipt(ReceiptKind.NEW, payment)
        [payment] = self.all(connection, with_one_of(numbers))
        if numbers == payment.numbers:
            return Receipt(ReceiptKind.SAME, payment)
        # One after the other, so that the one who counts sees what has been recorded at the same moment.
        connection.execute(select(payments.c.id).where(payments.c.id == payment.id).with_for_update())
        of_payment = payment_conflicts.c.payment_id == payment.id
        recorded = connection.scalar(select(func.count()).select_from(payment_conflicts).where(of_payment)) or 0
        payload_hash = hashlib.sha256("\n".join(numbers).encode()).hexdigest()
        conflict = {"payment_id": payment.id, "subject": subject, "payload_hash": payload_hash, "received_at": now}
        insertion = insert_new(payment_conflicts)
        if recorded < MOST_CONFLICTS and connection.execute(insertion, conflict | numbers._asdict()).first():
            self._note(connection, payment, PaymentEventKind.CONFLICTED)
        return Receipt(ReceiptKind.CONFLICT, payment)

    def mark(self, connection: Connection, end: ReturningUpdate[Any], values: Mapping[str, Any]) -> Payment | None:
        """In a transaction: the payment as it is marked, which ends its lease; None where it is none to `end`."""
        marked = self.first(connection, end, {"lease_owner": None, "lease_until": None, **values})
        if marked is not None and marked.state is not DeliveryState.QUEUED:
            self._note(connection, marked, PaymentEventKind(marked.state.value))
        return marked

    async def claim(self, owner: str, limit: int, lease: timedelta) -> tuple[Payment, ...]:
        """Lease the QUEUED payments that are due, longest due first, and no other holder's.

        Each comes with a new `lease_token`. A row whose lease ran out is due again: its former holder can no longer
        mark it. `owner` is for people who look; the token alone decides.
        """
        now, of = self._clock(), payments.c
        is_free = or_(of.lease_until.is_(None), is_past(of.lease_until, now))
        due = select(of.id).where(of.state == DeliveryState.QUEUED, is_past(of.next_attempt_at, now), is_free)
        first = due.order_by(of.next_attempt_at, of.id).limit(limit).with_for_update(skip_locked=True)
        leased = {"lease_owner": owner, "lease_token": of.lease_token + 1, "lease_until": now + lease}
        found = await self.change(update(payments).where(of.id.in_(once(first))).values(leased))
        return tuple(sorted(found, key=attrgetter("next_attempt_at", "id")))

    async def delivered(self, payment: Payment) -> bool:
        """The platform has saved it. False, and no change, when the lease `payment` came with is lost."""
        return await self._mark(payment, _delivered(self._clock()))

    async def failed(
        self, payment: Payment, error: str, *, next_attempt_at: datetime | None, counts: bool = True
    ) -> bool:
        """This delivery failed with the code `error`; try again at `next_attempt_at`, or never: DEAD.

        `counts` is False where the platform was never asked to save it (its token was refused). False, and no change,
        when the lease `payment` came with is lost.
        """
        values = {
            "state": DeliveryState.DEAD if next_attempt_at is None else DeliveryState.QUEUED,
            "made": int(counts),
            "next_attempt_at": next_attempt_at,
            "last_error": error,
        }
        return await self._mark(payment, values)

    async def retry(self, payment_id: str) -> bool:
        """Queue a DEAD payment again, due at once and with its attempts counted anew. False: it is not DEAD."""
        dead = update(payments).where(payments.c.id == payment_id, payments.c.state == DeliveryState.DEAD)
        anew = {"state": DeliveryState.QUEUED, "attempts": 0, "next_attempt_at": self._clock()}
        if not await self.change(dead.values(anew)):
            return False
        self._events.bus.publish(WakeUp.PAYMENTS_DUE)
        return True

    async def next_due(self) -> datetime | None:
        """When the next QUEUED payment can be claimed: its time, or the end of the lease on it. None: none waits."""
        return await self._database.read(lambda connection: connection.scalar(_NEXT_DUE))

    async def by_order_number(self, order_numbers: Collection[str]) -> dict[str, Payment]:
        """The payments of these orders, by order number; orders without one are left out."""
        return {each.order_number: each for each in await self.find(payments.c.order_number.in_(order_numbers))}

    async def by_ids(self, payment_ids: Collection[str]) -> dict[str, Payment]:
        """These payments, by id."""
        return {each.id: each for each in await self.find(payments.c.id.in_(payment_ids))}

    async def notified(self, community_code: str, limit: int) -> list[NotifiedOrder]:
        """The orders of the community that notifications came for, `limit` at most: the newest notifications first."""
        return await self._orders.read(_newest(self._orders.rows, community_code, limit))

    async def order_numbers(self, community_code: str | None, limit: int) -> frozenset[str]:
        """Order numbers of the payments of this community, or of no known one: the newest ones."""
        rows = _newest(select(payments.c.order_number), community_code, limit)
        return frozenset(await self._database.read(lambda connection: connection.scalars(rows).all()))

    async def set_community(self, order_numbers: Collection[str], community_code: str) -> None:
        """Note that these orders are in the list of `community_code`, unless another list was noted for them."""
        unplaced = payments.c.order_number.in_(order_numbers), payments.c.community_code.is_(None)
        placing = update(payments).where(*unplaced).values(community_code=community_code).returning(payments)

        def work(connection: Connection) -> bool:
            placed = self.all(connection, placing)
            for payment in placed:
                self._note(connection, payment, PaymentEventKind.RECEIVED, PLACED)
            return bool(placed)

        if await self._events.write(work):
            self._events.bus.publish(WakeUp.PAYMENTS_PLACED)

    async def conflicts(self, payment_ids: Sequence[str]) -> list[tuple[PaymentConflict, ...]]:
        """What contradicted each of these payments, oldest first."""
        of = payment_conflicts.c
        rows = self._conflicts.rows.where(of.payment_id.in_(payment_ids))
        found = await self._conflicts.read(rows.order_by(of.received_at, of.payload_hash))
        return [tuple(each for each in found if each.payment_id == payment_id) for payment_id in payment_ids]

    async def knows_token(self, token: str) -> bool:
        """Whether the platform took the token with this digest within the hour."""
        old = is_past(accepted_tokens.c.accepted_at, self._clock() - TOKENS_LAST)
        statement = select(accepted_tokens.c.digest).where(accepted_tokens.c.digest == token, ~old)
        return await self._database.read(lambda connection: connection.scalar(statement)) is not None

    async def begin_check(self, numbers: Numbers, token: str) -> Unverified:
        """Keep a notification that is about to be checked; removes what is too old.

        The platform is asked with the numbers of the payment that it contradicts, where there is one: the platform
        never gets two payloads for one order, and a stranger learns nothing from the answer.
        """
        now, table = self._clock(), unverified_notifications
        row = {"id": new_id(now), **numbers._asdict(), "token": token, "received_at": now}

        def work(connection: Connection) -> Unverified:
            for received in (table.c.received_at, accepted_tokens.c.accepted_at):
                connection.execute(delete(received.table).where(is_past(received, now - TOKENS_LAST)))
            connection.execute(insert(table), row)
            payment = self.first(connection, with_one_of(numbers))
            return Unverified(row["id"], numbers, numbers if payment is None else payment.numbers, token, now)

        return await self._database.write(work)

    async def accept_token(self, unverified: Unverified, *, subject: str) -> Receipt:
        """The platform has saved `to_deliver`, so it took the token: of a notification with these numbers, make a
        payment that is DELIVERED, and of all others that came with the token payments to deliver.

        As `receive`, with which it may coincide: there is one payment all the same. That of another intake
        is DELIVERED by this as well; who holds its lease loses it.
        """
        table = unverified_notifications
        token = {"digest": unverified.token, "accepted_at": self._clock()}

        def work(connection: Connection) -> Receipt:
            connection.execute(delete(accepted_tokens).where(accepted_tokens.c.digest == unverified.token))
            connection.execute(insert_new(accepted_tokens), token)
            receipt = self.take_in(connection, unverified.numbers, subject, unverified.received_at)
            payment = receipt.payment
            if receipt.kind is not ReceiptKind.CONFLICT:
                values = {"this": payment.id, **_delivered(self._clock())}
                payment = self.mark(connection, _END_UNDELIVERED, values) or payment
            kept = connection.execute(delete(table).where(table.c.token == unverified.token).returning(table)).all()
            for other in sorted((row for row in kept if row.id != unverified.id), key=attrgetter("id")):
                numbers = Numbers(other.order_number, other.shop_number, other.weixin_number)
                self.take_in(connection, numbers, subject, other.received_at)
            return Receipt(receipt.kind, payment)

        return self.publish(await self._events.write(work))

    async def drop_check(self, unverified: Unverified) -> None:
        """The platform refuses the token."""
        row = unverified_notifications.c.id == unverified.id
        await self._database.write(lambda connection: connection.execute(delete(unverified_notifications).where(row)))

    async def _mark(self, payment: Payment, values: Mapping[str, Any]) -> bool:
        """Whether the lease held."""
        values = {"this": payment.id, "lease": payment.lease_token, **values}
        return await self._events.write(lambda connection: self.mark(connection, _END_LEASED, values) is not None)

    def _note(
        self, connection: Connection, payment: Payment, kind: PaymentEventKind, status: str | None = None
    ) -> None:
        """In a transaction: what happened to a payment."""
        code, id_ = payment.community_code, payment.id
        event = NewEvent(topic=PAYMENT, community_code=code, record_id=id_, kind=kind, status=status)
        self._events.note(connection, event)


def _newest(rows: Select[Any], community_code: str | None, limit: int) -> Select[Any]:
    return rows.where(payments.c.community_code == community_code).order_by(payments.c.id.desc()).limit(limit)


def _delivered(now: datetime) -> dict[str, Any]:
    ended = {"delivered_at": now, "next_attempt_at": None, "last_error": None}
    return {"state": DeliveryState.DELIVERED, "made": 1, **ended}


def with_one_of(numbers: Numbers) -> Select[Any]:
    """The payment with one of these numbers, that of the order before that of the WeChat number."""
    of_order = payments.c.order_number == numbers.order_number
    is_known = or_(of_order, payments.c.weixin_number == numbers.weixin_number)
    return select(payments).where(is_known).order_by(case((of_order, 0), else_=1)).limit(1)
