"""Several gateways on one PostgreSQL while one after the other is killed, and one stands still past its lease."""

import asyncio
import random
import signal
import time
from contextlib import suppress

import asyncpg
from notifier import TROUBLE, Notifier
from processes import GatewayProcess, Platforms

BETWEEN_KILLS = (1.0, 3.0)
"""Seconds, from and to."""

STOPPED = 13.5
"""Seconds that a gateway stands still: longer than its lease (8) and the longest sleep of another relay (5)."""

AT_ONCE = 4
SLOW = "0.2"
"""Seconds a delivery takes, so that whoever stops or dies holds leases."""


class Replicas:
    """`kills`, `stops` and `leases` (held by a gateway that stopped, and taken from it meanwhile) are counts."""

    def __init__(
        self, gateways: list[GatewayProcess], platforms: Platforms, notifier: Notifier, database_url: str
    ) -> None:
        self.kills = self.stops = self.leases = 0
        self._gateways = gateways
        self._platforms = platforms
        self._notifier = notifier
        self._database_url = database_url
        self._is_over = False

    async def run(self, seconds: float) -> None:
        """Let them work and die for so long; in the end all run."""
        await asyncio.gather(*(gateway.start() for gateway in self._gateways))
        await self._notifier.sign_in(self._gateways[0].port)
        await self._platforms.set_fault("latency", seconds=SLOW)
        end = time.monotonic() + seconds
        posting = asyncio.create_task(self._keep_posting())
        while time.monotonic() < end:
            stopped, killed = random.sample(self._gateways, 2)
            await asyncio.gather(self._stop(stopped), self._kill(killed))
        self._is_over = True
        await posting
        await self._platforms.clear_faults()

    async def _kill(self, gateway: GatewayProcess) -> None:
        await asyncio.sleep(random.uniform(*BETWEEN_KILLS))
        await gateway.kill()
        self.kills += 1
        await gateway.start()

    async def _stop(self, gateway: GatewayProcess) -> None:
        """SIGSTOP with leases in hand, SIGCONT when they are another's."""
        connection = await asyncpg.connect(self._database_url)
        try:
            gateway.send_signal(signal.SIGSTOP)
            held = await connection.fetch(
                "SELECT id, lease_token FROM payments WHERE lease_owner LIKE $1", f"%/{gateway.pid}"
            )
            await asyncio.sleep(STOPPED)
            now = dict(await connection.fetch("SELECT id, lease_token FROM payments WHERE id = ANY($1)", _ids(held)))
        finally:
            gateway.send_signal(signal.SIGCONT)
            await connection.close()
        self.stops += 1
        self.leases += sum(now[row["id"]] > row["lease_token"] for row in held)

    async def _keep_posting(self) -> None:
        async def post() -> None:
            while not self._is_over:
                gateway = random.choice(self._gateways)
                with suppress(*TROUBLE):
                    await self._notifier.notify(gateway.port, self._notifier.new(1), 1)
                await asyncio.sleep(0.02)

        await asyncio.gather(*(post() for _ in range(AT_ONCE)))


def _ids(rows: "list[asyncpg.Record]") -> list[str]:
    return [row["id"] for row in rows]
