"""The gateway of the soak: what its workers use, and their replacement one after another."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
from processes import GatewayProcess, Usage

WORKERS = 2
RESTART_TIMEOUT = 120.0
SCRAPE_TIMEOUT = 300.0
"""Seconds: on a machine that is busy with other things, the run goes on."""

_SAMPLE = re.compile(r"^(\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_BOUND = re.compile(r'le="([^"]+)"')


class Figures(NamedTuple):
    """What each worker uses; by the metrics the operations that are unclear, the payments that are not delivered, and
    the seconds that 99 of 100 timers were late at most since the last time, by the bound of the histogram.
    """

    workers: list[Usage]
    unclear: int
    undelivered: int
    lag: float

    @property
    def cpu(self) -> float:
        return sum(worker.cpu for worker in self.workers)

    def __str__(self) -> str:
        return ", ".join(f"{worker.memory:.0f} MiB {worker.descriptors} descriptors" for worker in self.workers)


class Served(GatewayProcess):
    """One gateway with two workers."""

    def __init__(self, environ: Mapping[str, str], log: Path | None) -> None:
        super().__init__(environ, log, WORKERS)
        self._lags: Counter[str] = Counter()

    async def restart(self) -> None:
        """Return when all workers are new ones."""
        before = set(self._workers_now())
        self.send_signal(signal.SIGHUP)
        async with asyncio.timeout(RESTART_TIMEOUT):
            while before & set(self._workers_now()) or len(self._workers_now()) != WORKERS:
                await asyncio.sleep(0.2)

    async def figures(self) -> Figures:
        unclear = undelivered = 0
        lags: Counter[str] = Counter()
        async with httpx.AsyncClient(trust_env=False, timeout=SCRAPE_TIMEOUT) as client:
            text = (await client.get(f"{self.url}/metrics")).text
        for name, labels, value in _SAMPLE.findall(text):
            if name == "gateway_unclear_operations":
                unclear = int(float(value))
            elif name == "gateway_payments" and "DELIVERED" not in labels:
                undelivered = max(undelivered, int(float(value)))
            elif name == "gateway_event_loop_lag_seconds_bucket" and (bound := _BOUND.search(labels)):
                lags[bound[1]] += int(float(value))
        seen, self._lags = lags - self._lags, lags
        late = [float(bound) for bound, count in seen.items() if count >= 0.99 * seen["+Inf"]]
        return Figures([*map(Usage, self._workers_now())], unclear, undelivered, min(late, default=0.0))

    def _workers_now(self) -> list[int]:
        """The processes that serve: the children that the parent's first thread has started, but for the resource
        tracker of multiprocessing.
        """
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in _command(pid)]


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
