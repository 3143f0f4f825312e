"""How late the event loop is: what else waits for its turn waits as long.

A timer comes due every `INTERVAL`; how late it is called is the lag. The gauges are read at the same time, so that
other workers find them up to date.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gateway.ops.tally import Family, Snapshot, Tally

INTERVAL = 0.1

WINDOW = 60.0
"""Seconds. The largest lag is that of the last one or two windows: each scrape of the usual interval sees it."""

LAG = Family(
    "gateway_event_loop_lag_seconds",
    "histogram",
    "How late the event loop called a timer, ten times a second",
    bounds=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

LARGEST_LAG = Family(
    "gateway_event_loop_lag_max_seconds",
    "gauge",
    "The largest lag of the last one or two minutes, in any worker; it grows while an event loop is stuck",
    across="max",
)


class _Pulse:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._lags = tally.histogram(LAG)
        self._largest = self._largest_before = 0.0
        self._window_ends = time.monotonic() + WINDOW
        tally.watch(LARGEST_LAG, read=lambda: max(self._largest, self._largest_before))
        self._wait()

    def _wait(self) -> None:
        self._due = time.monotonic() + INTERVAL
        self.timer = asyncio.get_running_loop().call_later(INTERVAL, self._beat)

    def _beat(self) -> None:
        now = time.monotonic()
        lag = max(now - self._due, 0.0)
        self._lags.observe(lag)
        if now >= self._window_ends:
            self._largest_before, self._largest = self._largest, 0.0
            self._window_ends = now + WINDOW
        self._largest = max(self._largest, lag)
        self._tally.refresh(now)
        self._wait()


@contextmanager
def measured_event_loop(tally: Tally) -> Iterator[None]:
    """Measure the running event loop, and keep the gauges up to date, while the block lasts."""
    pulse = _Pulse(tally)
    try:
        yield
    finally:
        pulse.timer.cancel()


def note_stuck_loops(snapshots: Sequence[Snapshot], now: float) -> None:
    """Have the largest lag of each living worker grow while its event loop calls nothing."""
    for snapshot in snapshots:
        cells = snapshot.series.get((LARGEST_LAG.kind, LARGEST_LAG.name, ()))
        if cells is not None and snapshot.is_alive:
            cells[0] = max(cells[0], now - snapshot.heartbeat - INTERVAL)
