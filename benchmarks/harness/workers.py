"""Whether two workers on two cores do the work of two.

All that is asked for is cached, so the platforms rest. The load generator cannot: it runs on the same cores and takes
its part of them, which grows with the bytes that it reads. So two questions are asked: many numbers are dear to answer
and cheap to read, many rows are dear to read, too. And each worker's own CPU time tells what all would do with a core
each.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import rows
from load import cpu_seconds, post, run
from machine import CORES
from measure import PATH
from servers import SERVE, Sandbox, Server, gateway
from throw_away import blocking_database

WORKERS = (1, 2)
CONNECTIONS = 32
"""Of one caller: each worker keeps the answers that it has seen itself."""

ROWS = 500
COUNTS = 100


@dataclass(frozen=True)
class Shared:
    """What the workers of one gateway did in a round: requests per second, and microseconds of CPU per request, of all
    and of the busiest."""

    rate: float
    cpu: float
    busiest: float

    @property
    def apart(self) -> float:
        """Requests per second if each worker had a core to itself: all would have ended when the busiest has."""
        return 1e6 / self.busiest


Rounds = Mapping[int, Sequence[Shared]]
"""By number of workers. They took turns: what stands at the same place had the same machine."""


@contextmanager
def gateways(platforms: Sandbox, **settings: str) -> Iterator[dict[int, Server]]:
    """A gateway by each number of workers, all on all cores."""
    with ExitStack() as stack:
        settings["GATEWAY_DATABASE_URL"] = stack.enter_context(blocking_database())
        yield {
            workers: stack.enter_context(
                gateway(f"{workers} workers", platforms, 1, (*SERVE, "--workers", str(workers)), CORES, **settings)
            )
            for workers in WORKERS
        }


async def compare(servers: Mapping[int, Server], rounds: int, count: int, warm_up: int) -> dict[str, Rounds]:
    """By question."""
    measured: dict[str, Rounds] = {}
    for question, asked in QUESTIONS.items():
        sending = {workers: asked(server) for workers, server in servers.items()}
        for workers, server in servers.items():
            await _round(server, sending[workers], warm_up)
        rows: dict[int, list[Shared]] = {workers: [] for workers in servers}
        measured[question] = rows
        for _ in range(rounds):
            for workers, server in servers.items():
                rows[workers].append(await _round(server, sending[workers], count))
    return measured


async def _round(server: Server, requests: Iterator[bytes], count: int) -> Shared:
    processes = [server.pid, *_children(server.pid)]
    before = [cpu_seconds(pid) for pid in processes]
    load = await run(server.port, server.pid, [requests] * CONNECTIONS, count)
    spent = [(cpu_seconds(pid) - cpu) / count * 1e6 for pid, cpu in zip(processes, before, strict=True)]
    return Shared(load.rate, sum(spent), max(spent))


def _children(pid: int) -> list[int]:
    """The processes that a process's first thread has started (proc_pid_task(5)): several workers are children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _counts(server: Server) -> Iterator[bytes]:
    """How many orders there are, again and again: each a list of its own, as long as its number says."""
    lists = " ".join(f"n{first}: orders(first: {first}) {{ totalCount }}" for first in range(1, COUNTS + 1))
    body = json.dumps({"query": f'{{ community(code: "{rows.COMMUNITY}") {{ {lists} }} }}'}).encode()
    return repeat(post(PATH, body, server.callers[0]))


def _rows(server: Server) -> Iterator[bytes]:
    return rows.requests(server, ROWS, 1)[0]


QUESTIONS = {f"{COUNTS} numbers": _counts, f"{ROWS} rows": _rows}
