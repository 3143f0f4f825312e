#!/usr/bin/env -S .venv/bin/python
"""CPU of one upstream call, by HTTP engine: ten POSTs at once over kept loopback connections, answers of 229 bytes.

    benchmarks/transport.py [--rounds 300] [--repeat 5] [--loop uvloop|asyncio] [ENGINE ...]

Prints process CPU time (user and system) per call in microseconds, the least of the repeats. The server runs in a
process of its own and does not count. Engines that are not installed are left out; "raw" is what the event loop and
sockets alone cost: no parser, no deadline, no pool.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

FAN_OUT = 10
PATH = "/api/v1/security/owner"
FORM = (
    b"community_identifier=10002&building_number=1&unit_number=1&floor_number=1&house_number=101&token=E10A78Q0TAjs5Yh"
)
BODY = (
    '{"code":"0","msg":"成功查询到业主","data":{"people_phone":"19900000001","people_house_use":"住宅",'
    '"people_house_xingzhi":"私有","people_house_status":"自用","people_house_role":"业主","people_house_type":"业主"}}'
).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Tue, 24 Nov 2026 08:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
)

Call = Callable[[], Awaitable[object]]


class Upstream(asyncio.Protocol):
    """Answers every request with the same bytes; a request ends with its form."""

    transport: asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(FORM)) >= 0:
            self.buffer = self.buffer[end + len(FORM) :]
            self.transport.write(ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


@asynccontextmanager
async def lean(port: int) -> AsyncIterator[Call]:
    import httpx

    from gateway.ops.slots import Slots
    from gateway.platforms.large_answers import LargeAnswers
    from gateway.platforms.transport import EngineTransport, request_head

    transport = EngineTransport(Slots(32), LargeAnswers(8 << 20, 50_000))
    pool = transport.pool(httpx.URL(f"http://127.0.0.1:{port}"))
    fields = [(b"Host", b"127.0.0.1"), (b"Content-Type", b"application/x-www-form-urlencoded")]
    head = request_head(b"POST", PATH.encode(), fields)
    loop = asyncio.get_running_loop()

    async def call() -> None:
        request = b"".join((head, b"Content-Length: %d\r\n\r\n" % len(FORM), FORM))
        answer = await pool.send(request, loop.time() + 8, repeatable=True)
        assert answer.head.status == 200
        assert len(answer.body) == len(BODY)

    yield call
    await transport.aclose()


@asynccontextmanager
async def lean_as_httpx(port: int) -> AsyncIterator[Call]:
    import httpx

    from gateway.ops.slots import Slots
    from gateway.platforms.large_answers import LargeAnswers
    from gateway.platforms.transport import EngineTransport

    transport = EngineTransport(Slots(32), LargeAnswers(8 << 20, 50_000))
    url = httpx.URL(f"http://127.0.0.1:{port}{PATH}")
    timeout = {"timeout": {"read": 8.0}, "repeatable": True}

    async def call() -> None:
        request = httpx.Request("POST", url, headers=HEADERS, content=FORM, extensions=timeout)
        response = await transport.handle_async_request(request)
        assert len(await response.aread()) == len(BODY)

    yield call
    await transport.aclose()


@asynccontextmanager
async def httpx_default(port: int) -> AsyncIterator[Call]:
    import httpx

    async with httpx.AsyncClient(trust_env=False, timeout=8) as client:
        url = f"http://127.0.0.1:{port}{PATH}"

        async def call() -> None:
            response = await client.post(url, headers=HEADERS, content=FORM)
            assert len(response.content) == len(BODY)

        yield call


@asynccontextmanager
async def aiohttp(port: int) -> AsyncIterator[Call]:
    import aiohttp as engine

    connector = engine.TCPConnector(limit=32)
    async with engine.ClientSession(connector=connector, timeout=engine.ClientTimeout(total=8)) as session:
        url = f"http://127.0.0.1:{port}{PATH}"

        async def call() -> None:
            async with session.post(url, headers=HEADERS, data=FORM, allow_redirects=False) as response:
                assert len(await response.read()) == len(BODY)

        yield call


@asynccontextmanager
async def pyreqwest(port: int) -> AsyncIterator[Call]:
    from datetime import timedelta

    from pyreqwest.client import ClientBuilder

    async with ClientBuilder().timeout(timedelta(seconds=8)).no_proxy().build() as client:
        url = f"http://127.0.0.1:{port}{PATH}"

        async def call() -> None:
            response = await client.post(url).headers(HEADERS).body_bytes(FORM).build().send()
            assert len(await response.bytes()) == len(BODY)

        yield call


@asynccontextmanager
async def raw(port: int) -> AsyncIterator[Call]:
    loop = asyncio.get_running_loop()
    request = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(FORM)}\r\n\r\n".encode() + FORM

    class RawClient(asyncio.Protocol):
        transport: asyncio.Transport
        answer: asyncio.Future[bytes]

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.answer.set_result(data)

    idle: list[RawClient] = []

    async def call() -> None:
        client = idle.pop() if idle else (await loop.create_connection(RawClient, "127.0.0.1", port))[1]
        client.answer = loop.create_future()
        client.transport.write(request)
        assert (await client.answer).startswith(b"HTTP/1.1 200")
        idle.append(client)

    yield call


ENGINES = {
    "httpx": httpx_default,
    "aiohttp": aiohttp,
    "pyreqwest": pyreqwest,
    "transport as httpx": lean_as_httpx,
    "transport": lean,
    "raw": raw,
}


async def measure(engine: str, port: int, rounds: int, repeat: int) -> float:
    async with ENGINES[engine](port) as call:

        async def run(count: int) -> None:
            for _ in range(count):
                await asyncio.gather(*(call() for _ in range(FAN_OUT)))

        await run(max(rounds // 10, 5))
        best = float("inf")
        for _ in range(repeat):
            started = time.process_time()
            await run(rounds)
            best = min(best, time.process_time() - started)
    return best / rounds / FAN_OUT * 1e6


def main() -> None:
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", nargs="*", default=list(ENGINES), metavar="ENGINE")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    options = parser.parse_args()
    run = asyncio.run
    if options.loop == "uvloop":
        import uvloop

        run = uvloop.run
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        try:
            for engine in options.engines:
                try:
                    cost = run(measure(engine, port, options.rounds, options.repeat))
                except ImportError as missing:
                    print(f"{engine:20} not installed ({missing.name})")
                else:
                    print(f"{engine:20} {cost:8.1f} µs")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
