"""Requests whose head is that of the one before: read once, and never for what the parser would not read in it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from raw_http import Connection, RawServer, serving
from starlette.types import Receive, Scope, Send

from gateway.http.answer import Answer
from gateway.http.body import read_body
from gateway.ops.known_head import LONGEST_KNOWN, known_head
from gateway.settings import Settings

HEAD = b"POST /graphql HTTP/1.1\r\nhost: a\r\nContent-Length: %b\r\nauthorization: Bearer one\r\n\r\n"


def request(body: bytes, head: bytes = HEAD) -> bytes:
    return head % str(len(body)).encode() + body


class Answerer:
    """Tells whose request it was, and what was in it."""

    def __init__(self, number: int, scope: Scope) -> None:
        self._caller = b"%d %b " % (number, dict(scope["headers"]).get(b"authorization", b""))

    async def answer(self, receive: Receive, body: bytes | None = None) -> Answer:
        if body is None:
            body = await read_body(receive, None, 1_000_000)
        told = self._caller + body
        return Answer(200, b"content-length: %d\r\n" % len(told), told)


class Application:
    """Counts the heads that it was shown."""

    shown = 0

    def answerer(self, scope: Scope) -> Answerer | None:
        self.shown += 1
        return Answerer(self.shown, scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("nothing comes here")


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[RawServer]:
    async with serving(Application(), settings) as server:
        yield server


async def test_a_head_that_comes_again_is_read_once_whatever_the_length_of_the_body(connection: Connection) -> None:
    for body in (b"a", b"bc", b"", b"x" * 20_000, b"d"):
        assert (await connection.ask(request(body))).body == b"1 Bearer one " + body


async def test_another_head_is_another_caller(connection: Connection) -> None:
    other = HEAD.replace(b"one", b"two")
    for head, told in (
        (HEAD, b"1 Bearer one"),
        (other, b"2 Bearer two"),
        (other, b"2 Bearer two"),
        (HEAD, b"3 Bearer one"),
    ):
        assert (await connection.ask(request(b"a", head))).body == told + b" a"


async def test_what_is_known_of_one_connection_is_not_of_another(server: RawServer) -> None:
    async with server.connect() as first, server.connect() as second:
        assert (await first.ask(request(b"a"))).body == b"1 Bearer one a"
        assert (await second.ask(request(b"a"))).body == b"2 Bearer one a"


async def test_a_request_in_pieces_or_with_another_behind_it_is_read_by_the_parser(connection: Connection) -> None:
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
async def test_a_length_that_is_none_is_refused_after_a_known_head_too(connection: Connection, length: bytes) -> None:
    await connection.ask(request(b"a"))
    refused = await connection.ask(HEAD % length + b"a")
    assert (refused.status, refused.code) == (400, "BAD_USER_INPUT")
    assert await connection.closed()


async def test_bytes_between_requests_are_the_parsers(connection: Connection) -> None:
    await connection.ask(request(b"a"))
    await connection.send(b"\r\n")
    assert (await connection.ask(request(b"b"))).body == b"2 Bearer one b"


async def test_a_body_that_reads_like_a_request_makes_no_head_known(connection: Connection) -> None:
    victim = request(b"a", HEAD.replace(b"one", b"two"))
    await connection.send(HEAD % str(len(victim)).encode())
    await asyncio.sleep(0.05)  # so that the body comes in a piece of its own
    assert (await connection.ask(victim)).body == b"1 Bearer one " + victim
    assert (await connection.ask(victim)).body == b"2 Bearer two a"


async def test_what_follows_a_known_request_and_is_no_http_is_refused_in_its_turn(connection: Connection) -> None:
    await connection.ask(request(b"a"))
    await connection.send(request(b"b") + b"\0")
    assert (await connection.response()).status == 200
    assert (await connection.response()).status == 400


async def test_the_last_request_of_a_connection_is_the_last_though_its_head_is_known(connection: Connection) -> None:
    last = HEAD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    await connection.ask(request(b"a"))
    assert (await connection.ask(request(b"b", last))).headers["connection"] == "close"
    assert await connection.closed()


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
        b"POST /%b HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na" % (b"a" * LONGEST_KNOWN),
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na\r",
    ],
)
def test_a_head_that_is_not_written_to_the_letter_is_not_kept(data: bytes) -> None:
    """Whether the parser takes it or not: these are the headers that it would have found."""
    assert known_head(data, HEADERS, Answerer(1, {"headers": HEADERS})) is None


def test_a_head_that_is_written_to_the_letter_is_kept() -> None:
    data = b"POST / HTTP/1.1\r\nhost: a\r\nCONTENT-length:\t 1\r\n\r\na"
    known = known_head(data, HEADERS, Answerer(1, {"headers": HEADERS}))
    assert known is not None
    assert known.body_of(data) == b"a"
    assert known.body_of(data.replace(b" 1", b" 02") + b"b") == b"ab"
    assert known.body_of(data + b"b") is None


def test_a_message_as_long_as_the_last_one_is_read_as_closely() -> None:
    data = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\na"
    known = known_head(data, HEADERS, Answerer(1, {"headers": HEADERS}))
    assert known is not None
    assert known.body_of(data[:-1] + b"b") == b"b"
    assert known.body_of(data.replace(b"host: a", b"host: b")) is None
    assert known.body_of(data.replace(b": 1", b": 2")) is None
    assert known.body_of(data.replace(b": 1\r\n\r\na", b": 01\r\n\r\n")) is None
    assert known.body_of(data.replace(b": 1", b": 2") + b"b") == b"ab"
    assert known.body_of(data + b"b") is None
    assert known.body_of(data) == b"a"
