"""Raw sockets: request smuggling, slow clients and floods of connections."""

import asyncio
import socket
import time
from contextlib import suppress

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUERY = b'{"query":"{ viewer { subject } }"}'
STALLED = 200
SLACK = 30.0
"""Seconds that the end of a deadline may be late by: it is looked for now and then, on a machine with other work."""


def head(*lines: str) -> bytes:
    return "\r\n".join(["POST /graphql HTTP/1.1", "host: 127.0.0.1", *lines, "", ""]).encode("latin-1")


def asked(token: str, query: bytes = QUERY) -> bytes:
    """A whole request."""
    return head(JSON, f"authorization: Bearer {token}", f"content-length: {len(query)}") + query


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)


JSON = "content-type: application/json"
CHUNKED = "transfer-encoding: chunked"


async def test_flood_of_pipelined_requests_is_bounded(target, bystanders):
    """Pipelined: the client reads no answer before everything is sent."""
    async for _ in bystanders.unharmed(memory=32 * 1024 * 1024):
        said = await target.raw(asked(target.token) * 2000, close=True)
        assert said.count(b"HTTP/1.1 200") <= 64
        assert b"HTTP/1.1 500" not in said


SLOW = {
    "sends nothing": [b""],
    "sends headers byte by byte": [bytes([byte]) for byte in head(JSON, "content-length: 34")[:-1]],
    "sends a header a line at a time": [b"GET / HTTP/1.1\r\n", *(b"x-%d: a\r\n" % n for n in range(50))],
    "sends half of the headers": [head(JSON)[:-2]],
    "sends no body": [head(JSON, "content-length: 34")],
    "sends a body byte by byte": [head(JSON, "content-length: 34"), *(bytes([byte]) for byte in QUERY[:-1])],
    "sends chunks byte by byte": [head(JSON, CHUNKED), *([chunked(b" ")] * 100)],
    "sends no end to its chunks": [head(JSON, CHUNKED), chunked(QUERY)],
}
"""What each of the two hundred does; between two pieces they wait."""

PAUSE = 0.05


async def stall(target, pieces: list[bytes]) -> float:
    """How long the gateway has patience with it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    begun = time.monotonic()

    async def send() -> None:
        for piece in pieces:
            writer.write(
                piece.replace(b"content-type", f"authorization: Bearer {target.token}\r\ncontent-type".encode())
            )
            await asyncio.sleep(PAUSE)

    sending, said = asyncio.create_task(send()), b""
    with suppress(ConnectionError):
        said = await reader.read()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.close()
    assert said == b"" or said.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 401 "))
    return time.monotonic() - begun


async def test_slow_clients_are_disconnected_in_time(target, bystanders):
    kinds = [pieces for pieces in SLOW.values() for _ in range(STALLED // len(SLOW))]
    async for _ in bystanders.unharmed(memory=32 * 1024 * 1024):
        assert max(await asyncio.gather(*(stall(target, pieces) for pieces in kinds))) < 1.0 + SLACK


async def test_client_reading_no_answers_is_disconnected(target, bystanders):
    """It asks for large answers, one after the other, and takes none."""
    query = b'{"query":"{ dictionaries { name title entries { value label code note } } }"}'
    async for _ in bystanders.unharmed(memory=64 * 1024 * 1024):
        clients = []
        for _ in range(20):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", target.port))
            clients.append(client)
        begun = time.monotonic()
        await asyncio.gather(*(flood(client, asked(target.token, query) * 16) for client in clients))
        assert time.monotonic() - begun < 2 * (1.0 + SLACK)


async def flood(client: socket.socket, requests: bytes) -> None:
    """Send until the gateway has had enough."""
    with client, suppress(ConnectionError):
        while True:
            async with asyncio.timeout(60):
                await asyncio.get_running_loop().sock_sendall(client, requests)
                await asyncio.sleep(0.05)


async def test_clients_leaving_before_or_mid_request_leave_nothing(target, bystanders):
    whole = asked(target.token)
    async for _ in bystanders.unharmed(memory=32 * 1024 * 1024):
        for _ in range(10):
            await asyncio.gather(*(target.raw(b"", close=True) for _ in range(100)))
        for length in range(0, len(whole), 7):
            _, writer = await asyncio.open_connection("127.0.0.1", target.port)
            writer.write(whole[:length])
            await writer.drain()
            writer.transport.abort()
    assert (await target.query("{ viewer { subject } }")).status == 200
