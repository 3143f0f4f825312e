"""Whether memory stays flat and the garbage collector stays out of the way, under many requests by many callers."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import cycle
from pathlib import Path

from load import post, run
from measure import COMMUNITY, PATH, QUERIES, document, requests
from servers import Server

STEPS = 20

COLLECTED = (str(Path(__file__).parent / "collected.py"),)
"""The program to run instead of `gateway serve`."""

LISTS = 10
"""Lists in each new document."""


async def memory(
    server: Server, callers: int, count: int, communities: Sequence[str]
) -> AsyncIterator[tuple[int, float, float]]:
    """Requests so far, MiB after them, and minutes since the first: once it is warm, then after each of STEPS parts."""
    by_query = [requests(server, document(name), callers, communities) for name in QUERIES]
    sending = [map(next, cycle(queries)) for queries in zip(*by_query, strict=True)]
    part = count // STEPS
    await run(server.port, server.pid, sending, part)
    started = time.monotonic()
    for step in range(STEPS + 1):
        if step:
            await run(server.port, server.pid, sending, part)
        yield step * part, server.memory, (time.monotonic() - started) / 60


async def new_documents(server: Server, callers: int, count: int) -> AsyncIterator[tuple[int, float, float, float]]:
    """Documents so far, none of them sent twice, after each of STEPS parts: with the MiB then, the requests a second,
    and the milliseconds of CPU of the longest garbage collection, without that of the start."""
    part = count // STEPS
    await _longest_collection(server)
    for step in range(STEPS):
        sending = [_new_documents(headers, step, caller, part) for caller, headers in enumerate(server.callers)]
        load = await run(server.port, server.pid, sending[:callers], part)
        yield (step + 1) * part, server.memory, load.rate, await _longest_collection(server)


async def _longest_collection(server: Server) -> float:
    """Since this was asked last."""
    os.kill(server.pid, signal.SIGUSR2)
    return float(await asyncio.to_thread(server.printed.readline))


def _new_documents(headers: Sequence[tuple[str, str]], step: int, caller: int, count: int) -> Iterator[bytes]:
    return iter([post(PATH, _body(f"{step}_{caller}_{number}"), headers) for number in range(count)])


def _body(name: str) -> bytes:
    lists = "\n".join(
        f"a{name}_{alias}: orders(communityCode: $communityCode, first: 20) {{ totalCount nodes {{ number title }} }}"
        for alias in range(LISTS)
    )
    query = f"query New{name}($communityCode: ID!) {{\n{lists}\n}}"
    return json.dumps({"query": query, "variables": {"communityCode": COMMUNITY}}).encode()
