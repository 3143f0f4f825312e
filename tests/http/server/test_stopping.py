"""Graceful shutdown: pending requests are answered, connections close, and no client can block it."""

import asyncio
from typing import Any

import pytest
from raw_http import GET, HANDSHAKE, HOST, PATIENCE, WAITS, Echo, get, serving
from waiting import until

from gateway.settings import Settings

NEVER = 3600.0


async def ends(server) -> bool:
    server.stop()
    await asyncio.wait_for(server.running, PATIENCE)
    return server.connections == 0 and not server.uvicorn.server_state.tasks


async def test_stopping_server_answers_pending_request(server, connection):
    await connection.send(WAITS)
    await until(lambda: server.app.asked == ["/waits"])
    stopping = asyncio.create_task(ends(server))
    await until(lambda: not server.is_listening)
    await connection.send(GET)
    server.app.may_answer.set()

    answer = await connection.response()
    assert (answer.body, answer.headers["connection"]) == (b"at last", "close")
    assert await connection.closed()
    assert await stopping
    assert server.app.asked == ["/waits"]


@pytest.mark.parametrize(
    ("sent", "asked"), [(GET, ["/one", "/one"]), (HANDSHAKE + b"\r\n", ["/one"])], ids=["request", "websocket"]
)
async def test_stopping_server_answers_request_in_transit_but_no_upgrade(server, connection, sent, asked):
    await connection.ask(GET)
    stopping = asyncio.create_task(ends(server))
    await until(lambda: not server.is_listening)
    await connection.send(sent)

    if sent == GET:
        answer = await connection.response()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert await connection.closed()
    assert await stopping
    assert server.app.asked == asked


async def test_stopping_server_starts_no_pipelined_request():
    app = Echo()

    async def stopping(scope, receive, send):
        await app(scope, receive, send)
        (connection,) = server.uvicorn.server_state.connections
        connection.shutdown()  # between this answer and the next request

    async with serving(stopping, Settings()) as server, server.connect() as connection:
        await connection.send(2 * GET)
        assert (await connection.response()).status == 200
        assert await connection.closed()
        assert app.asked == ["/one"]


@pytest.mark.parametrize("sent", [b"", GET[:-2], GET], ids=["silent", "in its headers", "between two requests"])
async def test_stopping_server_closes_idle_connections(monkeypatch, sent):
    monkeypatch.setattr("gateway.http.server.connection.LAST_REQUEST", 0.1)
    settings, times = Settings(keep_alive_timeout=NEVER), {"header_timeout": NEVER}
    async with serving(Echo(), settings, times) as server, server.connect() as connection:
        await connection.send(sent)
        if sent == GET:
            await connection.response()
        await until(lambda: server.connections == 1)
        assert await ends(server)
        assert await connection.closed()


@pytest.mark.parametrize("path", [b"/events", b"/late-events"])
async def test_stopping_server_ends_stream_without_last_chunk(server, connection, path):
    """So that its client knows that there would have been more; also where it begins only now."""
    await connection.send(get(path))
    await until(lambda: server.app.asked == [path.decode()])
    stopping = asyncio.create_task(ends(server))
    await until(lambda: not server.is_listening)
    server.app.may_answer.set()
    async with asyncio.timeout(PATIENCE):
        assert (await connection.head())[1]["transfer-encoding"] == "chunked"
        assert await connection.closed()
        assert await stopping
    assert server.app.left.is_set()


async def test_stopping_server_gives_a_body_a_short_time():
    times = {"body_timeout": NEVER, "stall_timeout": 1, "linger": 0.1}
    async with serving(Echo(), Settings(), times) as server, server.connect() as connection:
        await connection.send(b"POST /one HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\nx")
        await until(lambda: server.app.asked == ["/one"])
        stopping = asyncio.create_task(ends(server))
        assert (await connection.response()).status == 408
        assert await stopping


async def test_stop_ends_after_the_grace_period():
    app = Echo()
    async with (
        serving(app, Settings(), {"stall_timeout": NEVER}, timeout_graceful_shutdown=1) as server,
        server.connect() as waiting,
        server.connect(buffer=4096) as stalled,
    ):
        await waiting.send(WAITS)
        transport: Any = stalled.writer.transport
        transport.pause_reading()
        await stalled.send(get(b"/big"))
        await until(lambda: len(app.asked) == 2)

        server.stop()
        await asyncio.wait_for(server.running, PATIENCE)
        assert await waiting.closed()
