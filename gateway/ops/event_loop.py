"""The event loop: how late it is, a garbage collector that does not hold it, and work that goes on as long as it."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NoReturn

import structlog

from gateway.ops.metrics import Metrics
from gateway.ops.slots import background
from gateway.ops.trace import METER, Meter

log = structlog.get_logger(__name__)

INTERVAL: Final = 0.05  # seconds between two looks at the loop, and between two collections of the youngest
WINDOW: Final = 60.0
"""Seconds. The largest lag is that of the last one or two windows: each scrape of the usual interval sees it."""


@contextmanager
def measured_event_loop(metrics: Metrics) -> Iterator[None]:
    """Measure how late the event loop calls a timer of every `INTERVAL`, while the block lasts."""
    loop = asyncio.get_running_loop()
    window_ends = time.monotonic() + WINDOW
    largest = [0.0, 0.0]  # in this window, and in the one before
    metrics.watch(metrics.largest_lag, lambda: max(largest))
    timer: asyncio.TimerHandle

    def beat(due: float) -> None:
        nonlocal timer, window_ends
        now = time.monotonic()
        lag = max(now - due, 0.0)
        metrics.lag.observe(lag)
        if now >= window_ends:
            largest[:] = 0.0, largest[0]
            window_ends = now + WINDOW
        largest[0] = max(largest[0], lag)
        metrics.beat()
        timer = loop.call_later(INTERVAL, beat, time.monotonic() + INTERVAL)

    timer = loop.call_later(INTERVAL, beat, time.monotonic() + INTERVAL)
    try:
        yield
    finally:
        timer.cancel()


ALL_INTERVAL: Final = 1.0  # seconds between two collections of all
LONG: Final = 0.005
"""Seconds of CPU. What takes more to walk through is collected at once, as part of all, and then set aside."""


def settle_collector() -> None:
    """Collect garbage by the clock, so that no collection holds the event loop for long. Called once, in the event
    loop, when everything that lasts has been made.

    A request leaves no reference cycles behind (`test_reference_cycles.py`), the validation of a new document a few
    hundred objects. What a collection takes is the walk through the objects it looks at: some 0.1 µs each. Python's own
    schedule counts objects made against objects gone: while new documents push old ones out of a cache, nothing seems
    to grow, until one collection of the youngest walks through all that is kept.

    So the youngest are collected many times a second, all once a second. What the process keeps from its start is set
    aside, and so is what is left when a collection of all was long: it goes as usual when nothing refers to it any
    more, and only a cycle that it becomes part of stays.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    loop = asyncio.get_running_loop()
    all_at, walked = loop.time() + ALL_INTERVAL, 0.0

    def collect() -> None:
        nonlocal all_at, walked
        walked += _collect(0)
        if walked > LONG or loop.time() >= all_at:
            if _collect(2) > LONG:
                gc.freeze()
            all_at, walked = loop.time() + ALL_INTERVAL, 0.0
        loop.call_later(INTERVAL, collect)

    loop.call_later(INTERVAL, collect)


def _collect(generation: int) -> float:
    """Collect this generation. Returns the seconds of CPU that it took."""
    started = time.thread_time()
    gc.collect(generation)
    return time.thread_time() - started


RESTART_DELAY = 1.0  # seconds before work that broke off is begun again


@asynccontextmanager
async def at_work(workers: Mapping[str, Callable[[], Awaitable[None]]]) -> AsyncIterator[None]:
    """Run all of these, by name, until the block ends. One that breaks off is logged, and begun again."""
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
