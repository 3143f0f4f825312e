"""Payment notifications with a token of the security platform, which nobody else can judge (ADR 18).

A token that the platform took within the hour is as good as one issued here: its notifications go to the outbox. With
any other the notification is kept, and checked by delivering it, with its own token:

    keep ──► deliver ──► code 0 ──► the token is known, the payment DELIVERED ──► answer 0
                 │ token refused ──► removed ──► answer 1
                 └ anything else ──► stays, and goes to the outbox once its token is known ──► answer 2

Anybody may send one. So each sender's address has its own turns, and no answer depends on what the journal knows until
the platform has taken the token.
"""

import asyncio
import hmac
import math

import structlog
from msgspec import structs

from gateway.actions.payment import Notification, PaymentActions
from gateway.actions.writer import retry_journal_write
from gateway.auth.principal import Principal
from gateway.auth.rate import WINDOW, RateLimiter
from gateway.errors import GatewayError, JournalError, PlatformAuthError, RateLimitedError
from gateway.futures import join
from gateway.journal.journal import Journal
from gateway.journal.records import Numbers, Receipt
from gateway.ops.logs import StateLog
from gateway.ops.slots import Slots
from gateway.platforms.client import read_token
from gateway.platforms.security import Security
from gateway.wording.requests import RequestWording

log = structlog.get_logger(__name__)

UNKNOWN_PER_MINUTE = 120
"""Notifications with an unknown token, of one sender's address: so many at once, then one every half second."""

MOST_WAITING = 16
"""Of one address, for that half second; more are refused."""

UNKNOWN_AT_ONCE = 16
"""Calls to the platform, shared by the addresses in turn: as many as the relay makes."""

LONGEST_TURN = 5.0
"""Seconds that a notification waits for one of these calls."""

LONGEST_TOKEN = 1024


class UnverifiedPayments:
    """Checks them. One per process. A check that was begun runs to its end, whether its sender waits or not."""

    def __init__(self, payments: PaymentActions, journal: Journal, security: Security, key: bytes) -> None:
        self._payments = payments
        self._journal = journal.unverified
        self._security = security
        self._rate = RateLimiter(UNKNOWN_PER_MINUTE)
        self._slots = Slots(UNKNOWN_AT_ONCE)
        self._key = hmac.digest(key, b"token of a payment notification", "sha256")
        self._state = StateLog("notifications not verified", "notifications verified again")
        self._checks: set[asyncio.Task[Receipt]] = set()

    async def receive(self, notification: Notification, token: str, sender: str, subject: str) -> Receipt:
        """Keep it where the token is known, else have the platform judge it: when this returns NEW or SAME it is a
        payment on disk. `sender` is the address that limits are for.

        Raises PlatformAuthError where the platform refuses the token; another GatewayError where it could not be asked,
        refuses the notification, or where too many are being checked.
        """
        if read_token(token) is None or len(token) > LONGEST_TOKEN:
            raise self._security.token_refused()
        digest = hmac.new(self._key, token.encode(), "sha256").hexdigest()
        if await self._journal.knows(digest):
            return await self._payments.receive(notification, subject)
        check = asyncio.create_task(self._check(notification, token, digest, sender, subject))
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)
        return await join(check)

    async def drain(self) -> None:
        """Wait for the checks under way: at shutdown, before platform and journal are closed."""
        while self._checks:
            await asyncio.wait(self._checks)

    async def _check(self, notification: Notification, token: str, digest: str, sender: str, subject: str) -> Receipt:
        principal = Principal(sender, frozenset(), frozenset(), math.inf)
        turn = self._rate.check(principal, overdraft=MOST_WAITING).reset_after - WINDOW
        unverified = await self._journal.begin(Numbers(*structs.astuple(notification)), digest)
        await asyncio.sleep(max(turn, 0.0))
        try:
            lane = await self._slots.acquire(asyncio.get_running_loop().time() + LONGEST_TURN, sender)
        except TimeoutError:
            raise RateLimitedError(RequestWording.TOO_MANY_REQUESTS(), LONGEST_TURN) from None
        try:
            if await self._journal.knows(digest):  # by now: one beside it was taken
                return await self._payments.receive(notification, subject)
            await self._security.deliver_payment(*unverified.to_deliver, token=token)
        except PlatformAuthError:
            try:
                await self._journal.drop(unverified)
            except JournalError as failure:
                log.warning("unverified notification not removed", reason=failure.message)
            raise
        except JournalError:  # which is logged where it happens
            raise
        except GatewayError as error:
            self._state.failed(code=error.code)
            raise
        finally:
            self._slots.release(lane)
        self._state.worked()
        return await retry_journal_write(lambda: self._payments.accept(unverified, subject))
