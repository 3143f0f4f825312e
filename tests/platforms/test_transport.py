"""The transport against correct servers: bodies, headers, reused connections, request heads; large answers in turn and
within their memory; and cancelled calls, which leak no slot and no connection, and whose answer is not that of another.
"""

import asyncio
import gzip
import json
import zlib

import pytest
from raw_platform import READ, RawPlatform, platform_of, platform_over
from scripted_server import ScriptedServer, Step, http, scripted, then_close
from waiting import until

from gateway.errors import PlatformTimeoutError
from gateway.normalise.vocabulary import PlatformName
from gateway.ops.slots import Slots
from gateway.platforms.answer import ANSWERS_HELD, LARGE, LargeAnswers
from gateway.platforms.call import Call
from gateway.platforms.endpoint import JSON, USER_AGENT, Effect, Endpoint, Upstream
from gateway.platforms.session import Credential


async def test_request_has_its_headers_and_form() -> None:
    async with scripted(http()) as upstream:
        await platform_of(upstream).send()
    [request] = upstream.requests
    head, _, body = request.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    assert (line, body) == (b"POST /x?y=1 HTTP/1.1", b"a=1")
    assert headers == [
        b"Host: 127.0.0.1:%d" % upstream.port,
        b"User-Agent: %b" % USER_AGENT.encode(),
        *(b"Accept: application/json", b"Accept-Encoding: identity"),
        *(b"Content-Type: application/x-www-form-urlencoded", b"Content-Length: 3"),
    ]


async def test_arguments_may_be_sent_as_json() -> None:
    endpoint = Endpoint(PlatformName.WJDH, "vehicles", "POST", "vehicles", Effect.READ, encoding=JSON)
    arguments = {"plate": "京A1&b=c", "page": {"number": 1}}
    async with scripted(http()) as server:
        url, upstream = f"http://127.0.0.1:{server.port}", Upstream((endpoint,), Slots(1), 30.0)
        await Call(RawPlatform(url, Credential("Bearer static"), upstream), endpoint, arguments, lambda *_: None)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert {b"Authorization: Bearer static", b"Content-Type: application/json"} <= {*head.split(b"\r\n")}
    assert json.loads(body) == arguments


async def test_answer_has_its_status_headers_and_body() -> None:
    headers = b"Content-Type: text/html", b"Content-Encoding: gzip \t", b"Retry-After: 7 "
    async with scripted(http(gzip.compress(b"packed"), *headers, status=b"404 Not Found")) as upstream:
        answer = await platform_of(upstream).send()
    assert (answer.head.status, answer.body) == (404, b"packed")
    names = (b"content-type", b"retry-after", b"location")
    assert [*map(answer.head.header, names)] == [b"text/html", b"7", None]


async def test_chunked_body_is_joined_across_reads() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Cut inside a character of three bytes, a chunk size, and a line end (quirk 194)."""
        text = "社区".encode()
        whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n%b\r\n4\r\n%b\r\n0\r\n\r\n"
        for byte in whole % (text[:2], text[2:]):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async with platform_over(drip, http(b"next")) as (upstream, platform):
        assert (await platform.send()).body.decode() == "社区"
        assert (await platform.send()).body == b"next"
        assert upstream.connections == 1


async def test_trailers_are_not_headers() -> None:
    trailers = b"Content-Type: text/html; charset=gbk\r\nRetry-After: 7\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;name=value\r\nok\r\n0\r\n%b\r\n" % trailers
    async with platform_over(answer, http(b"next")) as (upstream, platform):
        found = await platform.send()
        assert (found.body, found.head.headers) == (b"ok", [(b"transfer-encoding", b"chunked")])
        assert (await platform.send()).body == b"next"
        assert upstream.connections == 1


@pytest.mark.parametrize(
    ("answer", "body", "connections"),
    [
        (then_close(b"HTTP/1.1 200 OK\r\n\r\nto the end"), b"to the end", 3),
        (then_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nto the end"), b"to the end", 3),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", 3),
        (http(b"ok", b"Connection: close"), b"ok", 3),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", 1),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", b"", 1),
    ],
)
async def test_connection_is_reused_unless_its_answer_ends_it(answer: Step, body: bytes, connections: int) -> None:
    async with platform_over(answer, answer, http(b"next")) as (upstream, platform):
        assert [(await platform.send()).body for _ in range(3)] == [body, body, b"next"]
        assert upstream.connections == connections


async def test_answer_text_within_a_body_is_body() -> None:
    def in_pieces(answer: bytes, piece: bytes) -> Step:
        async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer.removesuffix(piece))
            await asyncio.sleep(0.02)
            writer.write(piece)

        return step

    inner, other = http(b"inner", b"X-A: 1"), http(b"other", b"X-A: 2")
    steps = (http(b"first", b"X-A: 1"), in_pieces(http(inner), inner), in_pieces(http(other, b"X-A: 3"), other))
    async with platform_over(*steps, other) as (upstream, platform):
        answers = [await platform.send() for _ in range(4)]
        assert [answer.body for answer in answers] == [b"first", inner, other, b"other"]
        assert [answer.head.header(b"x-a") for answer in answers] == [b"1", None, b"3", b"2"]
        assert upstream.connections == 1


async def test_informational_answers_are_skipped() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with scripted(early + http(b"final", b"X: y")) as upstream:
        answer = await platform_of(upstream).send()
    assert (answer.head.status, answer.body) == (200, b"final")
    assert answer.head.header(b"link") is None


@pytest.mark.parametrize(("coding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
async def test_compressed_body_is_decompressed(coding: bytes, pack: "type[bytes]") -> None:
    """Also in chunks of a byte: the parser never sees two of the body at once."""
    body = "万家灯火".encode() * 1000
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % coding
    chunked = head + b"".join(b"1\r\n%c\r\n" % byte for byte in pack(body)) + b"0\r\n\r\n"
    header = b"Content-Encoding: " + coding
    async with platform_over(http(pack(body), header), chunked, http(b"", header)) as (_, platform):
        assert [(await platform.send()).body for _ in range(3)] == [body, body, b""]


async def test_environment_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with scripted(http(b"direct")) as upstream:
        assert (await platform_of(upstream).send()).body == b"direct"


MIB = 1024 * 1024
PIECE = 256 * 1024
"""What comes of a socket at once, at most."""

CALLS = 16
TEXT = b'"' + b"x" * (2 * LARGE) + b'"'


class Gate:
    """Answers that stop after their first bytes until the gate is opened."""

    def __init__(self, body: bytes, first: int) -> None:
        self.first = first
        self.open = asyncio.Event()
        self._answer = http(body)
        self._head = len(self._answer) - len(body)

    @property
    def step(self) -> Step:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stop = self._head + self.first
            writer.write(self._answer[:stop])
            await self.open.wait()
            writer.write(self._answer[stop:])

        return answer


def platform_with(upstream: ScriptedServer) -> RawPlatform:
    return platform_of(upstream, slots=2 * CALLS, max_bytes=MIB)


async def test_large_answers_are_parsed_one_per_turn() -> None:
    gate = Gate(TEXT, len(TEXT) - 1)
    async with scripted(gate.step) as upstream:
        platform = platform_with(upstream)
        loop = asyncio.get_running_loop()
        turn, turns = 0, []

        def next_turn() -> None:
            nonlocal turn
            turn += 1
            if len(turns) < CALLS:
                loop.call_soon(next_turn)

        for _ in range(CALLS):
            Call(platform, READ, {}, lambda *_: turns.append(turn)).begin()
        await until(lambda: len(upstream.requests) == CALLS)
        gate.open.set()
        next_turn()
        await until(lambda: len(turns) == CALLS)
    assert len(set(turns)) == CALLS


async def test_large_answers_hold_their_budget_and_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"x" * MIB
    gate = Gate(body, LARGE + 1)
    held = []
    hold = LargeAnswers.hold

    def hold_and_note(self: LargeAnswers, *what: object) -> None:
        hold(self, *what)  # type: ignore[arg-type] # as it came
        held.append(self.held)

    monkeypatch.setattr(LargeAnswers, "hold", hold_and_note)
    async with scripted(*[gate.step] * CALLS, http()) as upstream:
        platform = platform_with(upstream)
        calls = [asyncio.create_task(platform.send(seconds=10)) for _ in range(CALLS)]
        await until(lambda: bool(held) and held[-1] == CALLS * (LARGE + 1))
        gate.open.set()
        answers = await asyncio.gather(*calls)
        assert [answer.body for answer in answers] == [body] * CALLS
        assert max(held) <= (ANSWERS_HELD + 1) * MIB + PIECE

        opened = upstream.connections  # those that were paused read their next answer
        answers = await asyncio.gather(*(platform.send() for _ in range(CALLS)))
        assert upstream.connections == opened
    assert [answer.body for answer in answers] == [b"{}"] * CALLS
    assert platform.large_answers.held == 0


async def test_cancelled_and_late_large_answers_are_released() -> None:
    gate = Gate(TEXT, len(TEXT) - 1)
    async with scripted(gate.step) as upstream:
        platform = platform_with(upstream)
        held = platform.large_answers
        cancelled = asyncio.create_task(platform.send())
        late = asyncio.create_task(platform.send(seconds=3))
        await until(lambda: held.held == 2 * (len(TEXT) - 1))
        cancelled.cancel()
        with pytest.raises(PlatformTimeoutError):
            await late
        assert held.held == 0
        assert platform.slots.taken == 0


SLOTS = 2
WRITTEN = {
    "whole": lambda number: [http(number)],
    "packed": lambda number: [*http(gzip.compress(number), b"Content-Encoding: gzip").partition(b"\r\n\r\n")],
    "chunked": lambda number: [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *(b"1\r\n%c\r\n" % digit for digit in number),
        b"0\r\n\r\n",
    ],
}


@pytest.mark.parametrize("manner", WRITTEN)
@pytest.mark.parametrize("repeatable", [True, False])
async def test_cancelled_calls_leave_nothing_behind(manner: str, repeatable: bool) -> None:
    """Before they begin, in the queue, while connecting, within the request and within the answer."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in WRITTEN[manner](upstream.requests[-1].rpartition(b"=")[2]):
            writer.write(piece)
            await asyncio.sleep(0)

    async with scripted(answer) as upstream:
        platform = platform_of(upstream, slots=SLOTS)
        for turns in range(40):
            asked = [turns * 10 + number for number in range(3 * SLOTS)]
            calls = [
                asyncio.create_task(platform.send(repeatable=repeatable, question=str(number))) for number in asked
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            results = await asyncio.gather(*calls, return_exceptions=True)
            for position, (number, result) in enumerate(zip(asked, results, strict=True)):
                is_cancelled = isinstance(result, asyncio.CancelledError) and position % 2 == 0
                assert is_cancelled or result.body == b"%d" % number
            assert (platform.slots.taken, platform.slots.waiting) == (0, 0)
        await until(lambda: upstream.open_connections <= SLOTS)
