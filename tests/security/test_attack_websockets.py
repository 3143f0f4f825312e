"""Abuse of WebSockets: closed with the code of the protocol, without harm to others."""

import asyncio
import base64
import json
import os
import struct
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from target import Target
from websockets import ClientConnection, Subprotocol, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from wire import PATIENCE, SUBPROTOCOL, socket

from gateway.loaders.watch import MOST_WATCHED

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAID = "subscription { paymentEvents { cursor } }"
SLACK = 30.0
TOO_LARGE_CLOSE_CODES = (1009, 1006)
"""Too large; or no word of it, for a client that goes on sending."""


@asynccontextmanager
async def opened(
    target: Target, subprotocols: tuple[Subprotocol, ...] = (SUBPROTOCOL,), **options
) -> AsyncIterator[ClientConnection]:
    """A WebSocket of which nothing is initialised."""
    address = f"ws://127.0.0.1:{target.port}/graphql"
    async with connect(address, subprotocols=subprotocols or None, proxy=None, **options) as connection:
        yield connection


async def closing(connection: ClientConnection) -> int:
    """The code the gateway closes with, whatever it says before."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                await connection.recv()
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else 1006


def message(type_: str, **rest: object) -> str:
    return json.dumps({"type": type_, **rest})


def subscribe(id_: str, query: str = PAID) -> str:
    return message("subscribe", id=id_, payload={"query": query})


INIT = message("connection_init")
UNREADABLE = {
    "are empty": "",
    "are no JSON": "hello",
    "are a list": "[]",
    "are null": "null",
    "are an object of nothing": "{}",
    "have a type that nobody knows": message("explode"),
    "have a type that is a number": '{"type":1}',
    "are of the old protocol": message("start", id="1", payload={}),
    "are nested sixty thousand deep": '{"type":"ping","payload":' + "[" * 60_000 + "]" * 60_000 + "}",
    "have half a surrogate pair": '{"type":"ping","payload":{"a":"\\ud800"}}',
    "subscribe without an id": message("subscribe", payload={"query": PAID}),
    "subscribe to nothing": message("subscribe", id="1"),
    "subscribe with an id that is a number": message("subscribe", id=1, payload={"query": PAID}),
    "subscribe to a text": message("subscribe", id="1", payload=PAID),
    "subscribe to a query that is a list": message("subscribe", id="1", payload={"query": [PAID]}),
    "subscribe with variables that are a list": message("subscribe", id="1", payload={"query": PAID, "variables": []}),
    "complete without an id": message("complete"),
    "ping with a payload that is a number": message("ping", payload=1),
    "have a member twice": '{"type":"subscribe","id":"1","payload":{"query":"{ a }","query":"{ b }"}}',
    "are the server's own": message("next", id="1", payload={}),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_unreadable_message_closes_with_4400(target, bystanders, name):
    async def attack():
        async with socket(target.url, target.token) as connection:
            await connection.send(UNREADABLE[name])
            assert await closing(connection) == 4400

    await bystanders.unharmed_by(attack)


EARLY = {
    "subscribes before it is known": ([subscribe("1")], 4401),
    "shows a forged token": ([message("connection_init", payload={"Authorization": "Bearer forged"})], 4403),
    "shows no token": ([INIT], 4403),
    "shows a token that is no text": ([message("connection_init", payload={"Authorization": ["a"]})], 4403),
    "initialises with a text": ([message("connection_init", payload="a")], 4400),
    "says nothing": ([], 4408),
    "only ever pings and completes": ([message("ping"), message("complete", id="1")] * 25, 4408),
}


@pytest.mark.parametrize("name", EARLY)
async def test_premature_message_closes_the_websocket(target, bystanders, name):
    messages, code = EARLY[name]

    async def attack():
        begun = time.monotonic()
        async with opened(target) as connection:
            for each in messages:
                await connection.send(each)
            assert await closing(connection) == code
        assert time.monotonic() - begun < 1.0 + SLACK

    await bystanders.unharmed_by(attack)


async def test_two_hundred_silent_websockets_are_closed_in_time(target, bystanders):
    async def silent() -> int:
        async with opened(target) as connection:
            return await closing(connection)

    async def attack():
        begun = time.monotonic()
        assert set(await asyncio.gather(*(silent() for _ in range(200)))) == {4408}
        assert time.monotonic() - begun < 2 * (1.0 + SLACK)

    await bystanders.unharmed_by(attack)


async def test_second_init_closes_the_websocket(target):
    async with socket(target.url, target.token) as connection:
        await connection.send(INIT)
        assert await closing(connection) == 4429


async def test_duplicate_operation_id_closes_the_websocket(target):
    async with socket(target.url, target.token) as connection:
        await connection.send(subscribe("1"))
        await connection.send(subscribe("1"))
        assert await closing(connection) == 4409


async def test_subscriptions_beyond_twenty_are_refused(target, bystanders):
    async def attack():
        refused = 0
        async with socket(target.url, target.token) as connection:
            for number in range(1000):
                await connection.send(subscribe(str(number)))
            async with asyncio.timeout(PATIENCE):
                while refused < 980:
                    answer = json.loads(await connection.recv())
                    assert answer["type"] == "error"
                    assert answer["payload"][0]["extensions"]["code"] in ("QUERY_TOO_COMPLEX", "RATE_LIMITED")
                    refused += 1

    await bystanders.unharmed_by(attack)


async def test_subscribing_a_thousand_times_leaves_nothing(target, bystanders):
    async def attack():
        async with socket(target.url, target.token) as connection:
            for number in range(1000):
                await connection.send(subscribe(str(number)))
                await connection.send(message("complete", id=str(number)))
            await connection.send(subscribe("last", "{ viewer { subject } }"))
            async with asyncio.timeout(PATIENCE):
                while json.loads(await connection.recv()) != {"type": "complete", "id": "last"}:
                    pass

    await bystanders.unharmed_by(attack, memory=32 * 1024 * 1024)


async def test_watched_communities_are_bounded(target, bystanders):
    """Each watched list is asked for again and again, whether there is such a community or not."""

    async def follow(connection: ClientConnection, first: int) -> set[str]:
        for number in range(first, first + 20):
            query = f'subscription {{ repairEvents(communityCode: "{number}") {{ cursor }} }}'
            await connection.send(subscribe(str(number), query))
        await connection.send(message("complete", id=str(first)))
        await connection.send(subscribe("last", "{ viewer { subject } }"))
        codes: set[str] = set()
        async with asyncio.timeout(PATIENCE):
            while (said := json.loads(await connection.recv())) != {"type": "complete", "id": "last"}:
                if said["type"] == "error":
                    codes |= {error["extensions"]["code"] for error in said["payload"]}
        return codes

    async def attack():
        async with AsyncExitStack() as connections:
            codes: set[str] = set()
            for number in range(MOST_WATCHED // 19 + 1):
                connection = await connections.enter_async_context(socket(target.url, target.token))
                codes |= await follow(connection, 1000 + 20 * number)
            assert codes == {"RATE_LIMITED"}

    await bystanders.unharmed_by(attack)


async def test_flood_of_pings_does_not_delay_others(target, bystanders):
    async def attack():
        async with socket(target.url, target.token) as connection:
            for _ in range(3000):
                await connection.send(message("ping"))
            async with asyncio.timeout(PATIENCE):
                for _ in range(3000):
                    assert json.loads(await connection.recv()) == {"type": "pong"}

    await bystanders.unharmed_by(attack)


async def test_binary_message_closes_the_websocket(target):
    async with socket(target.url, target.token) as connection:
        await connection.send(INIT.encode())
        assert await closing(connection) == 4400


@pytest.mark.parametrize("size", [256 * 1024 + 1, 1024 * 1024 + 1, 8 * 1024 * 1024])
async def test_oversized_message_closes_the_websocket(target, bystanders, size):
    async def attack():
        async with socket(target.url, target.token) as connection:
            with suppress(ConnectionClosed):
                await connection.send(" " * size)
            assert await closing(connection) in TOO_LARGE_CLOSE_CODES

    await bystanders.unharmed_by(attack, memory=32 * 1024 * 1024)


async def test_message_in_a_thousand_fragments_is_too_large(target, bystanders):
    async def attack():
        async with socket(target.url, target.token) as connection:
            with suppress(ConnectionClosed):
                await connection.send([" " * 16 * 1024] * 1000)
            assert await closing(connection) in TOO_LARGE_CLOSE_CODES

    await bystanders.unharmed_by(attack, memory=32 * 1024 * 1024)


@pytest.mark.parametrize("subprotocols", [(), ("graphql-ws",), ("graphql-transport-ws2", "soap")])
async def test_unknown_subprotocol_is_refused(target, subprotocols):
    async with opened(target, subprotocols) as connection:
        assert connection.subprotocol is None
        assert await closing(connection) == 4406


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://console.example",
        "https://console.example.evil.example",
        "http://127.0.0.1:1",
    ],
)
async def test_foreign_origin_opens_no_websocket(target, origin):
    with pytest.raises(InvalidStatus) as refused:
        async with opened(target, origin=origin):
            pass
    assert refused.value.response.status_code == 403


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
FRAMES = {
    "are not masked": frame(TEXT, INIT.encode(), masked=False),
    "have a reserved bit": frame(TEXT | 0x40, INIT.encode()),
    "have a code that is reserved": frame(0x83),
    "go on with nothing": frame(CONTINUATION, b"a"),
    "ping in pieces": frame(PING & 0x7F, b"a"),
    "ping at length": frame(PING, b"a" * 200),
    "close with half a code": frame(CLOSE, b"\x03"),
    "close with a code that is none": frame(CLOSE, b"\x00\x01"),
    "are no UTF-8": frame(TEXT, b"\xff\xfe"),
    "have a length beyond all bounds": frame(TEXT, b"a", length=2**63 - 1),
    "have a negative length": frame(TEXT, b"a", length=2**64 - 1),
    "are random": bytes(range(255, 0, -1)) * 4,
    "are another request": b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
}


@pytest.mark.parametrize("name", FRAMES)
async def test_malformed_frame_closes_the_websocket(target, bystanders, name):
    async def attack():
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(HANDSHAKE)
        async with asyncio.timeout(PATIENCE):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
            writer.write(FRAMES[name])
            said = b""
            with suppress(ConnectionError):
                said = await reader.read()
        writer.close()
        assert said[:1] in (b"", bytes([CLOSE]))

    await bystanders.unharmed_by(attack, memory=16 * 1024 * 1024)


async def test_client_reading_no_messages_is_disconnected(target, bystanders):
    async def attack():
        async with socket(target.url, target.token) as connection:
            connection.transport.pause_reading()
            query = "{ dictionaries { name title entries { value label code note } } }"
            try:
                async with asyncio.timeout(PATIENCE):
                    for number in range(100_000):
                        await connection.send(subscribe(str(number), query))
            except ConnectionClosed:
                return
            finally:
                connection.transport.abort()

    await bystanders.unharmed_by(attack, memory=64 * 1024 * 1024)
