"""WebSocket connections at byte level: malformed handshakes and frames, slow and flooding clients."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from raw_http import GET, HANDSHAKE, HOST, UPGRADE, Connection, RawServer, get, serving
from waiting import until

from gateway.http.server.bounds import MOST_FRAGMENTS
from gateway.settings import Settings

TEXT, CONTINUED, CLOSE, PING, PONG = 0x1, 0x0, 0x8, 0x9, 0xA
FINAL = 0x80


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """One of a client, masked with nothing."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([opcode | (FINAL if final else 0)]) + size + bytes(4) + payload


@dataclass
class Listener:
    """Accepts every connection and records the messages."""

    received: list[str] = field(default_factory=list)
    closed_with: list[int] = field(default_factory=list)

    async def __call__(self, scope, receive, send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            self.received.append(message["text"])
        self.closed_with.append(message["code"])


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with serving(Listener(), Settings(), {"stall_timeout": 0.2}) as server:
        yield server


async def shake_hands(connection: Connection) -> None:
    await connection.send(HANDSHAKE + b"\r\n")
    status, headers = await connection.head()
    assert (status, headers["Sec-WebSocket-Accept"]) == (101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


async def close_code(connection: Connection) -> int:
    data = await asyncio.wait_for(connection.reader.read(), 60)
    assert data[0] == FINAL | CLOSE
    return int.from_bytes(data[2:4], "big")


NO_HANDSHAKES = {
    "without a key": get(b"/one", UPGRADE, b"Sec-WebSocket-Version: 13\r\n"),
    "by POST": HANDSHAKE.replace(b"GET", b"POST") + b"\r\n",
    "with a body": HANDSHAKE + b"Content-Length: 4\r\n\r\nbody",
    "of HTTP/1.0": HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n",
    "with a long header": HANDSHAKE + b"X: " + b"x" * 10_000 + b"\r\n\r\n",
    "with a long address": HANDSHAKE.replace(b"/one", b"/" + b"x" * 10_000) + b"\r\n",
    "with bytes beyond ASCII": HANDSHAKE.replace(b"/one", b"/one?\xc3\xa4") + b"\r\n",
    "with two hosts": HANDSHAKE + HOST + b"\r\n",
}


async def test_malformed_handshake_is_refused(server, subtests):
    for name, data in NO_HANDSHAKES.items():
        with subtests.test(name):
            async with server.connect() as connection:
                await connection.send(data)
                answer = await asyncio.wait_for(connection.reader.read(), 60)
                assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 ")), answer
    await until(lambda: server.connections == 0)


async def test_handshake_does_not_overtake_an_answer(connection):
    await connection.send(GET + HANDSHAKE + b"\r\n")
    answer = await asyncio.wait_for(connection.reader.read(), 60)
    assert answer.startswith(b"HTTP/1.1 500 ")  # this application has no answer to GET
    assert b" 101 " not in answer


async def test_messages_may_follow_handshake_in_any_pieces(server, connection):
    data = HANDSHAKE + b"\r\n" + frame(TEXT, b"one") + frame(TEXT, b"tw", final=False) + frame(CONTINUED, b"o")
    for byte in data:
        await connection.send(bytes([byte]))
    assert (await connection.head())[0] == 101
    await until(lambda: server.app.received == ["one", "two"])


@pytest.mark.parametrize("payload", [b"", b"x"], ids=["empty", "one byte"])
async def test_endless_fragments_close_connection(server, connection, payload):
    await shake_hands(connection)
    fragment = frame(CONTINUED, payload, final=False)
    await connection.send(frame(TEXT, payload, final=False) + fragment * 2 * MOST_FRAGMENTS)
    assert await close_code(connection) == 1009
    assert server.app.received == []


async def test_ping_flood_without_reading_is_disconnected(server):
    async with server.connect(buffer=4096) as connection:
        await shake_hands(connection)
        connection.writer.transport.pause_reading()
        [web_socket] = server.uvicorn.server_state.connections
        flood = frame(PING, b"x" * 125) * 10_000
        pinging = asyncio.create_task(pings(connection, flood))
        unread = unsent = 0
        while server.connections:
            unread = max(unread, web_socket.transport.get_write_buffer_size())
            unsent = max(unsent, len(web_socket.conn.writes))
            await asyncio.sleep(0.01)
        assert 0 < unread < 1_000_000
        assert unsent == 0
        pinging.cancel()


async def pings(connection: Connection, flood: bytes) -> None:
    while True:
        await connection.send(flood)


async def test_pings_are_answered(connection):
    await shake_hands(connection)
    await connection.send(frame(PING, b"here"))
    assert await connection.reader.readexactly(6) == bytes([FINAL | PONG, 4]) + b"here"


async def test_client_answering_no_pings_is_disconnected():
    options: dict[str, Any] = {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1}
    async with serving(Listener(), Settings(), **options) as server, server.connect() as connection:
        await shake_hands(connection)
        await until(lambda: server.connections == 0)


async def test_client_that_does_not_close_is_disconnected():
    app = Listener()
    async with serving(app, Settings(), {"linger": 0.1}) as server, server.connect() as connection:
        await shake_hands(connection)
        await connection.send(frame(CLOSE, (1000).to_bytes(2, "big")))
        await until(lambda: server.connections == 0)
    assert app.closed_with == [1000]
