"""The gateways of the soak: what they use, and their rolling restart."""

import asyncio
import re
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
from processes import GatewayProcess

from gateway.auth.issuer import DevelopmentIssuer
from gateway.settings import load_settings

WORKERS = 2

_SAMPLE = re.compile(r"^(\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_BOUND = re.compile(r'le="([^"]+)"')
_PULSE = 30.0
SCRAPE_TIMEOUT = 300.0

Sample = tuple[str, str, float]
"""Name, labels and value."""

Use = Callable[[list[int]], Awaitable[object]]


class Usage(NamedTuple):
    """Of all workers: MiB each, descriptors each, CPU seconds so far, and operations that are unclear."""

    memory: list[float]
    descriptors: list[int]
    cpu: float
    unclear: int
    undelivered: int


class Served:
    """Two gateways on one journal, each with one worker: whoever sends requests spreads them, and is told by `use`
    which to use while one of them restarts. As a proxy before them does it, a request is never sent to one that stops.

    `is_supervised`: one gateway with two workers instead, which its supervisor restarts at the same address.
    """

    def __init__(self, environ: Mapping[str, str], log: Path | None, *, is_supervised: bool) -> None:
        self._environ = environ
        self._is_supervised = is_supervised
        gateways, workers = (1, WORKERS) if is_supervised else (WORKERS, 1)
        self._gateways = [GatewayProcess(environ, log, workers) for _ in range(gateways)]
        self._lags: list[Counter[str]] = [Counter() for _ in self._gateways]
        self._largest = 0.0
        self._steady = asyncio.Lock()  # nobody asks gateways that restart

    @property
    def ports(self) -> list[int]:
        return [gateway.port for gateway in self._gateways]

    def tokens(self, amount: int) -> list[str]:
        """Of so many callers who may do everything."""
        issuer = DevelopmentIssuer.open(load_settings(self._environ))
        return [issuer.mint(["*"], ["*"], f"soak{number}", 24 * 3600) for number in range(amount)]

    def client(self) -> httpx.AsyncClient:
        return self._gateways[0].client()

    async def start(self) -> None:
        await asyncio.gather(*(gateway.start() for gateway in self._gateways))

    async def stop(self) -> None:
        for gateway in self._gateways:
            await gateway.kill()

    async def restart(self, use: Use) -> None:
        """One after the other."""
        if self._is_supervised:
            await self._roll()
            return
        async with self._steady:
            for gateway in self._gateways:
                await use([port for port in self.ports if port != gateway.port])
                await gateway.stop()
                await gateway.start()
                await use(self.ports)

    async def _roll(self) -> None:
        """Return when all workers are new ones."""
        begun = time.time()
        self._gateways[0].send_signal(signal.SIGUSR2)
        while True:
            await asyncio.sleep(1)
            samples = [sample for gateway in await self._scrape() for sample in gateway]
            started = [value for name, _, value in samples if name == "process_start_time_seconds"]
            if len(started) == WORKERS and min(started) > begun:
                return

    async def watch(self) -> None:
        """Note the largest lag of the event loops, which gateways know for a minute or two. Ends by cancellation."""
        while True:
            await self.usage()
            await asyncio.sleep(_PULSE)

    async def usage(self) -> Usage:
        memory, descriptors, cpu, unclear, undelivered = [], [], 0.0, 0, 0
        for samples in await self._scrape():
            for name, labels, value in samples:
                match name:
                    case "process_resident_memory_bytes":
                        memory.append(value / 2**20)
                    case "process_open_fds":
                        descriptors.append(int(value))
                    case "process_cpu_seconds_total":
                        cpu += value
                    case "gateway_unclear_operations":
                        unclear = int(value)
                    case "gateway_payments" if "DELIVERED" not in labels:
                        undelivered = max(undelivered, int(value))
                    case "gateway_event_loop_lag_max_seconds":
                        self._largest = max(self._largest, value)
        return Usage(memory, descriptors, cpu, unclear, undelivered)

    async def _scrape(self) -> list[list[Sample]]:
        async with self._steady:
            return await asyncio.gather(*map(_scrape, self.ports))

    async def lag(self) -> tuple[float, float]:
        """Since the last time: seconds that 99 of 100 timers were late at most, by the bound of the histogram, and the
        largest lag that was seen.
        """
        seen: Counter[str] = Counter()
        for number, samples in enumerate(await self._scrape()):
            now: Counter[str] = Counter()
            for name, labels, value in samples:
                if name == "gateway_event_loop_lag_seconds_bucket" and (bound := _BOUND.search(labels)):
                    now[bound[1]] += int(value)
            before, self._lags[number] = self._lags[number], now
            has_restarted = now["+Inf"] < before["+Inf"]
            seen.update(now if has_restarted else {bound: now[bound] - before[bound] for bound in now})
        largest, self._largest = self._largest, 0.0
        late = [float(bound) for bound, count in seen.items() if count >= 0.99 * seen["+Inf"]]
        return min(late, default=0.0), largest


async def _scrape(port: int) -> list[Sample]:
    """Patient: on a machine that is busy with other things, the run goes on."""
    async with httpx.AsyncClient(trust_env=False, timeout=SCRAPE_TIMEOUT) as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    return [(name, labels, float(value)) for name, labels, value in _SAMPLE.findall(text)]
