"""`/metrics` of a gateway with two workers: whichever is scraped, it speaks for both, and for those that ended."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from exposed import Series, labels_of, parse, value
from gateway_workers import PATIENCE, Workers, running

from gateway.ops.metrics import DIRECTORY, LARGEST_LAG, PREFIX, worker_directory

QUERY = {"query": "query Listed { __typename }"}
TOO_DEEP = {"query": "query Listed " + "{ a" * 30 + "}" * 30}
SCRAPES = 12
"""As many connections: each goes to either worker, by the kernel's choice."""

pytestmark = pytest.mark.settings(METRICS_OPERATIONS="Listed, OrdersPage")


class ScrapedWorkers(Workers):
    sent = refused = 0

    async def send(self, clients: int, each: int) -> None:
        """A known load, over so many connections: each request is answered, and each last one refused."""

        async def ask() -> None:
            async with self.gateway.client() as client:
                for number in range(each):
                    is_last = number == each - 1
                    answer = await client.post("/graphql", json=TOO_DEEP if is_last else QUERY)
                    self.refused += is_last
                    self.sent += not is_last
                    assert ("data" in answer.json()) is not is_last

        await asyncio.gather(*(ask() for _ in range(clients)))

    async def scrape(self) -> list[Series]:
        """By connections of their own: both workers are asked."""
        return await asyncio.gather(*(self._scrape() for _ in range(SCRAPES)))

    async def scrape_one(self) -> Series:
        """By whichever answers, while the other may be on its way down."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(httpx.TransportError):
                    return await self._scrape()

    async def _scrape(self) -> Series:
        async with httpx.AsyncClient(base_url=self.gateway.url, trust_env=False, timeout=30) as client:
            return parse((await client.get("/metrics")).text)

    def is_exact(self, series: Series) -> bool:
        labels = {"operation": "Listed", "type": "query", "outcome": "ok"}
        refused = {"code": "QUERY_TOO_COMPLEX", "limit": "depth"}
        found = (
            value(series, "gateway_request_seconds_count", **labels),
            value(series, "gateway_request_seconds_bucket", **labels, le="+Inf"),
            value(series, "gateway_refused_requests_total", **refused),
            sum(count for (name, _), count in series.items() if name == "gateway_request_seconds_count"),
        )
        return found == (self.sent, self.sent, self.refused, self.sent + self.refused)


@pytest.fixture
async def workers(environ: dict[str, str], database_url: str, tmp_path: Path) -> AsyncIterator[ScrapedWorkers]:
    async with running(ScrapedWorkers, environ, database_url, tmp_path) as workers:
        await workers.served(2)
        yield workers


async def test_counts_of_all_workers_are_kept_when_they_end(workers):
    await workers.send(clients=20, each=10)
    [first, second] = await workers.served(2)
    directory = worker_file(first).parent
    scrapes = await workers.scrape()
    assert [workers.is_exact(series) for series in scrapes] == [True] * SCRAPES
    for series in scrapes:
        slots = {labels["worker"] for labels in labels_of(series, "process_resident_memory_bytes")}
        assert slots == {"1", "2"}
        assert value(series, "gateway_upstream_slots", platform="WJDH") in (32, 48)  # the first may not know the second
        assert (value(series, "gateway_open_connections") or 0) >= 1
    suffixes = ("_total", "_count", "_sum", "_bucket")  # but those of a process begin anew with it
    before = scrapes[0]
    counted = [key for key in before if key[0].endswith(suffixes) and key[0].startswith("gateway")]

    for victim, number, times in ((first, signal.SIGKILL, 3), (second, signal.SIGTERM, 4)):
        os.kill(victim, number)
        assert workers.is_exact(await workers.scrape_one())
        await workers.served(times)
        scrapes = await workers.scrape()
        assert [workers.is_exact(series) for series in scrapes] == [True] * SCRAPES
        await workers.send(clients=10, each=5)

    scrapes = await workers.scrape()
    assert [workers.is_exact(series) for series in scrapes] == [True] * SCRAPES
    for series in scrapes:
        assert [key for key in counted if series.get(key, 0) < before[key]] == []
        assert len(labels_of(series, "process_resident_memory_bytes")) == 2
        assert 16 <= (value(series, "gateway_upstream_slots", platform="WJDH") or 0) <= 32  # the dead count on
    assert len([*directory.glob("counter_*.db")]) == len([*directory.glob("worker-*")]) == 2


async def test_stuck_worker_is_seen_and_the_directory_ends(workers):
    [stuck, _] = await workers.served(2)
    assert (value(await workers.scrape_one(), LARGEST_LAG) or 0) < 50
    os.kill(stuck, signal.SIGSTOP)
    then = time.time() - 100
    os.utime(worker_file(stuck), (then, then))
    assert 100 <= (value(await workers.scrape_one(), LARGEST_LAG) or 0) < 100 + PATIENCE
    os.kill(stuck, signal.SIGCONT)

    directory = worker_file(stuck).parent
    assert directory.stat().st_mode & 0o777 == 0o700
    assert await workers.gateway.stop() == 0
    assert not directory.exists()


def worker_file(pid: int) -> Path:
    """What the worker of this process id holds, where the command makes it."""
    files = Path("/dev/shm").glob("gateway-metrics-*/worker-*")  # noqa: S108
    [found] = [path for path in files if int(path.read_text()) == pid]
    return found


def test_abandoned_directory_is_removed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setenv(DIRECTORY, "")
    abandoned = tmp_path / f"{PREFIX}abandoned"
    abandoned.mkdir()
    (abandoned / "command").touch()
    with worker_directory():
        first = Path(os.environ[DIRECTORY])
        assert not abandoned.exists()
        with worker_directory():
            assert first.exists()

    assert [*tmp_path.iterdir()] == []
