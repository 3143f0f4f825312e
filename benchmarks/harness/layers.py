"""Where the gateway's CPU time goes, by layer."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from load import run
from measure import QUERIES, document, requests
from servers import Server

SAMPLED = (str(Path(__file__).parent / "sampled.py"),)
"""The program to run instead of `gateway serve`."""

SETTLING = 0.2
"""Seconds until a signal has certainly been handled."""


async def by_layer(
    server: Server, query: str, callers: int, count: int, communities: Sequence[str]
) -> dict[str, float]:
    """Microseconds of CPU per request, by layer: the layers' shares of the samples, of the measured whole."""
    sending = requests(server, query, callers, communities)
    await run(server.port, server.pid, sending, count)
    os.kill(server.pid, signal.SIGUSR1)
    await asyncio.sleep(SETTLING)
    load = await run(server.port, server.pid, sending, count)
    os.kill(server.pid, signal.SIGUSR2)
    counts: Mapping[str, int] = json.loads(await asyncio.to_thread(server.printed.readline))
    return {layer: load.cpu * samples / sum(counts.values()) for layer, samples in counts.items()}


async def profile(server: Server, callers: int, count: int, communities: Sequence[str]) -> str:
    """A table of all queries."""
    measured = {name: await by_layer(server, document(name), callers, count, communities) for name in QUERIES}
    layers = sorted(
        {layer for costs in measured.values() for layer in costs}, key=lambda layer: -measured["fan_out"].get(layer, 0)
    )
    rows = [(f"CPU, µs per request, {callers} at once", *QUERIES), (":--", *("--:" for _ in QUERIES))]
    for layer in layers:
        rows.append((layer, *(f"{costs.get(layer, 0):,.0f}" for costs in measured.values())))
    rows.append(("all", *(f"{sum(costs.values()):,.0f}" for costs in measured.values())))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
