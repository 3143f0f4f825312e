"""Whether memory stays flat: many requests of all queries by many callers, and the resident memory in between."""

import time
from collections.abc import AsyncIterator
from itertools import chain

from load import run
from measure import QUERIES, document, requests
from servers import Server

STEPS = 20


async def memory(server: Server, callers: int, count: int) -> AsyncIterator[tuple[int, float, float]]:
    """Requests so far, MiB after them, and minutes since the first: once it is warm, then after each of STEPS parts."""
    by_query = [requests(server, document(name), callers) for name in QUERIES]
    sending = [list(chain.from_iterable(queries)) for queries in zip(*by_query, strict=True)]
    part = count // STEPS
    await run(server.port, server.pid, sending, part)
    started = time.monotonic()
    for step in range(STEPS + 1):
        if step:
            await run(server.port, server.pid, sending, part)
        yield step * part, server.memory, (time.monotonic() - started) / 60
