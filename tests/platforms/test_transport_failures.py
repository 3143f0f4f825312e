"""The transport against faulty servers: each failure says what happened to the request, and no slot leaks."""

import asyncio
import gzip
import os
import socket
import ssl
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from raw_platform import MAX_BODY, platform_at, platform_over
from scripted_server import Step, closed_port, hang, http, scripted, then_close
from waiting import until

from gateway.errors import ConnectionLostError, NotSentError, PlatformError, PlatformTimeoutError, ProtocolError
from gateway.platforms.answer import LARGE
from gateway.platforms.connection import MAX_HEAD_BYTES

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = b"Content-Encoding: gzip"
TRUNCATED = OK + b"Content-Length: 10\r\n\r\nhalf"
PACKED = gzip.compress(b"{}")


class TestNotSent:
    async def test_refused_connection(self) -> None:
        async with closed_port() as port:
            platform = platform_at(f"http://127.0.0.1:{port}", slots=1)
            for _ in range(2):  # the slot is free again
                with pytest.raises(NotSentError, match="Connection refused"):
                    await platform.send()

    async def test_unknown_host_is_not_named(self) -> None:
        with pytest.raises(NotSentError, match="cannot be resolved") as caught:
            await platform_at("http://platform.invalid").send()
        assert "invalid" not in str(caught.value)

    @pytest.mark.parametrize(("host", "is_trusted"), [("localhost", False), ("127.0.0.1", True)])
    async def test_certificate_does_not_verify(
        self, certificate: Path, server_side: ssl.SSLContext, host: str, is_trusted: bool
    ) -> None:
        tls = ssl.create_default_context(cafile=certificate if is_trusted else None)
        async with scripted(http(), tls=server_side) as upstream:
            with pytest.raises(NotSentError, match="certificate") as caught:
                await platform_at(f"https://{host}:{upstream.port}", tls=tls).send()
            assert host not in str(caught.value)
            assert upstream.requests == []

    @pytest.mark.parametrize(
        ("says", "expected"),
        [
            (b"220 smtp.invalid ESMTP\r\n", "The TLS connection to the server failed"),
            (b"", "No connection to the platform was made in time"),
        ],
    )
    async def test_tls_handshake_fails(self, says: bytes, expected: str) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(says)
            await reader.read()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(PlatformError, match=expected) as caught:
                await platform_at(url, tls=ssl.create_default_context()).send(seconds=30 if says else 0.1)
        assert not caught.value.sent


async def test_tls_connection_is_reused(certificate: Path, server_side: ssl.SSLContext) -> None:
    script = http(b"x" * 40_000), then_close(OK + b"\r\nto the end")
    async with scripted(*script, tls=server_side) as upstream:
        tls = ssl.create_default_context(cafile=certificate)
        platform = platform_at(f"https://localhost:{upstream.port}", tls=tls)
        assert len((await platform.send()).body) == 40_000
        assert (await platform.send()).body == b"to the end"
        assert upstream.connections == 1


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"\r\nhalf")
    await asyncio.sleep(0.02)
    at_once = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()


async def endless_frames(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(CHUNKED + b"1")
    while not writer.is_closing():
        writer.write(b";ext=" + b"x" * 10_000)
        await writer.drain()


def values(part: bytes) -> bytes:
    """The first bytes of many values: what is left of them never comes."""
    return OK + b"Content-Length: %d\r\n\r\n[" % MAX_BODY + part * (2 * LARGE // len(part))


LOST: dict[str, Step] = {
    "none": then_close(b""),
    "cut": then_close(TRUNCATED),
    **{
        f"cut {coding!r}": then_close(OK + b"Transfer-Encoding: %b\r\n\r\n4\r\nha" % coding)
        for coding in (b"chunked", b"Chunked ", b"chunked\t")
    },
    "reset": reset,
}
TOO_LARGE: dict[str, Step] = {
    "length": http(b"x" * (MAX_BODY + 1)),
    "claimed length": OK + b"Content-Length: 99999999999\r\n\r\n",
    "until close": OK + b"\r\n" + b"x" * (MAX_BODY + 1),
    "chunked": CHUNKED + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * (MAX_BODY // 0x4000 + 1),
    "gzip": http(gzip.compress(b"x" * (MAX_BODY + 1), mtime=0), GZIP),
    "incompressible": http(gzip.compress(os.urandom(MAX_BODY)), GZIP),
    "deflate bomb": http(zlib.compress(b"x" * 64_000_000), b"Content-Encoding: deflate"),
    "headers": OK + b"X: y\r\n" * MAX_HEAD_BYTES,
    "status line": b"HTTP/1.1 200 " + b"O" * 2 * MAX_HEAD_BYTES,
    "forerunners": b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_HEAD_BYTES,
    "frames": endless_frames,
}
MALFORMED: dict[str, Step] = {
    "no HTTP": b"220 smtp.invalid ESMTP\r\n",
    "length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
    "no chunk": CHUNKED + b"zz\r\n",
    "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "brotli": http(b"x", b"Content-Encoding: br"),
    "twice": http(b"x", b"Content-Encoding: gzip, gzip"),
    "no gzip": http(b"not gzip", GZIP),
    "cut gzip": http(gzip.compress(b"cut" * 1000, mtime=0)[:-10], GZIP),
    "two gzips": http(PACKED + PACKED, GZIP),
    # its first byte ends the call: to gather a million in chunks of one stops the loop beyond any deadline
    "byte after gzip": OK + GZIP + b"\r\n" + CHUNKED[len(OK) :] + b"%x\r\n%b\r\n1\r\nx\r\n" % (len(PACKED), PACKED),
}
FAILURES: list[Any] = [
    *(pytest.param(step, ConnectionLostError, None, id=f"lost-{name}") for name, step in LOST.items()),
    *(pytest.param(step, ProtocolError, "too (large|much)", id=f"large-{name}") for name, step in TOO_LARGE.items()),
    *(pytest.param(step, ProtocolError, None, id=f"malformed-{name}") for name, step in MALFORMED.items()),
    *(
        pytest.param(values(part), ProtocolError, "too many values", id=f"values-{part!r}")
        for part in (b"1,", b"[],", b"{},", b"[", rb"\u002c")
    ),
    pytest.param(hang, PlatformTimeoutError, "in time", id="hang"),
]


@pytest.mark.parametrize(("step", "error", "message"), FAILURES)
async def test_failed_answer_has_its_error_and_ends_its_connection(
    step: Step, error: type[PlatformError], message: str | None
) -> None:
    async with platform_over(step, step, http(b"next"), slots=1, max_values=1000) as (upstream, platform):
        for repeatable in (False, True):
            with pytest.raises(error, match=message) as caught:
                await platform.send(repeatable=repeatable, seconds=0.05 if step is hang else 30)
            assert caught.value.sent
            await until(lambda: upstream.open_connections == 0)
        assert (await platform.send()).body == b"next"
        assert len(upstream.requests) == 3


class TestKeptConnections:
    @pytest.mark.parametrize("repeatable", [True, False])
    async def test_partial_answer_is_not_requested_again(self, repeatable: bool) -> None:
        async with platform_over(http(b"first"), then_close(TRUNCATED)) as (upstream, platform):
            await platform.send()
            with pytest.raises(ConnectionLostError):
                await platform.send(repeatable=repeatable)
            assert len(upstream.requests) == 2

    async def test_repeatable_request_is_resent_after_a_close(self) -> None:
        """Quirk 193: the server reads the request on a keep-alive connection and closes without an answer."""
        async with platform_over(http(b"first"), then_close(b""), http(b"again")) as (upstream, platform):
            await platform.send()
            assert (await platform.send()).body == b"again"
            assert upstream.connections == 2

    async def test_request_is_resent_once_on_a_new_connection(self) -> None:
        async with platform_over(http(), http(), then_close(b""), then_close(b"")) as (upstream, platform):
            await asyncio.gather(platform.send(), platform.send())
            with pytest.raises(ConnectionLostError):
                await platform.send()
            assert (upstream.connections, len(upstream.requests)) == (3, 4)

    async def test_unrepeatable_or_late_request_uses_a_new_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with platform_over(http()) as (upstream, platform):
            await platform.send()
            await platform.send(repeatable=False)
            assert upstream.connections == 2
            monkeypatch.setattr("gateway.platforms.connection.IDLE_SECONDS", 0.0)
            await platform.send()
            assert upstream.connections == 3

    async def test_connections_closed_while_idle_are_not_used(self) -> None:
        async with platform_over(http()) as (upstream, platform):
            await asyncio.gather(*(platform.send() for _ in range(4)))
            upstream.close_connections()
            await until(lambda: upstream.open_connections == 0)
            await asyncio.gather(*(platform.send() for _ in range(4)))
            assert len(upstream.requests) == 8

    async def test_unsolicited_bytes_never_become_an_answer(self) -> None:
        """A second answer behind the first, whole, begun or late, would be taken for that of the next request."""

        async def answer_twice(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(http(b"true"))
            asyncio.get_running_loop().call_later(0.01, writer.write, http(b"forged"))

        steps: list[Step] = [http(b"true") + surplus for surplus in (http(b"forged"), b"HTTP/1.1 200", b"\0")]
        for step in (*steps, answer_twice):
            async with platform_over(step, http(b"next")) as (upstream, platform):
                assert (await platform.send()).body == b"true"
                await until(lambda: upstream.open_connections == 0)
                assert (await platform.send()).body == b"next"

    async def test_header_with_a_length_but_no_body_is_not_cached(self) -> None:
        """Of 204 and 1xx the parser passes over a length: it would be read into the next answer with that head."""
        early = b"HTTP/1.1 103 Early Hints\r\nContent-Length: %d\r\n\r\n" % len(http(b"ok"))
        async with platform_over(early + http(b"ok"), early + http(b"ko")) as (_, platform):
            assert [(await platform.send()).body for _ in range(2)] == [b"ok", b"ko"]
        empty = (http(body, status=b"204 No Content") for body in (b"", b"{}"))
        async with platform_over(*empty) as (_, platform):
            assert [(await platform.send()).body for _ in range(2)] == [b"", b""]

    async def test_each_call_has_its_own_deadline(self) -> None:
        async def answer_after_deadline(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(passed_at + 0.05 - asyncio.get_running_loop().time())
            writer.write(http(b"second"))

        async with platform_over(http(b"first"), answer_after_deadline, hang) as (upstream, platform):
            passed_at = asyncio.get_running_loop().time() + 0.1
            await platform.send(seconds=0.1)
            assert (await platform.send(seconds=30)).body == b"second"
            with pytest.raises(PlatformTimeoutError):
                await platform.send(seconds=0.05)
            assert upstream.connections == 1


async def test_body_at_the_limit_is_read_in_small_chunks_too() -> None:
    size = 16 * MAX_HEAD_BYTES
    chunked = CHUNKED + b"8\r\n12345678\r\n" * (size // 8) + b"0\r\n\r\n"
    async with platform_over(http(b"x" * size), chunked, max_bytes=size) as (_, platform):
        assert [len((await platform.send()).body) for _ in range(2)] == [size, size]


async def test_decompression_stops_at_the_limit() -> None:
    async with platform_over(http(gzip.compress(bytes(50_000_000)), GZIP)) as (_, platform):
        tracemalloc.start()
        try:
            with pytest.raises(ProtocolError, match="too large"):
                await platform.send()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 5_000_000
