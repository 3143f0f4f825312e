"""Payment notifications whose token only the security platform can judge: kept while it is asked.

They are no payments, and no reader sees them: a row is removed when the platform has answered, or could not. What is
left was being checked when a gateway ended: its sender has had no answer, and sends it again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Delete, delete, insert, update
from sqlalchemy.sql.dml import ReturningUpdate

from gateway.journal.database import Database
from gateway.journal.events import Events
from gateway.journal.identifiers import new_id
from gateway.journal.listing import is_past, to_record
from gateway.journal.payments import Payments, happened, known
from gateway.journal.records import Numbers, Payment, Receipt, ReceiptKind, Unverified
from gateway.journal.tables import payments, unverified_notifications
from gateway.normalise.states import DeliveryState, PaymentEventKind

ABANDONED_AFTER = timedelta(hours=1)
"""No check takes so long: a row of that age is of a gateway that ended meanwhile."""


class UnverifiedNotifications:
    """See `Unverified`. Every method raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database, clock: Callable[[], datetime], outbox: Payments, noted: Events) -> None:
        self._database = database
        self._clock = clock
        self._payments = outbox
        self._events = noted

    async def begin(self, numbers: Numbers) -> Unverified:
        """Keep a notification that is about to be checked; removes what was abandoned.

        The platform is asked with the numbers of the payment that it contradicts, where there is one: the platform
        never gets two payloads for one order, and a stranger learns nothing from the answer.
        """
        now = self._clock()
        table = unverified_notifications
        row_id = new_id(now)
        row = {"id": row_id, **numbers._asdict(), "received_at": now}
        old = delete(table).where(is_past(table.c.received_at, now - ABANDONED_AFTER))

        def work(connection: Connection) -> Unverified:
            connection.execute(old)
            connection.execute(insert(table), row)
            payment = connection.execute(known(numbers.order_number, numbers.weixin_number)).first()
            to_deliver = numbers if payment is None else Numbers(*(getattr(payment, name) for name in Numbers._fields))
            return Unverified(row_id, numbers, to_deliver, now)

        return await self._database.write(work)

    async def accept(self, unverified: Unverified, *, subject: str) -> Receipt:
        """The platform has saved `to_deliver`: of a notification with these numbers, make a payment that is DELIVERED.

        As `Payments.receive`, with which it may coincide: there is one payment all the same. That of another intake
        is DELIVERED by this as well; who holds its lease loses it.
        """
        now = self._clock()
        values = {
            "id": new_id(now),
            **unverified.numbers._asdict(),
            "state": DeliveryState.DELIVERED,
            "attempts": 1,
            "received_at": unverified.received_at,
            "delivered_at": now,
            "lease_token": 0,
        }

        def work(connection: Connection) -> Receipt:
            connection.execute(_removal(unverified))
            receipt = self._payments.take_in(connection, values, subject)
            payment, delivered = receipt.payment, receipt.kind is ReceiptKind.NEW
            if receipt.kind is ReceiptKind.SAME:
                row = connection.execute(_mark(payment.id, now)).first()
                if row is not None:
                    payment, delivered = to_record(row, Payment), True
            if delivered:
                self._events.note(connection, happened(payment, PaymentEventKind.DELIVERED))
            return Receipt(receipt.kind, payment)

        receipt = await self._database.write(work)
        self._events.on_noted()
        return receipt

    async def drop(self, unverified: Unverified) -> None:
        """The platform has not saved it, or did not say so."""
        await self._database.write(lambda connection: connection.execute(_removal(unverified)))


def _removal(unverified: Unverified) -> Delete:
    return delete(unverified_notifications).where(unverified_notifications.c.id == unverified.id)


def _mark(payment_id: str, now: datetime) -> ReturningUpdate[Any]:
    """DELIVERED, unless it is."""
    return (
        update(payments)
        .where(payments.c.id == payment_id, payments.c.state != DeliveryState.DELIVERED)
        .values(
            state=DeliveryState.DELIVERED,
            attempts=payments.c.attempts + 1,
            delivered_at=now,
            next_attempt_at=None,
            last_error=None,
            lease_owner=None,
            lease_until=None,
        )
        .returning(payments)
    )
