"""Payment notifications (document 2.2): kept before they are acknowledged, then delivered to the security platform.

The relay brings every kept one there, until the platform has saved it: at least once, always the same payload (the
platform saves by order number). Several gateways on one journal share the work by leases. What happens to one delays no
other.

One with a token of the security platform nobody else can judge (ADR 18). A token that the platform took within the hour
is as good as one issued here: its notifications go to the outbox. With any other the notification is kept, and checked
by delivering it, with its own token:

    keep ──► deliver ──► code 0 ──► the token is known, the payment DELIVERED ──► answer 0
                 │ token refused ──► removed ──► answer 1
                 └ anything else ──► stays, and goes to the outbox once its token is known ──► answer 2

Anybody may send one. So each sender's address has its own turns, and no answer depends on what the journal knows until
the platform has taken the token.
"""

import asyncio
import hmac
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import NamedTuple

import structlog

from gateway import errors
from gateway.actions.action import Action, AskedT, Done, Prepared, Write, WriteRefusal, Written, user_error
from gateway.actions.writer import retry_journal_write
from gateway.auth.principal import Scope
from gateway.auth.rate import REMEMBERED, SECOND, WINDOW, Bucket, Rate
from gateway.events import WakeUp
from gateway.futures import join
from gateway.journal.journal import Journal
from gateway.journal.payments import Payments
from gateway.journal.records import Numbers, Payment, Receipt, ReceiptKind, RecordRef
from gateway.normalise.records import public_name
from gateway.normalise.vocabulary import UserErrorCode
from gateway.ops.logs import StateLog
from gateway.ops.slots import Slots
from gateway.platforms.client import read_token
from gateway.platforms.endpoint import Effect, Endpoint
from gateway.platforms.security import FAILURE, SECURITY, Security
from gateway.wording.faults import FaultWording
from gateway.wording.inputs import InputWording, WriteWording
from gateway.wording.requests import RequestWording
from gateway.wording.wording import Violation

log = structlog.get_logger(__name__)

CALLBACK = Endpoint(
    SECURITY, "callback", "POST", "", Effect.WRITE, setting="security_callback_path", dead_token=FAILURE
)

NUMBER = re.compile(r"(?=[A-Za-z_-]*[0-9])[0-9A-Za-z_-]{1,64}")
"""Numbers of orders, merchants and WeChat: digits as documented, beyond 64 bits (quirk 77), so texts."""


def malformed(numbers: Numbers) -> list[str]:
    """The names of those that are no numbers."""
    return [name for name, text in numbers._asdict().items() if not NUMBER.fullmatch(text)]


async def deliver_payment(security: Security, order_number: str, shop_number: str, weixin_number: str) -> None:
    """Hand over a payment notification (2.2.1). Returns only when the platform says it is saved (code 0)."""
    await security.succeed(CALLBACK, Numbers(order_number, shop_number, weixin_number)._asdict())


class _WritesPayments(Action[AskedT], is_base=True):
    """To the journal alone, which notes the event; the relay is the one who calls a platform."""

    scope = Scope.PAYMENT_WRITE
    endpoint = CALLBACK
    stale = ()

    def __init__(self, payments: Payments) -> None:
        self.payments = payments


class Received(NamedTuple):
    """A notification in an operator's hand."""

    numbers: Numbers
    subject: str


NOT_FOR_SOME_COMMUNITIES = Written.refused(
    user_error(UserErrorCode.FORBIDDEN_COMMUNITY, WriteWording.EVERY_COMMUNITY(), "orderNumber")
)
"""Nothing shows which community a number is of, so it takes a caller of every one (quirk 175)."""


class PayCallback(_WritesPayments[Received]):
    """What the callback does, by an operator's hand. Idempotent as a whole."""

    mutation = "payCallback"

    def violations(self, received: Received) -> Iterator[Violation]:
        for name in map(public_name, malformed(received.numbers)):
            yield Violation((name,), InputWording.PAYMENT_NUMBER(field=name))

    async def prepare(self, write: Write[Received]) -> Prepared:
        return Prepared(partial(self._receive, write.asked), sends=False)

    async def _receive(self, received: Received) -> Done:
        receipt = await self.payments.receive(*received.numbers, subject=received.subject)
        if receipt.kind is ReceiptKind.CONFLICT:
            raise WriteRefusal(user_error(UserErrorCode.CONFLICT, WriteWording.OTHER_NUMBERS()))
        return Done(_record(receipt.payment))


NO_SUCH_PAYMENT = Written.refused(user_error(UserErrorCode.NOT_FOUND, WriteWording.NO_SUCH(record="payment"), "id"))


class RetryPayment(_WritesPayments[Payment]):
    """Queue a failed delivery (DEAD) again."""

    mutation = "retryPayment"

    def record(self, payment: Payment) -> RecordRef:
        return _record(payment)

    async def prepare(self, write: Write[Payment]) -> Prepared:
        return Prepared(partial(self._retry, write.asked), sends=False)

    async def _retry(self, payment: Payment) -> None:
        if not await self.payments.retry(payment.id):
            raise WriteRefusal(user_error(UserErrorCode.CONFLICT, WriteWording.NOT_DEAD(), "id"))


def _record(payment: Payment) -> RecordRef:
    return RecordRef("Payment", payment.community_code, payment.id)


WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
)
"""The waits between attempts, in all 24 hours and 4 minutes: what WeChat Pay itself does with its notifications."""

JITTER = 0.1  # each wait is this much longer at most, so that a burst that failed together does not come back together

AUTH_WAIT = timedelta(minutes=1)
"""When the platform refuses the gateway's token or has no path set, nothing was asked of it: not an attempt."""

MOST_AT_ONCE = 16
SHORTEST_SLEEP = 0.01
LONGEST_SLEEP = 5.0  # in seconds; so long may the unfinished work of another gateway go unseen


@dataclass(eq=False)
class Relay:
    """Run one per gateway. `owner` names it in the journal, for people who look.

    `lease` is how long a notification is this gateway's alone: twice `Settings.longest_delivery`.
    """

    journal: Journal
    security: Security
    owner: str
    lease: timedelta
    clock: Callable[[], datetime]
    jitter: Callable[[], float] = random.random

    async def run(self) -> None:
        """Deliver what is due, each on its own, then sleep until more is or one arrives. Ends only by cancellation."""
        deliveries: set[asyncio.Task[None]] = set()
        with self.journal.bus.wake_ups(WakeUp.PAYMENTS_DUE) as woken:
            arrival = asyncio.ensure_future(woken.wait())
            try:
                while True:
                    starting = asyncio.create_task(self._start_due(deliveries))
                    pause = await join(starting)
                    done, _ = await asyncio.wait(
                        {*deliveries, arrival}, timeout=pause, return_when=asyncio.FIRST_COMPLETED
                    )
                    deliveries -= done
                    if arrival in done:
                        woken.clear()
                        arrival = asyncio.ensure_future(woken.wait())
            finally:
                arrival.cancel()
                # Brought to their end, which is near, and what is being claimed as well: nothing waits for a lease to
                # run out after a restart.
                await asyncio.gather(starting, return_exceptions=True)
                await asyncio.gather(*deliveries, arrival, return_exceptions=True)

    async def _start_due(self, deliveries: set[asyncio.Task[None]]) -> float:
        """Claim as much of what is due as there is room for, and start on it. Returns how long to sleep, in seconds."""
        try:
            room = MOST_AT_ONCE - len(deliveries)
            claimed = await self.journal.payments.claim(self.owner, room, self.lease) if room else ()
            deliveries.update(asyncio.create_task(self.deliver(payment)) for payment in claimed)
            due = None if len(claimed) == room else await self.journal.payments.next_due()
        except errors.JournalError:  # which is logged where it happens
            return LONGEST_SLEEP
        if due is None:
            return LONGEST_SLEEP
        return min(max((due - self.clock()).total_seconds(), SHORTEST_SLEEP), LONGEST_SLEEP)

    async def deliver(self, payment: Payment) -> None:
        """Try a claimed notification once and mark what came of it, unless the lease is lost by then."""
        try:
            try:
                await deliver_payment(self.security, *payment.numbers)
            except (errors.PlatformAuthError, errors.NotConfiguredError) as error:
                await self.journal.payments.failed(
                    payment, error.code, next_attempt_at=self._later(AUTH_WAIT), counts=False
                )
            except errors.PlatformError as error:
                made = payment.attempts + 1
                due = self._later(WAITS[made - 1]) if made <= len(WAITS) else None
                await self.journal.payments.failed(payment, error.code, next_attempt_at=due)
                if due is None:
                    log.error("payment dead", payment=payment.id, code=error.code, attempts=made)
            else:
                await self.journal.payments.delivered(payment)
        except errors.JournalError as error:
            # Unmarked, it is delivered again when the lease ends: at least once is the promise.
            log.warning("delivery not marked", payment=payment.id, reason=error.message)
        except Exception:
            log.exception("delivery failed", payment=payment.id)

    def _later(self, wait: timedelta) -> datetime:
        return self.clock() + wait * (1 + JITTER * self.jitter())


UNKNOWN_PER_MINUTE = 120
"""Notifications with an unknown token, of one sender's address: so many at once, then one every half second."""

MOST_WAITING = 16  # of one address, for that half second; more are refused
UNKNOWN_AT_ONCE = 16  # calls to the platform, shared by the addresses in turn: as many as the relay makes
LONGEST_TURN = 5.0  # seconds that a notification waits for one of these calls

LONGEST_TOKEN = 1024


class UnverifiedPayments:
    """Checks them. One per process. A check that was begun runs to its end, whether its sender waits or not."""

    def __init__(self, journal: Journal, security: Security, key: bytes) -> None:
        self._payments = journal.payments
        self._security = security
        rate = Rate(UNKNOWN_PER_MINUTE)
        self._buckets = lru_cache(REMEMBERED)(lambda _sender: Bucket(rate))
        self._slots = Slots(UNKNOWN_AT_ONCE)
        self._key = hmac.digest(key, b"token of a payment notification", "sha256")
        self._state = StateLog("notifications not verified", "notifications verified again")
        self._checks: set[asyncio.Task[Receipt]] = set()

    async def receive(self, numbers: Numbers, token: str, sender: str, subject: str) -> Receipt:
        """Keep it where the token is known, else have the platform judge it: when this returns NEW or SAME it is a
        payment on disk. `sender` is the address that limits are for.

        Raises PlatformAuthError where the platform refuses the token; another GatewayError where it could not be asked,
        refuses the notification, or where too many are being checked.
        """
        if read_token(token) is None or len(token) > LONGEST_TOKEN:
            raise errors.PlatformAuthError(SECURITY, CALLBACK.name, FaultWording.TOKEN_REFUSED())
        digest = hmac.new(self._key, token.encode(), "sha256").hexdigest()
        if await self._payments.knows_token(digest):
            return await self._payments.receive(*numbers, subject=subject)
        check = asyncio.create_task(self._check(numbers, token, digest, sender, subject))
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)
        return await join(check)

    async def drain(self) -> None:
        """Wait for the checks under way: at shutdown, before platform and journal are closed."""
        while self._checks:
            await asyncio.wait(self._checks)

    async def _check(self, numbers: Numbers, token: str, digest: str, sender: str, subject: str) -> Receipt:
        turn = self._buckets(sender).take(overdraft=MOST_WAITING) / SECOND - WINDOW
        unverified = await self._payments.begin_check(numbers, digest)
        await asyncio.sleep(max(turn, 0.0))
        try:
            slot = await self._slots.acquire(asyncio.get_running_loop().time() + LONGEST_TURN, sender)
        except TimeoutError:
            raise errors.RateLimitedError(RequestWording.TOO_MANY_REQUESTS(), LONGEST_TURN) from None
        try:
            if await self._payments.knows_token(digest):  # by now: one beside it was taken
                return await self._payments.receive(*numbers, subject=subject)
            await deliver_payment(self._security.lending(token), *unverified.to_deliver)
        except errors.PlatformAuthError:
            try:
                await self._payments.drop_check(unverified)
            except errors.JournalError as failure:
                log.warning("unverified notification not removed", reason=failure.message)
            raise
        except errors.JournalError:  # which is logged where it happens
            raise
        except errors.GatewayError as error:
            self._state.failed(code=error.code)
            raise
        finally:
            self._slots.leave(slot)
        self._state.worked()
        return await retry_journal_write(partial(self._payments.accept_token, unverified, subject=subject))
