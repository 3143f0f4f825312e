"""Payment notifications: kept before they are acknowledged; the relay delivers them (document 2.2)."""

import re
from collections.abc import Awaitable

from msgspec import structs

from gateway.actions.write import Done, MarkSent, Write, WriteRefusal, Written, invalid, refuse_if_any, user_error
from gateway.actions.writer import Writer
from gateway.auth.principal import Principal, Scope
from gateway.events import EventBus, ReadsDropped, WakeUp
from gateway.journal.journal import Journal
from gateway.journal.records import Payment, Receipt, ReceiptKind, RecordRef, Unverified
from gateway.normalise.field import public_name
from gateway.normalise.records import Record
from gateway.normalise.states import UserErrorCode
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from gateway.wording.writes import WriteWording

NUMBER = re.compile(r"(?=[A-Za-z_-]*[0-9])[0-9A-Za-z_-]{1,64}")
"""Numbers of orders, merchants and WeChat: digits as documented, beyond 64 bits (quirk 77), so texts."""


class Notification(Record, frozen=True, gc=False):
    """What the resident platform sends of a payment: three numbers, no amount and no time (quirk 161)."""

    order_number: str
    shop_number: str
    weixin_number: str

    def malformed(self) -> list[str]:
        """The attributes that are no numbers."""
        return [name for name in self.__struct_fields__ if not NUMBER.fullmatch(getattr(self, name))]


class PaymentActions:
    """The callback intake and the mutations go the same way."""

    def __init__(self, writer: Writer, journal: Journal, events: EventBus) -> None:
        self._writer = writer
        self._payments = journal.payments
        self._unverified = journal.unverified
        self._events = events

    async def receive(self, notification: Notification, subject: str) -> Receipt:
        """Keep a notification. When this returns NEW or SAME it is on disk and may be acknowledged.

        Raises JournalError: then it must not be. Never twice for one order, never two payloads for one order.
        """
        return await self._publish(self._payments.receive(*structs.astuple(notification), subject=subject))

    async def accept(self, unverified: Unverified, subject: str) -> Receipt:
        """Keep a notification that the security platform has saved. As `receive`, and nothing is left to deliver."""
        return await self._publish(self._unverified.accept(unverified, subject=subject))

    async def _publish(self, keep: Awaitable[Receipt]) -> Receipt:
        """Notify those who wait for payments; of what is SAME, too: the journal may have failed after it was saved."""
        receipt = await keep
        if receipt.kind is not ReceiptKind.CONFLICT:
            self._events.publish(ReadsDropped(receipt.payment.community_code, ("order/list",)))
            self._events.publish(WakeUp.PAYMENTS_DUE)
        return receipt

    async def pay_callback(self, principal: Principal, notification: Notification) -> Written:
        """The same by an operator's hand. Idempotent as a whole. Raises JournalError.

        Nothing shows which community a number is of, so it takes a caller of every one (quirk 175).
        """
        principal.require(Scope.PAYMENT_WRITE)
        if not principal.sees_all:
            return Written.refused(
                user_error(UserErrorCode.FORBIDDEN_COMMUNITY, WriteWording.EVERY_COMMUNITY(), "orderNumber")
            )

        async def perform(_mark_sent: MarkSent) -> Done:
            refuse_if_any(
                invalid(
                    Violation((name,), InputWording.PAYMENT_NUMBER(field=name))
                    for name in map(public_name, notification.malformed())
                )
            )
            receipt = await self.receive(notification, principal.subject)
            if receipt.kind is ReceiptKind.CONFLICT:
                raise WriteRefusal(user_error(UserErrorCode.CONFLICT, WriteWording.OTHER_NUMBERS()))
            return Done(_record(receipt.payment))

        write = Write(mutation="payCallback", arguments=notification, community_code=None, perform=perform)
        return await self._writer.carry_out(principal, write)

    async def retry(self, principal: Principal, payment: Payment | None) -> Written:
        """Queue a dead delivery again. `payment` is None where the caller's id names none. Raises JournalError."""
        principal.require(Scope.PAYMENT_WRITE)
        if payment is None:
            return Written.refused(user_error(UserErrorCode.NOT_FOUND, WriteWording.NO_SUCH(record="payment"), "id"))

        async def perform(_mark_sent: MarkSent) -> Done:
            queued = await self._payments.retry(payment.id)
            if queued is None:
                raise WriteRefusal(user_error(UserErrorCode.CONFLICT, WriteWording.NOT_DEAD(), "id"))
            self._events.publish(WakeUp.PAYMENTS_DUE)
            return Done()

        write = Write(
            mutation="retryPayment",
            arguments=payment.id,
            community_code=payment.community_code,
            record=_record(payment),
            perform=perform,
        )
        return await self._writer.carry_out(principal, write)


def _record(payment: Payment) -> RecordRef:
    return RecordRef("Payment", payment.community_code, payment.id)
