"""Workers replaced one after the other, under load: no request fails, and what cannot serve replaces nobody."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from processes import GatewayProcess
from throw_away import on_server

pytestmark = pytest.mark.postgres

PATIENCE = 120
"""Seconds: starts of some workers on a busy machine."""

BODY = orjson.dumps({"query": '{ modules(communityCode: "10002") { name } }'})


class Rolling:
    """A gateway, its log, and the environment file that it reads."""

    def __init__(self, environ: dict[str, str], directory: Path, workers: int) -> None:
        self._log = directory / "log"
        self._file = directory / "gateway.env"
        self._environ = environ
        self.set()
        own = {"GATEWAY_ENV_FILE": str(self._file), "GATEWAY_DATA_DIR": environ["GATEWAY_DATA_DIR"]}
        self.gateway = GatewayProcess(own, self._log, workers)

    def set(self, **settings: str) -> None:
        self._file.write_text("".join(f"{name}={value}\n" for name, value in (self._environ | settings).items()))

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = [orjson.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    async def logged(self, event: str, times: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE):
            while len(lines := self.lines(event)) < times:  # noqa: ASYNC110 # another program's log
                await asyncio.sleep(0.05)
        return lines

    async def restart(self, handed_over: int) -> None:
        """Raises TimeoutError unless so many workers have been replaced, in all."""
        self.gateway.send_signal(signal.SIGUSR2)
        await self.logged("worker handed over", handed_over)

    @property
    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
async def start(environ: dict[str, str], database_url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    begun: list[Rolling] = []
    environ = environ | {"GATEWAY_DATABASE_URL": database_url}

    async def begin(workers: int = 2, **settings: str) -> Rolling:
        rolling = Rolling(environ | settings, tmp_path, workers)
        begun.append(rolling)
        await rolling.gateway.start()
        if workers > 1:
            await rolling.logged("worker serves", workers)
        return rolling

    yield begin
    for rolling in begun:
        with suppress(ProcessLookupError):
            await rolling.gateway.stop()
        sys.stdout.write(rolling.log)  # pytest shows it with a failure


class Load:
    """Clients that count what becomes of their requests, with none that is tried again."""

    def __init__(self, port: int, authorization: str) -> None:
        self.counts: Counter[str] = Counter()
        head = "POST /graphql HTTP/1.1", "Host: localhost", f"Authorization: {authorization}"
        length = "Content-Type: application/json", f"Content-Length: {len(BODY)}"
        self._request = "\r\n".join([*head, *length, "", ""]).encode() + BODY
        self._port = port
        self._is_over = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Clients that are busy, that connect for each request, and that pause between two of them."""
        kinds = [(10**9, 0.0)] * 4 + [(1, 0.0)] * 3 + [(10**9, 0.2)] * 4 + [(3, 0.01)] * 3
        async with asyncio.TaskGroup() as clients:
            for most, pause in kinds:
                clients.create_task(self._run(most, pause))
            yield
            self._is_over = True

    async def _run(self, most: int, pause: float) -> None:
        """`most` requests on each connection."""
        while not self._is_over:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                for _ in range(most):
                    if await self._ask(reader, writer) or self._is_over:
                        break
                    await asyncio.sleep(pause)
                writer.close()
            except (OSError, EOFError, TimeoutError) as error:
                self.counts[type(error).__name__] += 1

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether this was the last request of the connection."""
        writer.write(self._request)
        async with asyncio.timeout(30):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r")[0])
            body = await reader.readexactly(length)
        self.counts["answered" if b'"data":{"modules"' in body else body.decode()[:200]] += 1
        return b"connection: close" in head


async def test_rolling_restart_fails_no_request(start):
    rolling = await start(GATEWAY_CACHE_MODULES="60")
    async with rolling.gateway.client() as client:
        load = Load(rolling.gateway.port, client.headers["authorization"])
    async with load.running():
        for round_ in (1, 2):
            await rolling.restart(2 * round_)

    assert load.counts.keys() == {"answered"}
    assert load.counts["answered"] > 1000
    pids = [line["pid"] for line in rolling.lines("worker handed over")]
    assert len(set(pids)) == 4
    assert await rolling.gateway.stop() == 0
    assert "Traceback" not in rolling.log


async def test_rolling_restart_applies_changed_settings(start):
    rolling = await start()
    rolling.set(GATEWAY_MAX_ALIASES="1")
    await rolling.restart(2)

    answers = []
    async with rolling.gateway.client() as client, asyncio.timeout(10):  # the last one answers what it has accepted
        while not answers or not all("the limit is 1" in answer.text for answer in answers):
            answers = [await client.post("/graphql", json=ALIASES, headers=CLOSE) for _ in range(8)]


async def test_invalid_settings_refuse_a_rolling_restart(start):
    rolling = await start()
    rolling.set(GATEWAY_MAX_ALIASES="none")
    rolling.gateway.send_signal(signal.SIGUSR2)

    [line] = await rolling.logged("rolling restart refused", 1)
    assert line["level"] == "error"
    assert "GATEWAY_MAX_ALIASES: must be" in line["reason"]
    assert rolling.lines("worker handed over") == []
    assert await is_ready(rolling)


async def test_successor_that_cannot_start_replaces_nobody(start, database_url):
    rolling = await start()
    name = database_url.partition("?")[0].rsplit("/", 1)[1]
    await on_server(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    rolling.gateway.send_signal(signal.SIGUSR2)

    [line] = await rolling.logged("rolling restart ended", 1)
    assert (line["level"], line["left"]) == ("error", 2)
    assert await is_ready(rolling)
    await on_server(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await rolling.restart(2)
    assert await is_ready(rolling)
    assert await rolling.gateway.stop() == 0


async def test_single_worker_ignores_a_rolling_restart(start):
    rolling = await start(workers=1)
    rolling.gateway.send_signal(signal.SIGUSR2)

    await rolling.logged("rolling restart needs several workers", 1)
    assert await is_ready(rolling)


ALIASES = {"query": "{ a: __typename b: __typename }"}
CLOSE = {"connection": "close"}


async def is_ready(rolling: Rolling) -> bool:
    async with httpx.AsyncClient(base_url=rolling.gateway.url, trust_env=False, timeout=30) as client:
        answers = [await client.get("/readyz", headers=CLOSE) for _ in range(6)]
    return all(answer.status_code == 200 for answer in answers)
