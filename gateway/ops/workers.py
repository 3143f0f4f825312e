"""Work that goes on for as long as the process: it is begun again when it breaks off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NoReturn

import structlog

from gateway.ops.slots import background
from gateway.ops.trace import METER, Meter

log = structlog.get_logger(__name__)

RESTART_DELAY = 1.0
"""Seconds before work that broke off is begun again."""


@asynccontextmanager
async def at_work(workers: Mapping[str, Callable[[], Awaitable[None]]]) -> AsyncIterator[None]:
    """Have all of them run, by name, until the block ends; then they are cancelled and waited for."""
    tasks = [asyncio.create_task(_keep_running(name, run), name=name) for name, run in workers.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_running(name: str, run: Callable[[], Awaitable[None]]) -> NoReturn:
    METER.set(Meter(caller=background(name)))
    while True:
        try:
            await run()
        except Exception:
            log.exception("worker broke off", worker=name)
        await asyncio.sleep(RESTART_DELAY)
