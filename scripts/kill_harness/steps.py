"""The moments at which a gateway is killed: each step of intake and relay, its window held open from outside.

What holds it open is what may happen in earnest: a platform that is slow or silent, a lock in the database, a sender
that stalls. Where SQLite has nothing to hold, the kill comes out of a burst, and the report says which step it hit.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg
from notifier import Notifier
from processes import PAUSE, GatewayProcess, Platforms

BURST = 32
PASSED_ON = 4
"""Of a burst with a token that the gateway does not know yet, so many are passed on in any case."""

HELD = "30"
"""Seconds that a slow platform takes: longer than a gateway lives in these steps."""

WINDOW_TIMEOUT = 20.0

_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'wanjia-gateway' AND wait_event_type = 'Lock'
"""


@dataclass(frozen=True)
class Bench:
    """What a step works with. `database_url` is empty on SQLite."""

    gateway: GatewayProcess
    platforms: Platforms
    notifier: Notifier
    database_url: str

    @asynccontextmanager
    async def burst(self, amount: int = BURST) -> AsyncIterator[None]:
        """Notifications that are on their way meanwhile; kill the gateway within."""
        notifier = self.notifier
        posting = asyncio.create_task(notifier.notify(self.gateway.port, notifier.new(amount)))
        try:
            yield
        finally:
            await posting

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Nobody else may write payments; returns from its start once the gateway waits for that."""
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute("BEGIN; LOCK TABLE payments IN EXCLUSIVE MODE")
            yield
        finally:
            await connection.close()

    async def gateway_waits(self) -> None:
        """For that lock."""
        connection = await asyncpg.connect(self.database_url)
        try:
            async with asyncio.timeout(WINDOW_TIMEOUT):
                while not await connection.fetchval(_WAITING):
                    await asyncio.sleep(PAUSE)
        finally:
            await connection.close()

    async def until_called(self, calls: int = 1, endpoint: str = "callback") -> None:
        """The security platform has received so many calls."""
        async with asyncio.timeout(WINDOW_TIMEOUT):
            while await self.platforms.calls(endpoint) < calls:
                await asyncio.sleep(PAUSE)


Step = Callable[[Bench], Awaitable[None]]


async def at_a_random_moment(bench: Bench) -> None:
    async with bench.burst():
        await asyncio.sleep(random.uniform(0, 0.1))
        await bench.gateway.kill()


async def within_a_notification(bench: Bench) -> None:
    """The sender has stalled before the last bytes."""
    [payment] = bench.notifier.new(1)
    connection = await bench.notifier.begin(bench.gateway.port, payment)
    try:
        async with bench.burst(4):
            await asyncio.sleep(random.uniform(0, 0.02))
            await bench.gateway.kill()
    finally:
        await connection.__aexit__()


async def before_the_commit(bench: Bench) -> None:
    """PostgreSQL: all inserts wait for a lock. SQLite: they wait for the first sync of a burst, most of the time."""
    if bench.database_url:
        async with bench.locked(), bench.burst(8):
            await bench.gateway_waits()
            await bench.gateway.kill()
        return
    async with bench.burst():
        await asyncio.sleep(random.uniform(0, 0.01))
        await bench.gateway.kill()


async def between_commit_and_answer(bench: Bench) -> None:
    """One of a burst has its answer; others, of the same commit even, have none yet."""
    before = len(bench.notifier.acknowledged)
    async with bench.burst():
        answers = random.randint(1, BURST // 2)
        with suppress(TimeoutError):
            async with asyncio.timeout(WINDOW_TIMEOUT):
                while len(bench.notifier.acknowledged) < before + answers:
                    await asyncio.sleep(0)
        await bench.gateway.kill()


async def claimed_and_not_sent(bench: Bench) -> None:
    """The relay holds the lease and waits for a token."""
    await bench.platforms.set_fault("hang", "token")
    await bench.platforms.expire_tokens()
    async with bench.burst(4):
        pass
    await bench.until_called(endpoint="token")
    await bench.gateway.kill()


async def sent_and_not_taken_in(bench: Bench) -> None:
    """The platform has the call and does nothing yet."""
    await bench.platforms.set_fault("hang")
    async with bench.burst(4):
        pass
    await bench.until_called()
    await bench.gateway.kill()


async def taken_in_and_not_answered(bench: Bench) -> None:
    """The payment is in at the platform; its answer is late."""
    await bench.platforms.set_fault("latency", seconds=HELD)
    async with bench.burst(4):
        pass
    await bench.until_called()
    await bench.gateway.kill()


async def answered_and_not_marked(bench: Bench) -> None:
    """PostgreSQL: the mark waits for a lock. SQLite: out of a burst of deliveries."""
    if not bench.database_url:
        async with bench.burst():
            await bench.until_called(random.randint(1, BURST))
            await bench.gateway.kill()
        return
    await bench.platforms.set_fault("latency", seconds="0.3")
    async with bench.burst(4):
        pass
    await bench.until_called()
    async with bench.locked():
        await bench.gateway_waits()
        await bench.gateway.kill()


async def while_it_starts(bench: Bench) -> None:
    """Once more: killed again before it is ready, or just then, with what the kill before left behind."""
    await at_a_random_moment(bench)
    await bench.gateway.start(ready=False)
    await asyncio.sleep(random.uniform(0.5, 3.0))
    await bench.gateway.kill()


async def asked_and_not_answered(bench: Bench) -> None:
    """Notifications with the platform's token: it has them, and does nothing yet. Their senders wait for the gateway.

    Half of the time it has taken them in.
    """
    if random.random() < 0.5:
        await bench.platforms.set_fault("hang")
    else:
        await bench.platforms.set_fault("latency", seconds=HELD)
    async with bench.burst(8):
        await bench.until_called()
        await bench.gateway.kill()


async def taken_in_and_not_recorded(bench: Bench) -> None:
    """The same, and the platform has answered. PostgreSQL: the record waits for a lock. SQLite: out of a burst."""
    if not bench.database_url:
        async with bench.burst():
            await bench.until_called(random.randint(1, PASSED_ON))
            await bench.gateway.kill()
        return
    async with bench.locked(), bench.burst(8):
        await bench.gateway_waits()
        await bench.gateway.kill()


PLATFORM_TOKEN_STEPS: tuple[Step, ...] = (
    at_a_random_moment,
    within_a_notification,
    between_commit_and_answer,
    asked_and_not_answered,
    taken_in_and_not_recorded,
    while_it_starts,
)
"""Where the notifications come with the platform's token, the gateway delivers them before it answers."""

STEPS: tuple[Step, ...] = (
    at_a_random_moment,
    within_a_notification,
    before_the_commit,
    between_commit_and_answer,
    claimed_and_not_sent,
    sent_and_not_taken_in,
    taken_in_and_not_answered,
    answered_and_not_marked,
    while_it_starts,
)
