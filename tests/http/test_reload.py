"""SIGHUP: processes that read everything anew take the place of those that serve; no request fails. SIGTERM: no client
blocks the end.
"""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from gateway_workers import PATIENCE, Workers, block_connections
from graphql_socket import connected
from processes import GatewayProcess, free_port
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.slow

BODY = orjson.dumps({"query": '{ modules(communityCode: "10002") { name } }'})
CLOSE = {"connection": "close"}


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.postgres)], ids=["one", "workers"])
def journal(request: pytest.FixtureRequest) -> dict[str, str]:
    """Of one process, or of two that share it."""
    return {} if request.param == 1 else {"GATEWAY_DATABASE_URL": request.getfixturevalue("database_url")}


class Reloaded(Workers):
    """A gateway, its log, and the environment file that it reads."""

    def __init__(self, environ: dict[str, str], directory: Path, workers: int) -> None:
        self._file = directory / "gateway.env"
        self._environ = environ
        self._workers = workers
        self.set()
        own = {"GATEWAY_ENV_FILE": str(self._file), "GATEWAY_DATA_DIR": environ["GATEWAY_DATA_DIR"]}
        super().__init__(own, directory / "log", workers)

    def set(self, **settings: str) -> None:
        self._file.write_text("".join(f"{name}={value}\n" for name, value in (self._environ | settings).items()))

    async def serving(self, generations: int) -> None:
        """Return when all processes of so many generations have begun to serve."""
        if self._workers == 1:
            await self.logged("gateway serves", generations)
        else:
            await self.served(generations * self._workers)

    def hang_up(self) -> None:
        self.gateway.send_signal(signal.SIGHUP)

    async def ask(self, path: str = "/readyz", **body: Any) -> list[httpx.Response]:
        """Often enough to be answered by all workers."""
        async with self.gateway.client() as client:
            if body:
                return [await client.post(path, json=body, headers=CLOSE) for _ in range(6)]
            return [await client.get(path, headers=CLOSE) for _ in range(6)]


Start = Callable[..., Awaitable[Reloaded]]


@pytest.fixture
async def start(environ: dict[str, str], tmp_path: Path) -> AsyncIterator[Start]:
    begun: list[Reloaded] = []

    async def begin(**settings: str) -> Reloaded:
        workers = 2 if "GATEWAY_DATABASE_URL" in settings else 1
        begun.append(reloaded := Reloaded(environ | settings, tmp_path, workers))
        await reloaded.gateway.start()
        await reloaded.serving(1)
        return reloaded

    yield begin
    for reloaded in begun:
        with suppress(ProcessLookupError):
            await reloaded.gateway.stop()
        sys.stdout.write(reloaded.log)  # pytest shows it with a failure


@asynccontextmanager
async def load(gateway: GatewayProcess) -> AsyncIterator[Counter[str]]:
    """Clients that are busy, that connect for each request, and that pause between two of them: what becomes of their
    requests, none of which is tried again.
    """
    counts, is_over = Counter[str](), asyncio.Event()
    async with gateway.client() as client:
        authorization = client.headers["authorization"]
    head = "POST /graphql HTTP/1.1", "Host: localhost", f"Authorization: {authorization}"
    length = "Content-Type: application/json", f"Content-Length: {len(BODY)}"
    request = "\r\n".join([*head, *length, "", ""]).encode() + BODY

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether this was the last request of the connection."""
        writer.write(request)
        async with asyncio.timeout(60):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            size = int(head.partition(b"content-length:")[2].partition(b"\r")[0])
            body = await reader.readexactly(size)
        counts["answered" if b'"data":{"modules"' in body else body.decode()[:200]] += 1
        return b"connection: close" in head

    async def run(most: int, pause: float) -> None:
        """`most` requests on each connection."""
        while not is_over.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
                for _ in range(most):
                    # On a busy machine a pause may outlast an idle connection: no client asks on one that has ended.
                    if reader.at_eof() or await ask(reader, writer) or is_over.is_set():
                        break
                    await asyncio.sleep(pause)
                writer.close()
            except (OSError, EOFError, TimeoutError) as error:
                counts[type(error).__name__] += 1

    async with asyncio.TaskGroup() as clients:
        for most, pause in [(10**9, 0.0)] * 4 + [(1, 0.0)] * 3 + [(10**9, 0.2)] * 4 + [(3, 0.01)] * 3:
            clients.create_task(run(most, pause))
        yield counts
        is_over.set()


async def test_reload_fails_no_request(journal: dict[str, str], start: Start) -> None:
    reloaded = await start(**journal)
    pid = reloaded.gateway.pid
    async with load(reloaded.gateway) as counts:
        for generation in (2, 3):
            reloaded.hang_up()
            await reloaded.serving(generation)
            await asyncio.sleep(1)

    assert counts.keys() == {"answered"}
    assert counts["answered"] > 500
    assert reloaded.gateway.pid == pid
    assert "Traceback" not in reloaded.log


async def test_reload_reads_settings_and_files_anew(journal: dict[str, str], start: Start, tmp_path: Path) -> None:
    manifest, communities = tmp_path / "documents.json", tmp_path / "communities.txt"
    files = {"GATEWAY_TRUSTED_DOCUMENTS": str(manifest), "GATEWAY_COMMUNITIES": str(communities)}
    manifest.write_text('{"one": "{ viewer { subject } }"}')
    communities.write_text("10002=Old")
    reloaded = await start(**journal, **files)

    manifest.write_text('{"other": "{ communities { name } }"}')
    communities.write_text("10002=New")
    reloaded.set(**files, GATEWAY_COST_LIMIT="77")
    reloaded.hang_up()

    def is_new(answer: httpx.Response) -> bool:
        return all(part in answer.text for part in ('"name":"New"', '"limit":77'))

    async with asyncio.timeout(PATIENCE):  # the last worker answers what it has accepted
        while not all(map(is_new, await reloaded.ask("/graphql", documentId="other"))):
            pass


async def test_settings_that_are_refused_replace_nobody(journal: dict[str, str], start: Start) -> None:
    reloaded = await start(**journal)
    reloaded.set(GATEWAY_MAX_DEPTH="s3cr3t")
    reloaded.hang_up()
    [line] = await reloaded.logged("settings not reloaded")
    reloaded.set(GATEWAY_PROFILE="/nowhere/profile.toml")
    reloaded.hang_up()
    _, other = await reloaded.logged("settings not reloaded", 2)

    assert (line["level"], other["level"]) == ("error", "error")
    assert [reason.partition(":")[0] for reason in line["reasons"]] == ["GATEWAY_MAX_DEPTH"]
    assert other["reasons"] == ["GATEWAY_PROFILE: the file cannot be read: No such file or directory"]
    assert "s3cr3t" not in reloaded.log
    assert reloaded.lines("gateway reloads") == []
    assert all("gateway_reload_successful 0.0" in answer.text for answer in await reloaded.ask("/metrics"))
    reloaded.set()
    reloaded.hang_up()
    async with asyncio.timeout(PATIENCE):
        while not all("gateway_reload_successful 1.0" in answer.text for answer in await reloaded.ask("/metrics")):
            pass


async def test_each_hangup_counts_while_one_process_restarts(start: Start) -> None:
    reloaded = await start()
    for _ in range(8):
        reloaded.hang_up()
        await asyncio.sleep(0.5)

    await reloaded.serving(3)
    assert all(answer.status_code == 200 for answer in await reloaded.ask())


async def test_stop_during_a_reload_ends_the_gateway(start: Start) -> None:
    reloaded = await start()
    reader, writer = await asyncio.open_connection("127.0.0.1", reloaded.gateway.port)  # which holds it for two seconds
    reloaded.hang_up()
    await reloaded.logged("gateway reloads")

    assert await reloaded.gateway.stop() == -signal.SIGTERM
    assert await reader.read() == b""
    writer.close()
    assert len(reloaded.lines("gateway serves")) == 1


@pytest.mark.postgres
async def test_successor_that_cannot_start_replaces_nobody(database_url: str, start: Start) -> None:
    reloaded = await start(GATEWAY_DATABASE_URL=database_url)
    await block_connections(database_url)
    reloaded.hang_up()

    [line] = await reloaded.logged("workers not replaced")
    assert (line["level"], line["left"]) == ("error", 2)
    assert all(answer.status_code == 200 for answer in await reloaded.ask())
    await block_connections(database_url, but=True)
    reloaded.hang_up()
    await reloaded.serving(2)
    assert all(answer.status_code == 200 for answer in await reloaded.ask())


async def test_metrics_port_has_metrics_alone_and_outlives_a_reload(journal: dict[str, str], start: Start) -> None:
    port = free_port()
    reloaded = await start(**journal, GATEWAY_METRICS_PORT=str(port))
    reloaded.set(GATEWAY_METRICS_PORT=str(free_port()))
    scrapes = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as prometheus:
        for generation in (1, 2):
            await reloaded.serving(generation)
            scrapes += [await prometheus.get("/metrics", headers=CLOSE) for _ in range(6)]
            assert [each.status_code for each in await reloaded.ask("/metrics")] == [404] * 6
            paths = "/graphql", "/readyz", "/healthz", "/callbacks/token"
            assert [(await prometheus.get(path)).status_code for path in paths] == [404] * 4
            if generation == 1:
                reloaded.hang_up()
        with pytest.raises(InvalidStatus, match="403"):
            async with connected(str(prometheus.base_url)):
                pass

    assert all("gateway_reload_successful 1.0" in scrape.text for scrape in scrapes)


REPAIRS = 'subscription { repairEvents(communityCode: "10002") { cursor } }'


async def test_streams_and_stalled_clients_do_not_block_stop(process, tmp_path):
    writers = []
    for sent in (
        b"",
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", process.port)
        writer.write(sent)
        writers.append(writer)
    token = process.client().headers["authorization"].removeprefix("Bearer ")
    async with (
        process.client() as client,
        connected(process.url, token=token) as socket,
        client.stream("GET", "/graphql", params={"query": REPAIRS}, headers={"accept": "text/event-stream"}) as stream,
    ):
        await socket.subscribe("1", REPAIRS)
        assert stream.status_code == 200

        stopping = asyncio.create_task(process.stop())

        async with asyncio.timeout(15):  # seconds: what the gateway gives its clients, and a little more
            with pytest.raises(httpx.RemoteProtocolError):  # cut off, not completed: its client connects again
                await stream.aread()
            assert await socket.closed() == 1012  # service restart
            assert await stopping in (0, -signal.SIGTERM)
    for writer in writers:
        writer.close()
    assert "Traceback" not in (tmp_path / "log").read_text()
