"""The relay: brings every kept payment notification to the security platform, until it has saved it.

At least once, always the same payload (document 2.2; the platform saves by order number). Several gateways on one
journal share the work by leases. What happens to one notification delays no other.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from gateway.errors import JournalError, NotConfiguredError, PlatformAuthError, PlatformError
from gateway.events import EventBus, WakeUp
from gateway.futures import join
from gateway.journal.journal import Journal
from gateway.journal.records import Payment
from gateway.platforms.security import Security

log = structlog.get_logger(__name__)

WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
)
"""The waits between attempts, in all 24 hours and 4 minutes: what WeChat Pay itself does with its notifications."""

JITTER = 0.1
"""Each wait is this much longer at most, so that a burst that failed together does not come back together."""

AUTH_WAIT = timedelta(minutes=1)
"""When the platform refuses the gateway's token or has no path set, nothing was asked of it: not an attempt."""

MOST_AT_ONCE = 16
SHORTEST_SLEEP = 0.01
LONGEST_SLEEP = 5.0
"""In seconds; so long may the unfinished work of another gateway go unseen."""


class Relay:
    """Run one per gateway. `owner` names it in the journal, for people who look.

    `lease` is how long a notification is this gateway's alone: twice `Settings.longest_delivery`.
    """

    def __init__(
        self,
        journal: Journal,
        security: Security,
        events: EventBus,
        owner: str,
        lease: timedelta,
        clock: Callable[[], datetime],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._payments = journal.payments
        self._security = security
        self._events = events
        self._owner = owner
        self._lease = lease
        self._clock = clock
        self._jitter = jitter

    async def run(self) -> None:
        """Deliver what is due, each on its own, then sleep until more is or one arrives. Ends only by cancellation."""
        deliveries: set[asyncio.Task[None]] = set()
        with self._events.wake_ups(WakeUp.PAYMENTS_DUE) as woken:
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
            claimed = await self._payments.claim(self._owner, room, self._lease) if room else ()
            deliveries.update(asyncio.create_task(self.deliver(payment)) for payment in claimed)
            due = None if len(claimed) == room else await self._payments.next_due()
        except JournalError:  # which is logged where it happens
            return LONGEST_SLEEP
        if due is None:
            return LONGEST_SLEEP
        return min(max((due - self._clock()).total_seconds(), SHORTEST_SLEEP), LONGEST_SLEEP)

    async def deliver(self, payment: Payment) -> None:
        """Try a claimed notification once and mark what came of it, unless the lease is lost by then."""
        try:
            try:
                await self._security.deliver_payment(payment.order_number, payment.shop_number, payment.weixin_number)
            except (PlatformAuthError, NotConfiguredError) as error:
                due = self._later(AUTH_WAIT)
                await self._payments.failed(payment, error.code, next_attempt_at=due, counts=False)
            except PlatformError as error:
                await self._put_off(payment, error.code)
            else:
                await self._payments.delivered(payment)
        except JournalError as error:
            # Unmarked, it is delivered again when the lease ends: at least once is the promise.
            log.warning("delivery not marked", payment=payment.id, reason=error.message)
        except Exception:
            log.exception("delivery failed", payment=payment.id)

    async def _put_off(self, payment: Payment, code: str) -> None:
        made = payment.attempts + 1
        due = self._later(WAITS[made - 1]) if made <= len(WAITS) else None
        await self._payments.failed(payment, code, next_attempt_at=due)
        if due is None:
            log.error("payment dead", payment=payment.id, code=code, attempts=made)

    def _later(self, wait: timedelta) -> datetime:
        return self._clock() + wait * (1 + JITTER * self._jitter())
