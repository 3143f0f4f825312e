"""Abuse of WebSockets: closed with the code of the protocol, without harm to others."""

import asyncio
import base64
import json
import os
import struct
import time
from contextlib import AsyncExitStack, suppress
from itertools import count
from typing import Any

import pytest
from graphql_socket import PATIENCE, Socket, connected
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.loaders.watch import MOST_WATCHED

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAID = "subscription { paymentEvents { cursor } }"
SLACK = 30.0
KILOBYTE = 1024
TOO_LARGE_CLOSE_CODES = (1009, 1006)
"""Too large; or no word of it, for a client that goes on sending."""


def message(type_: str, **rest: object) -> str:
    return json.dumps({"type": type_, **rest})


def subscribe(id_: str, query: str = PAID) -> str:
    return message("subscribe", id=id_, payload={"query": query})


INIT = message("connection_init")
TWICE = '{"type":"subscribe","id":"1","payload":{"query":"{ a }","query":"{ b }"}}'
UNREADABLE = [
    *("", "hello", "[]", "null", "{}", TWICE, message("explode"), '{"type":1}', message("start", id="1", payload={})),
    *(message("complete"), message("ping", payload=1), message("next", id="1", payload={})),
    '{"type":"ping","payload":' + "[" * 60_000 + "]" * 60_000 + "}",
    '{"type":"ping","payload":{"a":"\\ud800"}}',
    *(message("subscribe", **id_, payload={"query": PAID}) for id_ in ({}, {"id": 1})),
    message("subscribe", id="1"),
    *(message("subscribe", id="1", payload=payload) for payload in (PAID, {"query": [PAID]})),
    message("subscribe", id="1", payload={"query": PAID, "variables": []}),
]
AFTER_INIT: list[tuple[Any, int]] = [
    *(([text], 4400) for text in UNREADABLE),
    *(([INIT.encode()], 4400), ([INIT], 4429), ([subscribe("1"), subscribe("1")], 4409)),
]
BEFORE_INIT: list[tuple[Any, int]] = [
    ([subscribe("1")], 4401),
    *(([message("connection_init", payload={"Authorization": token})], 4403) for token in ("Bearer forged", ["a"])),
    ([INIT], 4403),
    ([message("connection_init", payload="a")], 4400),
    ([message("ping"), message("complete", id="1")] * 25, 4408),
]
"""Messages, and the code that the WebSocket is closed with."""


@pytest.mark.parametrize(("is_initialised", "cases"), [(False, BEFORE_INIT), (True, AFTER_INIT)])
async def test_wrong_message_closes_the_websocket(target, bystanders, is_initialised, cases):
    async for _ in bystanders.unharmed():
        for messages, code in cases:
            begun = time.monotonic()
            async with connected(target.url, token=target.token, init=is_initialised) as socket:
                for each in messages:
                    await socket.connection.send(each)
                assert await socket.closed() == code, messages
            assert time.monotonic() - begun < 1.0 + SLACK


async def test_two_hundred_silent_websockets_are_closed_in_time(target, bystanders):
    handshakes = asyncio.Semaphore(10)  # a handshake that is not sent within a second is refused by another limit

    async def silent() -> int:
        async with AsyncExitStack() as opened:
            async with handshakes:
                socket = await opened.enter_async_context(connected(target.url, init=False))
            return await socket.closed()

    async for _ in bystanders.unharmed():
        begun = time.monotonic()
        assert set(await asyncio.gather(*(silent() for _ in range(200)))) == {4408}
        assert time.monotonic() - begun < 2 * (1.0 + SLACK)


async def test_subscribing_a_thousand_times_leaves_nothing(target, bystanders):
    async for _ in bystanders.unharmed(memory=32 * 1024 * KILOBYTE):
        async with connected(target.url, token=target.token) as socket:
            for number in range(1000):
                await socket.subscribe(str(number), PAID)
                await socket.send("complete", id=str(number))
            await socket.settle()


async def test_watched_communities_are_bounded(target, bystanders):
    """Each watched list is asked for again and again, whether there is such a community or not."""

    async def follow(socket: Socket, first: int) -> set[str]:
        numbers = [str(number) for number in range(first, first + 20)]
        for number in numbers:
            codes = [f"{number}{each}" for each in range(100)]
            query = "subscription($codes: [ID!]) { repairEvents(communityCodes: $codes) { cursor } }"
            await socket.subscribe(number, query, codes=codes)
        await socket.send("complete", id=str(first))
        await socket.settle()
        return {await socket.error_code(number) for number in numbers if socket.has_message(number)}

    async for _ in bystanders.unharmed():
        async with AsyncExitStack() as connections:
            codes: set[str] = set()
            for number in range(MOST_WATCHED // 1900 + 1):
                socket = await connections.enter_async_context(connected(target.url, token=target.token))
                codes |= await follow(socket, 1000 + 20 * number)
            assert codes == {"RATE_LIMITED"}


async def test_flood_of_pings_does_not_delay_others(target, bystanders):
    async for _ in bystanders.unharmed():
        async with connected(target.url, token=target.token) as socket:
            for _ in range(3000):
                await socket.send("ping")
            for _ in range(3000):
                assert await socket.receive() == {"type": "pong"}


async def test_oversized_message_closes_the_websocket(target, bystanders):
    """In one piece, and in a thousand fragments."""

    async for _ in bystanders.unharmed(memory=32 * 1024 * KILOBYTE):
        for text in (*(" " * size for size in (256 * KILOBYTE + 1, 8 * 1024 * KILOBYTE)), [" " * 16 * KILOBYTE] * 1000):
            async with connected(target.url, token=target.token) as socket:
                with suppress(ConnectionClosed):
                    await socket.connection.send(text)
                assert await socket.closed() in TOO_LARGE_CLOSE_CODES


async def test_unknown_subprotocol_is_refused(target):
    for subprotocols in ((), ("graphql-ws",), ("graphql-transport-ws2", "soap")):
        async with connected(target.url, init=False, subprotocols=subprotocols) as socket:
            assert socket.connection.subprotocol is None
            assert await socket.closed() == 4406


ORIGINS = ["https://evil.example", "null", "http://console.example", "https://console.example.evil.example"]


async def test_foreign_origin_opens_no_websocket(target):
    for origin in (*ORIGINS, "http://127.0.0.1:1"):
        with pytest.raises(InvalidStatus) as refused:
            async with connected(target.url, init=False, origin=origin):
                pass
        assert refused.value.response.status_code == 403, origin


HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-protocol: graphql-transport-ws\r\nsec-websocket-key: %b\r\n\r\n"
) % base64.b64encode(bytes(16))


def frame(first: int, payload: bytes = b"", *, masked: bool = True, length: int | None = None) -> bytes:
    """A frame with this first byte, and this length whatever its payload has."""
    size = len(payload) if length is None else length
    mask = os.urandom(4)
    head = bytes([first]) + (
        bytes([size | masked << 7]) if size < 126 else bytes([127 | masked << 7]) + struct.pack("!Q", size)
    )
    return head + (mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload)) if masked else payload)


TEXT, CONTINUATION, CLOSE, PING = 0x81, 0x80, 0x88, 0x89
FRAMES = [
    *(frame(TEXT, INIT.encode(), masked=False), frame(TEXT | 0x40, INIT.encode()), frame(0x83)),
    *(frame(CONTINUATION, b"a"), frame(PING & 0x7F, b"a"), frame(PING, b"a" * 200), frame(TEXT, b"\xff\xfe")),
    *(frame(CLOSE, b"\x03"), frame(CLOSE, b"\x00\x01")),
    *(frame(TEXT, b"a", length=length) for length in (2**63 - 1, 2**64 - 1)),
    *(bytes(range(255, 0, -1)) * 4, b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"),
]


async def test_malformed_frame_closes_the_websocket(target, bystanders):
    async for _ in bystanders.unharmed(memory=16 * 1024 * KILOBYTE):
        for malformed in FRAMES:
            reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
            writer.write(HANDSHAKE)
            async with asyncio.timeout(PATIENCE):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
                writer.write(malformed)
                said = b""
                with suppress(ConnectionError):
                    said = await reader.read()
            writer.close()
            assert said[:1] in (b"", bytes([CLOSE])), malformed


async def test_client_reading_no_messages_is_disconnected(target, bystanders):
    async for _ in bystanders.unharmed(memory=64 * 1024 * KILOBYTE):
        async with connected(target.url, token=target.token) as socket:
            transport = socket.connection.transport
            transport.pause_reading()
            query = "{ dictionaries { name title entries { value label code note } } }"
            try:
                with suppress(ConnectionClosed):
                    async with asyncio.timeout(PATIENCE):
                        for number in count():
                            await socket.subscribe(str(number), query)
            finally:
                transport.abort()
