"""The gateway of the soak: what its workers use, and their replacement one after another."""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
from processes import GatewayProcess

WORKERS = 2
RESTART_TIMEOUT = 120.0
TICKS = os.sysconf("SC_CLK_TCK")
SCRAPE_TIMEOUT = 300.0
"""Seconds: on a machine that is busy with other things, the run goes on."""

_SAMPLE = re.compile(r"^(\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_BOUND = re.compile(r'le="([^"]+)"')


class Usage(NamedTuple):
    """MiB and descriptors of each worker, CPU seconds of all that run, and by the metrics the operations that are
    unclear, the payments that are not delivered, and the seconds that 99 of 100 timers were late at most since the last
    time, by the bound of the histogram.
    """

    memory: list[float]
    descriptors: list[int]
    cpu: float
    unclear: int
    undelivered: int
    lag: float


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

    async def usage(self) -> Usage:
        memory, descriptors, cpu = zip(*map(_used, self._workers_now()), strict=True)
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
        return Usage([*memory], [*descriptors], sum(cpu), unclear, undelivered, min(late, default=0.0))

    def _workers_now(self) -> list[int]:
        """The processes that serve: the children that the parent's first thread has started, but for the resource
        tracker of multiprocessing.
        """
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in _command(pid)]


def _used(pid: int) -> tuple[float, int, float]:
    """MiB, descriptors and seconds of CPU."""
    memory = Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(memory) / 1024, len(os.listdir(f"/proc/{pid}/fd")), (int(fields[11]) + int(fields[12])) / TICKS


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
