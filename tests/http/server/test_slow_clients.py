"""Slow and silent clients on real sockets. The timeouts are short; no test measures time."""

import asyncio
import gc
import os
import weakref
from contextlib import suppress
from typing import Any

import pytest
from raw_http import FLOOD, GET, HOST, PATIENCE, WAITS, Echo, get, serving
from waiting import until

from gateway.settings import Settings

HEAD = b"POST /one HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n"


@pytest.fixture
def times() -> dict[str, float]:
    return {"header_timeout": 0.2, "body_timeout": 0.2, "stall_timeout": 0.2}


async def drip(connection, data: bytes) -> None:
    """A byte at a time, until the server has had enough: each of them is progress, and none of it counts."""
    try:
        for byte in data:
            await connection.send(bytes([byte]))
            await asyncio.sleep(0.02)
    except ConnectionError:
        pass


@pytest.mark.parametrize("before", [[], [GET]], ids=["first", "later"])
async def test_slow_headers_are_408(connection, server, before):
    for request in before:
        assert (await connection.ask(request)).status == 200
    dripping = asyncio.create_task(drip(connection, GET[:-2] + b"X: y\r\n" * 100))

    response = await connection.response()
    assert (response.status, response.code) == (408, "BAD_USER_INPUT")
    assert response.json["errors"][0]["extensions"]["argument"] == "headers"
    assert await connection.closed()
    assert server.app.asked == ["/one"] * len(before)
    dripping.cancel()


CHUNKED = HEAD.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked")


@pytest.mark.parametrize(("head", "body"), [(HEAD, b"x" * 99), (CHUNKED, b"1\r\nx\r\n" * 100)], ids=["long", "chunked"])
async def test_slow_body_is_408(connection, server, head, body):
    await connection.send(head)
    dripping = asyncio.create_task(drip(connection, body))

    response = await connection.response()
    assert (response.status, response.json["errors"][0]["extensions"]["argument"]) == (408, "body")
    assert await connection.closed()
    await asyncio.wait_for(server.app.left.wait(), PATIENCE)  # the application waits no longer either
    dripping.cancel()


async def test_slowly_read_body_does_not_time_out_the_client():
    app = Echo()
    times = {"header_timeout": PATIENCE, "body_timeout": 0.1}
    async with serving(app, Settings(), times) as server, server.connect() as connection:
        body = b"x" * 1_000_000
        head = b"POST /waits HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body)
        sending = asyncio.create_task(connection.send(head + body))
        await until(lambda: app.asked == ["/waits"])
        await asyncio.sleep(0.3)
        app.may_answer.set()
        assert (await connection.response()).body == b"at last"
        sending.cancel()


async def test_application_may_exceed_client_timeouts(connection, server):
    await connection.send(WAITS)
    await asyncio.sleep(0.5)
    server.app.may_answer.set()
    assert (await connection.response()).body == b"at last"


async def test_client_reading_too_slowly_is_disconnected(times):
    async with (
        serving(Echo(), Settings(), {**times, "progress": 100_000_000}) as server,
        server.connect() as connection,
    ):
        transport: Any = connection.writer.transport
        transport.pause_reading()
        await connection.send(get(b"/big"))
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


async def test_application_waits_for_a_slow_reader(connection, server):
    connection.writer.transport.pause_reading()
    await connection.send(get(b"/flood"))
    [http] = server.uvicorn.server_state.connections
    await until(lambda: http.flow.write_paused)
    assert server.app.sent < FLOOD - 1
    connection.writer.transport.resume_reading()
    assert len((await connection.response()).body) == FLOOD * 100_000


async def test_steady_reader_gets_a_whole_large_answer():
    async with serving(Echo(), Settings(), {"stall_timeout": 0.3}) as server, server.connect() as connection:
        await connection.send(get(b"/big"))
        _, headers = await connection.head()
        left = int(headers["content-length"])
        while left:
            left -= len(await connection.reader.read(1_000_000))
            await asyncio.sleep(0.01)


async def test_idle_connection_is_closed_by_timeout():
    async with serving(Echo(), Settings(keep_alive_timeout=0.2)) as server, server.connect() as connection:
        assert (await connection.ask(GET)).status == 200
        assert await connection.closed()


async def test_client_that_never_closes_is_disconnected(times):
    async with serving(Echo(), Settings(), {**times, "linger": 0.1}) as server, server.connect() as connection:
        assert (await connection.ask(b"nonsense\r\n\r\n")).status == 400
        dripping = asyncio.create_task(drip(connection, b"x" * 500))
        await until(lambda: server.connections == 0)
        dripping.cancel()


@pytest.mark.parametrize("path", [b"/one", b"/events", b"/waits"])
async def test_closed_connection_leaves_nothing_behind(server, path):
    """Neither a task, nor a garbage cycle: those are rarely collected in a server (`gateway/ops/event_loop.py`)."""
    gc.disable()
    try:
        async with server.connect() as connection:
            await connection.send(b"POST %b HTTP/1.1\r\n%bContent-Length: 9\r\n\r\nx" % (path, HOST))
            await until(lambda: server.app.asked == [path.decode()])
            [left] = map(weakref.ref, server.uvicorn.server_state.connections)
        if path != b"/waits":
            await asyncio.wait_for(server.app.left.wait(), PATIENCE)
        server.app.may_answer.set()
        await until(lambda: left() is None)
        assert not server.uvicorn.server_state.tasks
    finally:
        gc.enable()
