"""The transport against correct servers: bodies, headers, reused connections, the httpx interface."""

import asyncio
import gzip
import zlib

import httpx
import pytest
from scripted_server import ScriptedServer, Step, http, scripted, then_close
from waiting import until

from gateway.ops.slots import Slots
from gateway.platforms.answer import RawAnswer
from gateway.platforms.large_answers import LargeAnswers
from gateway.platforms.pool import Pool
from gateway.platforms.transport import EngineTransport, request_head

MAX_BODY = 64 * 1024
MAX_VALUES = 50_000


def pool_for(upstream: ScriptedServer, *, slots: int = 4, max_body_bytes: int = MAX_BODY) -> Pool:
    transport = EngineTransport(Slots(slots), LargeAnswers(max_body_bytes, MAX_VALUES))
    return transport.pool(httpx.URL(f"http://127.0.0.1:{upstream.port}"))


async def send(pool: Pool, *, repeatable: bool = True, seconds: float = 30.0, body: bytes = b"a=1") -> RawAnswer:
    head = request_head(b"POST", b"/x", [(b"Host", b"sandbox"), (b"Content-Length", b"%d" % len(body))])
    deadline = asyncio.get_running_loop().time() + seconds
    return await pool.send(head + b"\r\n" + body, deadline, repeatable=repeatable)


async def test_request_is_sent_as_written() -> None:
    async with scripted(http()) as upstream:
        await send(pool_for(upstream))
    assert upstream.requests == [b"POST /x HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 3\r\n\r\na=1"]


async def test_answer_has_its_status_headers_and_body() -> None:
    async with scripted(http(b'{"code":0}', b"Content-Type: text/html", status=b"404 Not Found")) as upstream:
        answer = await send(pool_for(upstream))
    assert (answer.head.status, answer.body) == (404, b'{"code":0}')
    assert answer.head.header(b"content-type") == b"text/html"
    assert answer.head.header(b"retry-after") is None


async def test_header_values_are_trimmed() -> None:
    packed = gzip.compress(b"packed")
    async with scripted(http(packed, b"Content-Encoding: gzip \t", b"Retry-After: 7 ")) as upstream:
        answer = await send(pool_for(upstream))
    assert (answer.body, answer.head.header(b"retry-after")) == (b"packed", b"7")


async def test_one_connection_serves_many_requests() -> None:
    async with scripted(http(b"1"), http(b"2"), http(b"3")) as upstream:
        pool = pool_for(upstream)
        assert [(await send(pool)).body for _ in range(3)] == [b"1", b"2", b"3"]
        assert upstream.connections == 1


async def test_open_connections_do_not_exceed_slots() -> None:
    async with scripted(http()) as upstream:
        pool = pool_for(upstream, slots=3)
        await asyncio.gather(*(send(pool, repeatable=number % 2 == 0) for number in range(30)))
        await until(lambda: upstream.open_connections <= 3)
        assert len(upstream.requests) == 30


async def test_chunked_body_is_joined_across_reads() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Cut inside a character of three bytes, a chunk size, and a line end (quirk 194)."""
        text = "社区".encode()
        whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n%b\r\n4\r\n%b\r\n0\r\n\r\n"
        for byte in whole % (text[:2], text[2:]):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async with scripted(drip, http(b"next")) as upstream:
        pool = pool_for(upstream)
        assert (await send(pool)).body.decode() == "社区"
        assert (await send(pool)).body == b"next"
        assert upstream.connections == 1


async def test_trailers_are_not_headers() -> None:
    trailers = b"Content-Type: text/html; charset=gbk\r\nRetry-After: 7\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with scripted(head + b"2;name=value\r\nok\r\n0\r\n" + trailers + b"\r\n", http(b"next")) as upstream:
        pool = pool_for(upstream)
        answer = await send(pool)
        assert (answer.body, answer.head.headers) == (b"ok", [(b"transfer-encoding", b"chunked")])
        assert (await send(pool)).body == b"next"
        assert upstream.connections == 1


@pytest.mark.parametrize("header", [b"", b"Transfer-Encoding: identity\r\n"])
async def test_body_without_length_ends_with_the_connection(header: bytes) -> None:
    async with scripted(then_close(b"HTTP/1.1 200 OK\r\n" + header + b"\r\nall of it")) as upstream:
        pool = pool_for(upstream)
        assert (await send(pool)).body == b"all of it"
        assert (await send(pool)).body == b"all of it"
        assert upstream.connections == 2


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", http(b"ok", b"Connection: close")]
)
async def test_connection_to_be_closed_is_not_reused(answer: bytes) -> None:
    async with scripted(answer) as upstream:
        pool = pool_for(upstream)
        assert [(await send(pool)).body for _ in range(3)] == [b"ok", b"ok", b"ok"]
        assert upstream.connections == 3


async def test_answer_text_within_a_body_is_body() -> None:
    def in_pieces(answer: bytes, piece: bytes) -> Step:
        async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer.removesuffix(piece))
            await asyncio.sleep(0.02)
            writer.write(piece)

        return step

    inner, other = http(b"inner", b"X-A: 1"), http(b"other", b"X-A: 2")
    steps = (http(b"first", b"X-A: 1"), in_pieces(http(inner), inner), in_pieces(http(other, b"X-A: 3"), other))
    async with scripted(*steps, other) as upstream:
        pool = pool_for(upstream)
        answers = [await send(pool) for _ in range(4)]
        assert [answer.body for answer in answers] == [b"first", inner, other, b"other"]
        assert [answer.head.header(b"x-a") for answer in answers] == [b"1", None, b"3", b"2"]
        assert upstream.connections == 1


async def test_informational_answers_are_skipped() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    async with scripted(early + http(b"final", b"X: y")) as upstream:
        answer = await send(pool_for(upstream))
    assert (answer.head.status, answer.body) == (200, b"final")
    assert answer.head.header(b"link") is None


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_answer_without_a_body_leaves_connection_usable(status: bytes) -> None:
    async with scripted(b"HTTP/1.1 " + status + b"\r\n\r\n", http(b"next")) as upstream:
        pool = pool_for(upstream)
        assert (await send(pool)).body == b""
        assert (await send(pool)).body == b"next"
        assert upstream.connections == 1


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"deflate", raw_deflate)]
)
async def test_compressed_body_is_decompressed(coding: bytes, pack: "type[bytes]") -> None:
    body = "万家灯火".encode() * 1000
    async with scripted(http(pack(body), b"Content-Encoding: " + coding)) as upstream:
        pool = pool_for(upstream)
        assert [(await send(pool)).body for _ in range(2)] == [body, body]


async def test_empty_body_need_not_be_compressed() -> None:
    async with scripted(http(b"", b"Content-Encoding: gzip")) as upstream:
        assert (await send(pool_for(upstream))).body == b""


@pytest.mark.parametrize(
    ("coding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"deflate", raw_deflate)]
)
async def test_fragmented_compressed_body_is_decompressed(coding: bytes, pack: "type[bytes]") -> None:
    """In chunks of a byte, the parser never sees two of the body at once."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % coding
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in pack("万家灯火".encode()))
    async with scripted(head + chunks + b"0\r\n\r\n") as upstream:
        assert (await send(pool_for(upstream))).body.decode() == "万家灯火"


async def test_redirects_are_returned_unfollowed() -> None:
    async with scripted(http(b"", b"Location: http://127.0.0.1:1/", status=b"302 Found")) as upstream:
        assert (await send(pool_for(upstream))).head.status == 302
        assert len(upstream.requests) == 1


async def test_environment_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with scripted(http(b"direct")) as upstream:
        assert (await send(pool_for(upstream))).body == b"direct"


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        (b"POST", b"/a b", []),
        (b"POST", b"/a\r\nX: y", []),
        (b"PO ST", b"/", []),
        (b"POST", b"/", [(b"X", b"a\r\nY: b")]),
        (b"POST", b"/", [(b"X", b"a\0b")]),
        (b"POST", b"/", [(b"X:", b"a")]),
    ],
)
async def test_header_injection_is_refused(method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        request_head(method, target, headers)


async def test_any_httpx_client_can_use_the_transport() -> None:
    script = (http(b"posted"), http(gzip.compress(b"got", mtime=0), b"Content-Encoding: gzip"))
    async with scripted(*script) as upstream:
        transport = EngineTransport(Slots(2), LargeAnswers(MAX_BODY, MAX_VALUES))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{upstream.port}") as client:
            posted = await client.post("/form?q=1", data={"name": "李明"})
            got = await client.get("/")
            with pytest.raises(httpx.LocalProtocolError):  # no platform has any, so the engine does not know them
                await client.head("/")
    assert (posted.text, got.text) == ("posted", "got")
    assert upstream.requests[0].startswith(b"POST /form?q=1 HTTP/1.1\r\n")
    assert upstream.requests[0].endswith(b"\r\n\r\nname=%E6%9D%8E%E6%98%8E")
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(transport=transport) as client:
            await client.get(f"http://127.0.0.1:{upstream.port}/")


async def test_non_http_schemes_are_refused() -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        EngineTransport(Slots(1), LargeAnswers(1, 1)).pool(httpx.URL("ftp://127.0.0.1/"))
