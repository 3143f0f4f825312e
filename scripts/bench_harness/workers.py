"""Whether two workers on two cores do the work of two: requests per second with one worker and with two.

What they are asked for is cached and long, so that nearly all of both cores is theirs: the platforms rest, and the load
generator has little to do.
"""

import asyncio
import os
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import asyncpg
from load import run
from rows import requests
from servers import SERVE, Sandbox, Server, gateway

ON_SERVER = os.environ.get("GATEWAY_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
"""Several workers share their journal in PostgreSQL."""

WORKERS = (1, 2)
CONNECTIONS = 32
"""Of one caller: each worker keeps the answers that it has seen itself."""
ROWS = 500


@contextmanager
def gateways(platforms: Sandbox, **settings: str) -> Iterator[dict[int, Server]]:
    """A gateway by each number of workers."""
    with ExitStack() as stack:
        database = stack.enter_context(_database())
        yield {
            workers: stack.enter_context(
                gateway(
                    f"{workers} workers",
                    platforms,
                    1,
                    (*SERVE, "--workers", str(workers)),
                    GATEWAY_DATABASE_URL=database,
                    **settings,
                )
            )
            for workers in WORKERS
        }


async def rates(servers: dict[int, Server], rounds: int, count: int) -> dict[int, float]:
    """Requests per second by number of workers: medians of rounds that take turns."""
    measured: dict[int, list[float]] = {workers: [] for workers in servers}
    for number in range(rounds + 1):
        for workers, server in servers.items():
            load = await run(server.port, server.pid, requests(server, ROWS, 1) * CONNECTIONS, count)
            if number:  # the first is the warm-up
                measured[workers].append(load.rate)
    return {workers: statistics.median(rates) for workers, rates in measured.items()}


@contextmanager
def _database() -> Iterator[str]:
    name = f"gateway_bench_{uuid4().hex[:12]}"
    asyncio.run(_execute(f"CREATE DATABASE {name}"))
    base, _, query = ON_SERVER.partition("?")
    try:
        yield base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    finally:
        asyncio.run(_execute(f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(statement: str) -> None:
    connection = await asyncpg.connect(ON_SERVER, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
