"""Whether memory stays flat: many requests of all queries by many callers, and the resident memory in between."""

from itertools import chain

from load import run
from measure import QUERIES, document, requests
from servers import Server

STEPS = 20


async def memory(server: Server, callers: int, count: int) -> list[tuple[int, float]]:
    """MiB after so many requests: at first, once it is warm, and after each of STEPS equal parts."""
    by_query = [requests(server, document(name), callers) for name in QUERIES]
    sending = [list(chain.from_iterable(queries)) for queries in zip(*by_query, strict=True)]
    part = count // STEPS
    await run(server.port, server.pid, sending, part)
    measured = [(0, server.memory)]
    for step in range(1, STEPS + 1):
        await run(server.port, server.pid, sending, part)
        measured.append((step * part, server.memory))
    return measured
