"""Payment notifications whose token only the security platform can judge, and the tokens that it took.

They are no payments, and no reader sees them. A row goes when the platform refuses its token; when it takes the token,
all rows that came with it are payments. Of a token there is a keyed digest alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from gateway.journal.database import Database, insert_new
from gateway.journal.events import Events
from gateway.journal.listing import is_past, to_record
from gateway.journal.payments import Payments, happened, known
from gateway.journal.records import Numbers, Payment, Receipt, ReceiptKind, Unverified, new_id
from gateway.journal.tables import accepted_tokens, payments, unverified_notifications
from gateway.normalise.states import DeliveryState, PaymentEventKind

TOKENS_LAST = timedelta(hours=1)
"""Document 1.1.1.4. What came with a token that the platform has not taken by then is removed."""


class UnverifiedNotifications:
    """See `Unverified`. Every method raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database, clock: Callable[[], datetime], outbox: Payments, noted: Events) -> None:
        self._database = database
        self._clock = clock
        self._payments = outbox
        self._events = noted

    async def knows(self, token: str) -> bool:
        """Whether the platform took the token with this digest within the hour."""
        old = is_past(accepted_tokens.c.accepted_at, self._clock() - TOKENS_LAST)
        statement = select(accepted_tokens.c.digest).where(accepted_tokens.c.digest == token, ~old)
        return await self._database.read(lambda connection: connection.scalar(statement)) is not None

    async def begin(self, numbers: Numbers, token: str) -> Unverified:
        """Keep a notification that is about to be checked; removes what is too old.

        The platform is asked with the numbers of the payment that it contradicts, where there is one: the platform
        never gets two payloads for one order, and a stranger learns nothing from the answer.
        """
        now = self._clock()
        table = unverified_notifications
        row_id = new_id(now)
        row = {"id": row_id, **numbers._asdict(), "token": token, "received_at": now}

        def work(connection: Connection) -> Unverified:
            for received in (table.c.received_at, accepted_tokens.c.accepted_at):
                connection.execute(delete(received.table).where(is_past(received, now - TOKENS_LAST)))
            connection.execute(insert(table), row)
            payment = connection.execute(known(numbers.order_number, numbers.weixin_number)).first()
            to_deliver = numbers if payment is None else Numbers(*(getattr(payment, name) for name in Numbers._fields))
            return Unverified(row_id, numbers, to_deliver, token, now)

        return await self._database.write(work)

    async def accept(self, unverified: Unverified, *, subject: str) -> Receipt:
        """The platform has saved `to_deliver`, so it took the token: of a notification with these numbers, make a
        payment that is DELIVERED, and of all others that came with the token payments to deliver.

        As `Payments.receive`, with which it may coincide: there is one payment all the same. That of another intake
        is DELIVERED by this as well; who holds its lease loses it.
        """
        now, table = self._clock(), unverified_notifications

        def work(connection: Connection) -> Receipt:
            connection.execute(delete(accepted_tokens).where(accepted_tokens.c.digest == unverified.token))
            connection.execute(
                insert_new(connection, accepted_tokens), {"digest": unverified.token, "accepted_at": now}
            )
            numbers, received_at = unverified.numbers, unverified.received_at
            receipt = self._payments.take_in(connection, numbers, subject, received_at, is_delivered=True)
            payment, delivered = receipt.payment, receipt.kind is ReceiptKind.NEW
            if receipt.kind is ReceiptKind.SAME:
                row = connection.execute(_mark(payment.id, now)).first()
                if row is not None:
                    payment, delivered = to_record(row, Payment), True
            if delivered:
                self._events.note(connection, happened(payment, PaymentEventKind.DELIVERED))
            kept = connection.execute(delete(table).where(table.c.token == unverified.token).returning(table)).all()
            for other in sorted((row for row in kept if row.id != unverified.id), key=lambda row: row.id):
                numbers = Numbers(other.order_number, other.shop_number, other.weixin_number)
                self._payments.take_in(connection, numbers, subject, other.received_at)
            return Receipt(receipt.kind, payment)

        receipt = await self._database.write(work)
        self._events.on_noted()
        return receipt

    async def drop(self, unverified: Unverified) -> None:
        """The platform refuses the token."""
        row = unverified_notifications.c.id == unverified.id
        await self._database.write(lambda connection: connection.execute(delete(unverified_notifications).where(row)))


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
