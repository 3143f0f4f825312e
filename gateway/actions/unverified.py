"""Payment notifications with a token of the security platform, which nobody else can judge (ADR 18).

Such a notification is checked by delivering it, with its own token:

    keep ──► deliver ──► code 0 ──► a payment that is DELIVERED ──► answer 0
                 │ token refused ──► removed ──► answer 1
                 └ anything else ──► removed ──► answer 2: the sender repeats it

Anybody may send one. So nothing of it stays unless the platform has saved it, what is unknown is limited and waits
apart from what comes with a token that the platform took before, and no answer depends on what the journal knows until
the platform has taken the token.
"""

import asyncio
import hmac
import math
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from cachetools import TTLCache
from msgspec import structs

from gateway.actions.payment import Notification, PaymentActions
from gateway.actions.writer import retry_journal_write
from gateway.auth.principal import Principal
from gateway.auth.rate import RateLimiter
from gateway.errors import GatewayError, JournalError, PlatformAuthError, RateLimitedError
from gateway.futures import join
from gateway.journal.journal import Journal
from gateway.journal.records import Numbers, Receipt, Unverified
from gateway.ops.logs import StateLog
from gateway.platforms.client import read_token
from gateway.platforms.security import Security
from gateway.wording.requests import RequestWording

log = structlog.get_logger(__name__)

UNKNOWN_PER_MINUTE = 60
"""Notifications with a token that the platform has not taken yet, of all senders together."""

UNKNOWN_AT_ONCE = 4
KNOWN_AT_ONCE = 16
"""Calls to the platform: as many as the relay makes."""

LONGEST_TURN = 2.0
"""Seconds that a notification waits for its call to begin."""

LONGEST_TOKEN = 1024
MOST_TOKENS = 16
REMEMBERED = 3600.0
"""Seconds that a token is known after the platform took it: they last an hour (document 1.1.1.4)."""

_STRANGERS = Principal("unverified notifications", frozenset(), frozenset(), math.inf)


class UnverifiedPayments:
    """Checks them. One per process. A check that was begun runs to its end, whether its sender waits or not."""

    def __init__(self, payments: PaymentActions, journal: Journal, security: Security) -> None:
        self._payments = payments
        self._journal = journal.unverified
        self._security = security
        self._rate = RateLimiter(UNKNOWN_PER_MINUTE)
        self._unknown = asyncio.Semaphore(UNKNOWN_AT_ONCE)
        self._known = asyncio.Semaphore(KNOWN_AT_ONCE)
        self._key = secrets.token_bytes(32)
        self._taken: TTLCache[bytes, None] = TTLCache(MOST_TOKENS, REMEMBERED)  # digests: no token is kept
        self._state = StateLog("notifications not verified", "notifications verified again")
        self._checks: set[asyncio.Task[Receipt]] = set()

    async def receive(self, notification: Notification, token: str, subject: str) -> Receipt:
        """Have the platform judge it: when this returns NEW or SAME the platform has saved it, and so has the journal.

        Raises PlatformAuthError where the platform refuses the token; another GatewayError where it could not be asked,
        refuses the notification, or where too many are being checked.
        """
        if read_token(token) is None or len(token) > LONGEST_TOKEN:
            raise self._security.token_refused()
        check = asyncio.create_task(self._check(notification, token, subject))
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)
        return await join(check)

    async def drain(self) -> None:
        """Wait for the checks under way: at shutdown, before platform and journal are closed."""
        while self._checks:
            await asyncio.wait(self._checks)

    async def _check(self, notification: Notification, token: str, subject: str) -> Receipt:
        digest = hmac.digest(self._key, token.encode(), "sha256")
        try:
            async with self._turn(digest):
                unverified = await self._journal.begin(Numbers(*structs.astuple(notification)))
                await self._deliver(unverified, token)
        except PlatformAuthError:
            self._taken.pop(digest, None)
            raise
        except JournalError:  # which is logged where it happens
            raise
        except GatewayError as error:
            self._state.failed(code=error.code)
            raise
        self._state.worked()
        self._taken[digest] = None
        return await retry_journal_write(lambda: self._payments.accept(unverified, subject))

    @asynccontextmanager
    async def _turn(self, digest: bytes) -> AsyncIterator[None]:
        """Raises RateLimitedError where too many of strangers come, or no place becomes free in time."""
        places = self._known
        if digest not in self._taken:
            self._rate.check(_STRANGERS)
            places = self._unknown
        try:
            async with asyncio.timeout(LONGEST_TURN):
                await places.acquire()
        except TimeoutError:
            raise RateLimitedError(RequestWording.TOO_MANY_REQUESTS(), LONGEST_TURN) from None
        try:
            yield
        finally:
            places.release()

    async def _deliver(self, unverified: Unverified, token: str) -> None:
        try:
            await self._security.deliver_payment(*unverified.to_deliver, token=token)
        except GatewayError:
            try:
                await self._journal.drop(unverified)
            except JournalError as failure:
                log.warning("unverified notification not removed", reason=failure.message)
            raise
