"""How late the event loop is: what else waits for its turn waits as long.

A timer comes due every `INTERVAL`; how late it is called is the lag. The gauges are read at the same time, so that
other workers find them up to date.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.ops.metrics import Metrics

INTERVAL = 0.1

WINDOW = 60.0
"""Seconds. The largest lag is that of the last one or two windows: each scrape of the usual interval sees it."""


class _Pulse:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._largest = self._largest_before = 0.0
        self._window_ends = time.monotonic() + WINDOW
        metrics.watch(metrics.largest_lag, lambda: max(self._largest, self._largest_before))
        self._wait()

    def _wait(self) -> None:
        self._due = time.monotonic() + INTERVAL
        self.timer = asyncio.get_running_loop().call_later(INTERVAL, self._beat)

    def _beat(self) -> None:
        now = time.monotonic()
        lag = max(now - self._due, 0.0)
        self._metrics.lag.observe(lag)
        if now >= self._window_ends:
            self._largest_before, self._largest = self._largest, 0.0
            self._window_ends = now + WINDOW
        self._largest = max(self._largest, lag)
        self._metrics.refresh()
        self._wait()


@contextmanager
def measured_event_loop(metrics: Metrics) -> Iterator[None]:
    """Measure the running event loop, and keep the gauges up to date, while the block lasts."""
    pulse = _Pulse(metrics)
    try:
        yield
    finally:
        pulse.timer.cancel()
