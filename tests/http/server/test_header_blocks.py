"""Requests with the header block of the one before: parsed once, and only what the parser would read in it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from raw_http import Connection, RawServer, answer, serving
from starlette.types import Receive, Scope, Send

from gateway.header_block import LONGEST_BLOCK, cache_header_block
from gateway.http.request import read_body
from gateway.http.server.connection import HEADER_BLOCK
from gateway.settings import Settings

HEAD = b"POST /graphql HTTP/1.1\r\nhost: a\r\nContent-Length: %b\r\nauthorization: Bearer one\r\n\r\n"


def request(body: bytes, head: bytes = HEAD) -> bytes:
    return head % str(len(body)).encode() + body


class Application:
    """Answers with the number of the header block, its caller, and the body."""

    blocks = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["extensions"][HEADER_BLOCK]
        if not state:
            self.blocks += 1
            state["caller"] = b"%d %b " % (self.blocks, dict(scope["headers"]).get(b"authorization", b""))
        body = await read_body(receive, None, 1_000_000)
        assert int(dict(scope["headers"])[b"content-length"]) == len(body)
        await answer(send, 200, state["caller"] + body)


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[RawServer]:
    async with serving(Application(), settings) as server:
        yield server


async def test_repeated_block_is_parsed_once(connection: Connection) -> None:
    for body in (b"a", b"bc", b"", b"x" * 20_000, b"d"):
        assert (await connection.ask(request(body))).body == b"1 Bearer one " + body


async def test_other_block_or_connection_is_other_caller(server: RawServer, connection: Connection) -> None:
    other = HEAD.replace(b"one", b"two")
    for head, expected in (
        (HEAD, b"1 Bearer one"),
        (other, b"2 Bearer two"),
        (other, b"2 Bearer two"),
        (HEAD, b"3 Bearer one"),
    ):
        assert (await connection.ask(request(b"a", head))).body == expected + b" a"
    async with server.connect() as other_connection:
        assert (await other_connection.ask(request(b"a"))).body == b"4 Bearer one a"


async def test_partial_and_pipelined_requests_are_parsed(connection: Connection) -> None:
    await connection.ask(request(b"a"))
    whole = request(b"bcd")
    for cut in range(1, len(whole)):
        await connection.send(whole[:cut])
        assert (await connection.ask(whole[cut:])).body.endswith(b"Bearer one bcd")
    await connection.send(request(b"1") + request(b"22") + request(b"333"))
    assert [(await connection.response()).body[-3:] for _ in range(3)] == [b"e 1", b" 22", b"333"]


@pytest.mark.parametrize(
    "length", [b"", b"+1", b"-1", b"1_0", b"0x1", b"1 1", b"\xb2", b"1,1", b"99999999999999999999"]
)
async def test_malformed_length_is_refused_after_cached_block(connection: Connection, length: bytes) -> None:
    await connection.ask(request(b"a"))
    refused = await connection.ask(HEAD % length + b"a")
    assert (refused.status, refused.code) == (400, "BAD_USER_INPUT")
    assert await connection.closed()


async def test_body_like_a_request_is_not_cached_as_block(connection: Connection) -> None:
    victim = request(b"a", HEAD.replace(b"one", b"two"))
    await connection.send(HEAD % str(len(victim)).encode())
    await asyncio.sleep(0.05)  # so that the body comes in a piece of its own
    assert (await connection.ask(victim)).body == b"1 Bearer one " + victim
    assert (await connection.ask(victim)).body == b"2 Bearer two a"


async def test_garbage_after_cached_request_is_refused_in_turn(connection: Connection) -> None:
    await connection.ask(request(b"a"))
    await connection.send(request(b"b") + b"\0")
    assert (await connection.response()).status == 200
    assert (await connection.response()).status == 400


HEADERS = [(b"host", b"a"), (b"content-length", b"1")]


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\nPOST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na",
        b"\r\nPOST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na",
        b"POST / HTTP/1.1\nhost: a\r\ncontent-length: 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: a\nb\r\ncontent-length: 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: a\r\n b\r\ncontent-length: 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\n\na\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\n\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n 1\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\nmore: b\r\n\r\na",
        b"POST / HTTP/1.1\r\nhost: a\r\nx: content-length: 1\r\n\r\na",
        b"POST /%b HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na" % (b"a" * LONGEST_BLOCK),
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na\r",
    ],
)
def test_irregular_block_is_not_cached(data: bytes) -> None:
    """Whether the parser takes it or not: these are the headers that it would have found."""
    assert cache_header_block(data, HEADERS, None) is None


def test_message_of_same_length_is_compared_to_the_byte() -> None:
    data = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na"
    block = cache_header_block(data, HEADERS, None)
    assert block is not None
    assert block.get_body(data[:-1] + b"b") == b"b"
    assert block.get_body(data.replace(b"host: a", b"host: b")) is None
    assert block.get_body(data.replace(b": 1", b": 2")) is None
    assert block.get_body(data.replace(b": 1\r\n\r\na", b": 01\r\n\r\n")) is None
    assert block.get_body(data.replace(b": 1", b": 2") + b"b") == b"ab"
    assert block.get_body(data + b"b") is None
    assert block.get_body(data) == b"a"
