"""The transport against faulty servers: each failure says what happened to the request, and no slot leaks."""

import asyncio
import gzip
import os
import socket
import struct
import tracemalloc
import zlib

import httpx
import pytest
from scripted_server import Step, closed_port, drip, hang, http, scripted, then_close
from test_transport import MAX_BODY, MAX_VALUES, pool_for, send
from waiting import until

from gateway.ops.slots import Slots
from gateway.platforms.answer import AnswerTooLargeError, StaleConnectionError
from gateway.platforms.connection import MAX_HEAD_BYTES
from gateway.platforms.large_answers import LargeAnswers
from gateway.platforms.transport import EngineTransport

TRUNCATED_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"


async def test_refused_connection_means_not_sent() -> None:
    async with closed_port() as port:
        pool = EngineTransport(Slots(1), LargeAnswers(MAX_BODY, MAX_VALUES)).pool(httpx.URL(f"http://127.0.0.1:{port}"))
        with pytest.raises(httpx.ConnectError, match="Connection refused"):
            await send(pool)
        with pytest.raises(httpx.ConnectError):
            await send(pool)  # the slot is free again


async def test_unknown_host_means_not_sent_and_is_not_named() -> None:
    pool = EngineTransport(Slots(1), LargeAnswers(MAX_BODY, MAX_VALUES)).pool(httpx.URL("http://platform.invalid"))
    with pytest.raises(httpx.ConnectError, match="cannot be resolved") as caught:
        await send(pool)
    assert "platform" not in str(caught.value)


async def test_close_without_a_byte_means_unknown() -> None:
    async with scripted(then_close(b"")) as upstream:
        with pytest.raises(httpx.ReadError) as caught:
            await send(pool_for(upstream))
        assert not isinstance(caught.value, StaleConnectionError)
        assert len(upstream.requests) == 1


@pytest.mark.parametrize("repeatable", [True, False])
async def test_partial_answer_is_never_requested_again(repeatable: bool) -> None:
    async with scripted(http(b"first"), then_close(TRUNCATED_ANSWER)) as upstream:
        pool = pool_for(upstream)
        await send(pool)
        with pytest.raises(httpx.ReadError):
            await send(pool, repeatable=repeatable)
        assert len(upstream.requests) == 2


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %b\r\n\r\n4\r\nha"


@pytest.mark.parametrize("cut", [TRUNCATED_ANSWER, CHUNKED % b"chunked", CHUNKED % b"Chunked ", CHUNKED % b"chunked\t"])
async def test_partial_answer_is_an_error_for_any_length_header(cut: bytes) -> None:
    async with scripted(then_close(cut)) as upstream:
        with pytest.raises(httpx.ReadError):
            await send(pool_for(upstream))


async def test_answer_ended_by_a_reset_is_an_error() -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await asyncio.sleep(0.02)
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.transport.abort()

    async with scripted(reset) as upstream:
        with pytest.raises(httpx.ReadError):
            await send(pool_for(upstream))


async def test_repeatable_request_is_resent_after_a_close() -> None:
    """Quirk 193: the server reads the request on a keep-alive connection and closes without an answer."""
    async with scripted(http(b"first"), then_close(b""), http(b"again")) as upstream:
        pool = pool_for(upstream)
        await send(pool)
        assert (await send(pool)).body == b"again"
        assert upstream.connections == 2


async def test_request_is_resent_once_on_a_new_connection() -> None:
    async with scripted(http(), http(), then_close(b""), then_close(b"")) as upstream:
        pool = pool_for(upstream)
        await asyncio.gather(send(pool), send(pool))
        with pytest.raises(httpx.ReadError):
            await send(pool)
        assert (upstream.connections, len(upstream.requests)) == (3, 4)


async def test_unrepeatable_request_uses_a_new_connection() -> None:
    async with scripted(http()) as upstream:
        pool = pool_for(upstream)
        await send(pool)
        await send(pool, repeatable=False)
        assert upstream.connections == 2


async def test_connections_closed_while_idle_are_not_used() -> None:
    async with scripted(http()) as upstream:
        pool = pool_for(upstream)
        await asyncio.gather(*(send(pool) for _ in range(4)))
        upstream.close_connections()
        await until(lambda: upstream.open_connections == 0)
        await asyncio.gather(*(send(pool) for _ in range(4)))
        assert len(upstream.requests) == 8


async def test_unsolicited_bytes_never_become_an_answer() -> None:
    """A second answer behind the first, whole or begun, would be taken for that of the next request."""
    for surplus in (http(b"forged"), b"HTTP/1.1 200", b"\0"):
        async with scripted(http(b"true") + surplus, http(b"next")) as upstream:
            pool = pool_for(upstream)
            assert (await send(pool)).body == b"true"
            assert (await send(pool)).body == b"next"
            assert upstream.connections == 2


async def test_header_with_a_length_but_no_body_is_not_cached() -> None:
    """Of 204 and 1xx the parser passes over a length: it would be read into the next answer with that head."""
    early = b"HTTP/1.1 103 Early Hints\r\nContent-Length: %d\r\n\r\n" % len(http(b"ok"))
    async with scripted(early + http(b"ok"), early + http(b"ko")) as upstream:
        pool = pool_for(upstream)
        assert [(await send(pool)).body for _ in range(2)] == [b"ok", b"ko"]
    async with scripted(http(b"", status=b"204 No Content"), http(b"{}", status=b"204 No Content")) as upstream:
        pool = pool_for(upstream)
        assert [(await send(pool)).body for _ in range(2)] == [b"", b""]


async def test_bytes_on_an_idle_connection_close_the_connection() -> None:
    async def answer_twice(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"true"))
        asyncio.get_running_loop().call_later(0.01, writer.write, http(b"forged"))

    async with scripted(answer_twice, http(b"next")) as upstream:
        pool = pool_for(upstream)
        assert (await send(pool)).body == b"true"
        await until(lambda: upstream.open_connections == 0)
        assert (await send(pool)).body == b"next"


async def test_slow_stream_does_not_extend_the_deadline() -> None:
    async with scripted(drip) as upstream:
        started = asyncio.get_running_loop().time()
        with pytest.raises(httpx.ReadTimeout):
            await send(pool_for(upstream), seconds=0.1)
        assert asyncio.get_running_loop().time() - started < 30


async def test_each_call_on_a_reused_connection_has_its_deadline() -> None:
    async with scripted(http(b"first"), hang) as upstream:
        pool = pool_for(upstream)
        await send(pool, seconds=30)
        with pytest.raises(httpx.ReadTimeout):
            await send(pool, seconds=0.05)
        assert upstream.connections == 1


async def test_earlier_deadline_does_not_end_a_later_call() -> None:
    async def answer_after_deadline(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(passed_at + 0.05 - asyncio.get_running_loop().time())
        writer.write(http(b"second"))

    async with scripted(http(b"first"), answer_after_deadline, hang) as upstream:
        pool = pool_for(upstream)
        passed_at = asyncio.get_running_loop().time() + 0.1
        await send(pool, seconds=0.1)
        assert (await send(pool, seconds=30)).body == b"second"
        with pytest.raises(httpx.ReadTimeout):
            await send(pool, seconds=0.05)
        assert upstream.connections == 1


async def test_wait_for_a_slot_times_out_unsent() -> None:
    async with scripted(hang) as upstream:
        pool = pool_for(upstream, slots=1)
        first = asyncio.create_task(send(pool, seconds=60))
        await until(lambda: len(upstream.requests) == 1)
        with pytest.raises(httpx.PoolTimeout):
            await send(pool, seconds=0.05)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        http(b"x" * (MAX_BODY + 1)),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_BODY + 1),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"4000\r\n"
        + b"x" * 0x4000
        + b"\r\n"
        + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 4,
        http(gzip.compress(b"x" * (MAX_BODY + 1), mtime=0), b"Content-Encoding: gzip"),
        http(zlib.compress(b"x" * 64_000_000), b"Content-Encoding: deflate"),
    ],
    ids=["length", "claimed length", "until close", "chunked", "gzip", "deflate bomb"],
)
async def test_body_beyond_the_limit_is_refused_while_read(answer: bytes) -> None:
    async with scripted(answer) as upstream:
        with pytest.raises(AnswerTooLargeError):
            await send(pool_for(upstream))
        await until(lambda: upstream.open_connections == 0)


async def test_body_at_the_limit_is_read() -> None:
    body = os.urandom(MAX_BODY)
    async with scripted(http(body), http(gzip.compress(body), b"Content-Encoding: gzip")) as upstream:
        pool = pool_for(upstream)
        assert (await send(pool)).body == body
        with pytest.raises(AnswerTooLargeError):
            await send(pool)  # incompressible: the wire bytes alone are beyond the cap


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MAX_HEAD_BYTES,
        b"HTTP/1.1 200 " + b"O" * 2 * MAX_HEAD_BYTES,
        b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_HEAD_BYTES,
    ],
    ids=["headers", "status line", "forerunners"],
)
async def test_endless_header_is_refused(head: bytes) -> None:
    async with scripted(head) as upstream:
        with pytest.raises(AnswerTooLargeError):
            await send(pool_for(upstream))


async def test_body_at_the_limit_may_come_in_small_chunks() -> None:
    size = 16 * MAX_HEAD_BYTES
    chunks = b"8\r\n12345678\r\n" * (size // 8)
    async with scripted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n") as upstream:
        assert len((await send(pool_for(upstream, max_body_bytes=size))).body) == size


async def test_decompression_stops_at_the_limit() -> None:
    packed = gzip.compress(bytes(50_000_000))
    async with scripted(http(packed, b"Content-Encoding: gzip")) as upstream:
        pool = pool_for(upstream)
        tracemalloc.start()
        try:
            with pytest.raises(AnswerTooLargeError):
                await send(pool)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 5_000_000


async def test_endless_chunk_frames_are_refused() -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1")
        while not writer.is_closing():
            writer.write(b";ext=" + b"x" * 10_000)
            await writer.drain()

    async with scripted(endless) as upstream:
        with pytest.raises(AnswerTooLargeError):
            await send(pool_for(upstream))


@pytest.mark.parametrize(
    "answer",
    [
        b"220 smtp.invalid ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        http(b"x", b"Content-Encoding: br"),
        http(b"x", b"Content-Encoding: gzip, gzip"),
        http(b"not gzip", b"Content-Encoding: gzip"),
        http(gzip.compress(b"cut" * 1000, mtime=0)[:-10], b"Content-Encoding: gzip"),
        http(gzip.compress(b"first", mtime=0) + gzip.compress(b"second", mtime=0), b"Content-Encoding: gzip"),
    ],
)
async def test_malformed_answer_is_a_protocol_error(answer: bytes) -> None:
    async with scripted(answer, http(b"next")) as upstream:
        pool = pool_for(upstream)
        with pytest.raises(httpx.RemoteProtocolError):
            await send(pool)
        assert (await send(pool)).body == b"next"


async def test_bytes_after_a_compressed_body_are_not_collected() -> None:
    """Its first byte ends the call. To gather a million in chunks of one stops the loop beyond any deadline."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    packed = gzip.compress(b"{}")
    async with scripted(head + b"%x\r\n%b\r\n1\r\nx\r\n" % (len(packed), packed)) as upstream:
        with pytest.raises(httpx.RemoteProtocolError, match="cannot be decompressed"):
            await send(pool_for(upstream), seconds=0.5)


@pytest.mark.parametrize("step", [hang, then_close(b""), then_close(TRUNCATED_ANSWER), b"garbage\r\n"])
async def test_failures_free_their_slots(step: Step) -> None:
    async with scripted(*[step] * 8, http(b"fine")) as upstream:
        pool = pool_for(upstream, slots=2)
        for _ in range(4):
            results = await asyncio.gather(send(pool, seconds=0.03), send(pool, seconds=0.03), return_exceptions=True)
            assert all(isinstance(result, httpx.TransportError) for result in results)
        assert [answer.body for answer in await asyncio.gather(send(pool), send(pool))] == [b"fine", b"fine"]


async def test_cancelled_call_closes_connection_and_frees_slot() -> None:
    async with scripted(hang, http(b"fine")) as upstream:
        pool = pool_for(upstream, slots=1)
        call = asyncio.create_task(send(pool))
        await until(lambda: len(upstream.requests) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: upstream.open_connections == 0)
        assert (await send(pool)).body == b"fine"


async def test_aclose_closes_idle_connections() -> None:
    async with scripted(http()) as upstream:
        transport = EngineTransport(Slots(2), LargeAnswers(MAX_BODY, MAX_VALUES))
        await send(transport.pool(httpx.URL(f"http://127.0.0.1:{upstream.port}")))
        await transport.aclose()
        await until(lambda: upstream.open_connections == 0)
