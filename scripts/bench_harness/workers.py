"""Whether two workers on two cores do the work of two: requests per second with one worker and with two.

What they are asked for is cached and long, so that nearly all of both cores is theirs: the platforms rest, and the load
generator has little to do.
"""

import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from load import run
from rows import requests
from servers import SERVE, Sandbox, Server, gateway
from throw_away import blocking_database

WORKERS = (1, 2)
CONNECTIONS = 32
"""Of one caller: each worker keeps the answers that it has seen itself."""
ROWS = 500


@contextmanager
def gateways(platforms: Sandbox, **settings: str) -> Iterator[dict[int, Server]]:
    """A gateway by each number of workers."""
    with ExitStack() as stack:
        database = stack.enter_context(blocking_database())
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
