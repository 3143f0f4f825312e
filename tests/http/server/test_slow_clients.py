"""Clients that are slow or silent, on real sockets. Times are set short; no test measures them."""

import asyncio
import gc
import os
import weakref
from contextlib import AsyncExitStack, suppress

import pytest
from raw_http import FLOOD, Echo, serving, until

from gateway.http.server import http_connection
from gateway.settings import Settings

HOST = b"Host: gateway.example\r\n"
GET = b"GET /one HTTP/1.1\r\n" + HOST + b"\r\n"
HEAD = b"POST /one HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n"

LONG = 60.0
CROWD = 200


@pytest.fixture
def settings() -> Settings:
    return Settings(header_timeout=0.2, body_timeout=0.2, stall_timeout=0.2)


async def drip(connection, data: bytes) -> None:
    """A byte at a time, until the server has had enough: each of them is progress, and none of it counts."""
    try:
        for byte in data:
            await connection.send(bytes([byte]))
            await asyncio.sleep(0.02)
    except ConnectionError:
        pass


async def test_a_silent_client_is_sent_away(connection, server):
    assert await connection.closed()
    await until(lambda: server.connections == 0)


async def test_headers_that_are_slow_to_come_are_408(connection, server):
    dripping = asyncio.create_task(drip(connection, GET[:-2] + b"X: y\r\n" * 100))

    response = await connection.response()
    assert (response.status, response.code, response.json["errors"][0]["extensions"]["argument"]) == (
        408,
        "BAD_USER_INPUT",
        "headers",
    )
    assert await connection.closed()
    assert server.app.asked == []
    dripping.cancel()


async def test_blank_lines_are_no_beginning(connection, server):
    dripping = asyncio.create_task(drip(connection, b"\r\n" * 100))
    assert await connection.closed()
    dripping.cancel()


async def test_a_later_request_has_its_own_time(server, connection):
    assert (await connection.ask(GET)).status == 200
    dripping = asyncio.create_task(drip(connection, GET[:-2] + b"X: y\r\n" * 100))
    assert (await connection.response()).status == 408
    dripping.cancel()


CHUNKED = HEAD.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked")


@pytest.mark.parametrize(("head", "body"), [(HEAD, b"x" * 99), (CHUNKED, b"1\r\nx\r\n" * 100)], ids=["long", "chunked"])
async def test_a_body_that_is_slow_to_come_is_408(connection, server, head, body):
    await connection.send(head)
    dripping = asyncio.create_task(drip(connection, body))

    response = await connection.response()
    assert (response.status, response.json["errors"][0]["extensions"]["argument"]) == (408, "body")
    assert await connection.closed()
    await asyncio.wait_for(server.app.left.wait(), LONG)  # the application waits no longer either
    dripping.cancel()


async def test_a_body_that_is_read_slowly_is_not_the_clients_fault():
    app = Echo()
    async with serving(app, Settings(header_timeout=LONG, body_timeout=0.1)) as server, server.connect() as connection:
        body = b"x" * 1_000_000
        head = b"POST /waits HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
        sending = asyncio.create_task(connection.send(head + body))
        await until(lambda: app.asked == ["/waits"])
        await asyncio.sleep(0.3)
        app.may_answer.set()
        assert (await connection.response()).body == b"at last"
        sending.cancel()


async def test_an_application_may_take_longer_than_any_client(connection, server):
    await connection.send(b"GET /waits HTTP/1.1\r\n" + HOST + b"\r\n")
    await asyncio.sleep(0.5)
    server.app.may_answer.set()
    assert (await connection.response()).body == b"at last"


async def test_a_client_that_reads_nothing_of_its_answer_is_cut_off(server):
    async with server.connect(buffer=4096) as connection:
        connection.writer.transport.pause_reading()
        await connection.send(b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n")
        await until(lambda: server.app.asked == ["/big"])
        await until(lambda: server.connections == 0)


async def test_a_client_that_reads_too_little_of_its_answer_is_cut_off(server, monkeypatch):
    monkeypatch.setattr(http_connection, "PROGRESS", 100_000_000)
    async with server.connect() as connection:
        connection.writer.transport.pause_reading()
        await connection.send(b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n")
        await until(lambda: server.app.asked == ["/big"])
        sipping = asyncio.create_task(sip(connection))
        await until(lambda: server.connections == 0)
        sipping.cancel()


async def sip(connection) -> None:
    """Read some at a time, until the server has had enough."""
    descriptor = connection.writer.get_extra_info("socket").fileno()
    while True:
        with suppress(BlockingIOError, ConnectionError):
            os.read(descriptor, 200_000)
        await asyncio.sleep(0.02)


async def test_an_application_waits_for_a_client_that_reads_later(connection, server):
    connection.writer.transport.pause_reading()
    await connection.send(b"GET /flood HTTP/1.1\r\n" + HOST + b"\r\n")
    [http] = server.uvicorn.server_state.connections
    await until(lambda: http.drained is not None)
    assert server.app.sent < FLOOD - 1
    connection.writer.transport.resume_reading()
    assert len((await connection.response()).body) == FLOOD * 100_000


async def test_a_client_that_asks_and_asks_and_reads_nothing_is_cut_off(server):
    async with server.connect(buffer=4096) as connection:
        connection.writer.transport.pause_reading()
        asking = asyncio.create_task(connection.send(GET * 1_000_000))
        await until(lambda: len(server.app.asked) > 0)
        await until(lambda: server.connections == 0)
        asking.cancel()


async def test_a_client_that_reads_steadily_gets_all_of_a_large_answer():
    async with serving(Echo(), Settings(stall_timeout=0.3)) as server, server.connect() as connection:
        await connection.send(b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n")
        _, headers = await connection.head()
        left = int(headers["content-length"])
        while left:
            left -= len(await connection.reader.read(1_000_000))
            await asyncio.sleep(0.01)


async def test_an_idle_connection_is_closed_after_its_time():
    async with serving(Echo(), Settings(keep_alive_timeout=0.2)) as server, server.connect() as connection:
        assert (await connection.ask(GET)).status == 200
        assert await connection.closed()


async def test_a_client_that_never_closes_is_cut_off(server, monkeypatch):
    monkeypatch.setattr(http_connection, "LINGER", 0.1)
    async with server.connect() as connection:
        assert (await connection.ask(b"nonsense\r\n\r\n")).status == 400
        dripping = asyncio.create_task(drip(connection, b"x" * 500))
        await until(lambda: server.connections == 0)
        dripping.cancel()


@pytest.mark.parametrize("sent", [b"", GET[:-2], HEAD + b"x"], ids=["silent", "slow headers", "slow body"])
async def test_a_crowd_of_them_goes_and_nobody_else_waits_for_it(server, sent):
    async with AsyncExitStack() as stack:
        crowd = []
        for _ in range(CROWD):
            crowd.append(await stack.enter_async_context(server.connect()))
            await crowd[-1].send(sent)
        async with server.connect() as canary:
            assert (await canary.ask(GET)).status == 200
        answers = await asyncio.gather(*(connection.reader.read() for connection in crowd))

    assert all(answer.startswith(b"HTTP/1.1 408 ") if sent else answer == b"" for answer in answers)
    await until(lambda: server.connections == 0)


@pytest.mark.parametrize(
    "sent", [b"", b"GET /graphql HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\n"], ids=["silent", "half"]
)
async def test_a_handshake_that_is_never_finished_ends(connection, sent):
    await connection.send(sent)
    answer = await connection.reader.read()
    assert answer.startswith(b"HTTP/1.1 408 ") if sent else answer == b""


async def test_a_client_that_went_away_leaves_nothing_behind(server):
    async with server.connect() as connection:
        await connection.send(HEAD + b"x")
        await until(lambda: server.app.asked == ["/one"])
    await asyncio.wait_for(server.app.left.wait(), LONG)
    await until(lambda: not server.uvicorn.server_state.tasks and server.connections == 0)


@pytest.mark.parametrize("path", [b"/one", b"/events", b"/waits"])
async def test_nothing_of_a_connection_is_left_to_the_garbage_collector(server, path):
    """Which is rarely run in a server (`gateway/ops/collector.py`)."""
    gc.disable()
    try:
        async with server.connect() as connection:
            await connection.send(b"POST %b HTTP/1.1\r\n%bContent-Length: 9\r\n\r\nx" % (path, HOST))
            await until(lambda: server.app.asked == [path.decode()])
            [left] = map(weakref.ref, server.uvicorn.server_state.connections)
        server.app.may_answer.set()
        await until(lambda: left() is None)
    finally:
        gc.enable()
