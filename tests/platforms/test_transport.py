"""The transport against correct servers: bodies, headers, reused connections, request heads."""

import asyncio
import gzip
import json
import zlib

import pytest
from raw_platform import RawPlatform, platform_of, platform_over
from scripted_server import Step, http, scripted, then_close

from gateway.normalise.vocabulary import PlatformName
from gateway.ops.slots import Slots
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
