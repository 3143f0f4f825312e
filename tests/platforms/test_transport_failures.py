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

import pytest
from raw_platform import MAX_BODY, platform_at, platform_of
from scripted_server import Step, closed_port, hang, http, scripted, then_close
from waiting import until

from gateway.errors import ConnectionLostError, NotSentError, PlatformError, PlatformTimeoutError, ProtocolError
from gateway.platforms.connection import MAX_HEAD_BYTES

TOO_LARGE = "too large|too much"
TRUNCATED_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %b\r\n\r\n4\r\nha"


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
            (b"220 smtp.invalid ESMTP\r\n", "The server does not speak TLS"),
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
    script = http(b"x" * 40_000), then_close(b"HTTP/1.1 200 OK\r\n\r\nto the end")
    async with scripted(*script, tls=server_side) as upstream:
        tls = ssl.create_default_context(cafile=certificate)
        platform = platform_at(f"https://localhost:{upstream.port}", tls=tls)
        assert len((await platform.send()).body) == 40_000
        assert (await platform.send()).body == b"to the end"
        assert upstream.connections == 1


class TestLost:
    @pytest.mark.parametrize(
        "answer", [b"", TRUNCATED_ANSWER, *[CHUNKED % coding for coding in (b"chunked", b"Chunked ", b"chunked\t")]]
    )
    async def test_partial_answer(self, answer: bytes) -> None:
        async with scripted(then_close(answer)) as upstream:
            with pytest.raises(ConnectionLostError):
                await platform_of(upstream).send()
            assert len(upstream.requests) == 1

    @pytest.mark.parametrize("repeatable", [True, False])
    async def test_partial_answer_on_a_kept_connection_is_not_requested_again(self, repeatable: bool) -> None:
        async with scripted(http(b"first"), then_close(TRUNCATED_ANSWER)) as upstream:
            platform = platform_of(upstream)
            await platform.send()
            with pytest.raises(ConnectionLostError):
                await platform.send(repeatable=repeatable)
            assert len(upstream.requests) == 2

    async def test_answer_ended_by_a_reset(self) -> None:
        async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
            await asyncio.sleep(0.02)
            at_once = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            writer.transport.abort()

        async with scripted(reset) as upstream:
            with pytest.raises(ConnectionLostError):
                await platform_of(upstream).send()


class TestKeptConnections:
    async def test_repeatable_request_is_resent_after_a_close(self) -> None:
        """Quirk 193: the server reads the request on a keep-alive connection and closes without an answer."""
        async with scripted(http(b"first"), then_close(b""), http(b"again")) as upstream:
            platform = platform_of(upstream)
            await platform.send()
            assert (await platform.send()).body == b"again"
            assert upstream.connections == 2

    async def test_request_is_resent_once_on_a_new_connection(self) -> None:
        async with scripted(http(), http(), then_close(b""), then_close(b"")) as upstream:
            platform = platform_of(upstream)
            await asyncio.gather(platform.send(), platform.send())
            with pytest.raises(ConnectionLostError):
                await platform.send()
            assert (upstream.connections, len(upstream.requests)) == (3, 4)

    async def test_unrepeatable_request_uses_a_new_connection(self) -> None:
        async with scripted(http()) as upstream:
            platform = platform_of(upstream)
            await platform.send()
            await platform.send(repeatable=False)
            assert upstream.connections == 2

    async def test_connections_closed_while_idle_are_not_used(self) -> None:
        async with scripted(http()) as upstream:
            platform = platform_of(upstream)
            await asyncio.gather(*(platform.send() for _ in range(4)))
            upstream.close_connections()
            await until(lambda: upstream.open_connections == 0)
            await asyncio.gather(*(platform.send() for _ in range(4)))
            assert len(upstream.requests) == 8

    async def test_long_idle_connection_is_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with scripted(http()) as upstream:
            platform = platform_of(upstream)
            await platform.send()
            monkeypatch.setattr("gateway.platforms.connection.IDLE_SECONDS", 0.0)
            await platform.send()
            assert upstream.connections == 2

    async def test_unsolicited_bytes_never_become_an_answer(self) -> None:
        """A second answer behind the first, whole or begun, would be taken for that of the next request."""
        for surplus in (http(b"forged"), b"HTTP/1.1 200", b"\0"):
            async with scripted(http(b"true") + surplus, http(b"next")) as upstream:
                platform = platform_of(upstream)
                assert (await platform.send()).body == b"true"
                assert (await platform.send()).body == b"next"
                assert upstream.connections == 2

    async def test_bytes_on_an_idle_connection_close_it(self) -> None:
        async def answer_twice(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(http(b"true"))
            asyncio.get_running_loop().call_later(0.01, writer.write, http(b"forged"))

        async with scripted(answer_twice, http(b"next")) as upstream:
            platform = platform_of(upstream)
            assert (await platform.send()).body == b"true"
            await until(lambda: upstream.open_connections == 0)
            assert (await platform.send()).body == b"next"

    async def test_header_with_a_length_but_no_body_is_not_cached(self) -> None:
        """Of 204 and 1xx the parser passes over a length: it would be read into the next answer with that head."""
        early = b"HTTP/1.1 103 Early Hints\r\nContent-Length: %d\r\n\r\n" % len(http(b"ok"))
        async with scripted(early + http(b"ok"), early + http(b"ko")) as upstream:
            platform = platform_of(upstream)
            assert [(await platform.send()).body for _ in range(2)] == [b"ok", b"ko"]
        async with scripted(http(b"", status=b"204 No Content"), http(b"{}", status=b"204 No Content")) as upstream:
            platform = platform_of(upstream)
            assert [(await platform.send()).body for _ in range(2)] == [b"", b""]

    async def test_closed_client_closes_them(self) -> None:
        async with scripted(http()) as upstream:
            platform = platform_of(upstream)
            await platform.send()
            await platform.aclose()
            await until(lambda: upstream.open_connections == 0)


class TestCaps:
    @pytest.mark.parametrize(
        "answer",
        [
            http(b"x" * (MAX_BODY + 1)),
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_BODY + 1),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 5,
            http(gzip.compress(b"x" * (MAX_BODY + 1), mtime=0), b"Content-Encoding: gzip"),
            http(zlib.compress(b"x" * 64_000_000), b"Content-Encoding: deflate"),
        ],
        ids=["length", "claimed length", "until close", "chunked", "gzip", "deflate bomb"],
    )
    async def test_body_beyond_the_limit_is_refused_while_read(self, answer: bytes) -> None:
        async with scripted(answer) as upstream:
            with pytest.raises(ProtocolError, match=TOO_LARGE):
                await platform_of(upstream).send()
            await until(lambda: upstream.open_connections == 0)

    async def test_body_at_the_limit_is_read(self) -> None:
        body = os.urandom(MAX_BODY)
        async with scripted(http(body), http(gzip.compress(body), b"Content-Encoding: gzip")) as upstream:
            platform = platform_of(upstream)
            assert (await platform.send()).body == body
            with pytest.raises(ProtocolError, match=TOO_LARGE):
                await platform.send()  # incompressible: the wire bytes alone are beyond the cap

    async def test_body_at_the_limit_may_come_in_small_chunks(self) -> None:
        size = 16 * MAX_HEAD_BYTES
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8\r\n12345678\r\n" * (size // 8)
        async with scripted(answer + b"0\r\n\r\n") as upstream:
            assert len((await platform_of(upstream, max_bytes=size).send()).body) == size

    async def test_decompression_stops_at_the_limit(self) -> None:
        packed = gzip.compress(bytes(50_000_000))
        async with scripted(http(packed, b"Content-Encoding: gzip")) as upstream:
            platform = platform_of(upstream)
            tracemalloc.start()
            try:
                with pytest.raises(ProtocolError, match=TOO_LARGE):
                    await platform.send()
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert peak < 5_000_000

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MAX_HEAD_BYTES,
            b"HTTP/1.1 200 " + b"O" * 2 * MAX_HEAD_BYTES,
            b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_HEAD_BYTES,
        ],
        ids=["headers", "status line", "forerunners"],
    )
    async def test_endless_header_is_refused(self, head: bytes) -> None:
        async with scripted(head) as upstream:
            with pytest.raises(ProtocolError, match=TOO_LARGE):
                await platform_of(upstream).send()

    async def test_endless_chunk_frames_are_refused(self) -> None:
        async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1")
            while not writer.is_closing():
                writer.write(b";ext=" + b"x" * 10_000)
                await writer.drain()

        async with scripted(endless) as upstream:
            with pytest.raises(ProtocolError, match=TOO_LARGE):
                await platform_of(upstream).send()


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
        platform = platform_of(upstream)
        with pytest.raises(ProtocolError):
            await platform.send()
        assert (await platform.send()).body == b"next"


async def test_each_call_on_a_kept_connection_has_its_own_deadline() -> None:
    async def answer_after_deadline(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(passed_at + 0.05 - asyncio.get_running_loop().time())
        writer.write(http(b"second"))

    async with scripted(http(b"first"), answer_after_deadline, hang) as upstream:
        platform = platform_of(upstream)
        passed_at = asyncio.get_running_loop().time() + 0.1
        await platform.send(seconds=0.1)
        assert (await platform.send(seconds=30)).body == b"second"
        with pytest.raises(PlatformTimeoutError):
            await platform.send(seconds=0.05)
        assert upstream.connections == 1


async def test_bytes_after_a_compressed_body_are_not_collected() -> None:
    """Its first byte ends the call. To gather a million in chunks of one stops the loop beyond any deadline."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    packed = gzip.compress(b"{}")
    async with scripted(head + b"%x\r\n%b\r\n1\r\nx\r\n" % (len(packed), packed)) as upstream:
        with pytest.raises(ProtocolError, match="cannot be decompressed"):
            await platform_of(upstream).send(seconds=0.5)


@pytest.mark.parametrize("step", [hang, then_close(b""), then_close(TRUNCATED_ANSWER), b"garbage\r\n"])
async def test_failures_free_their_slots(step: Step) -> None:
    async with scripted(*[step] * 6, http(b"fine")) as upstream:
        platform = platform_of(upstream, slots=2)
        for _ in range(3):
            calls = [platform.send(seconds=0.03), platform.send(seconds=0.03)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(result, PlatformError) for result in results)
        answers = await asyncio.gather(platform.send(), platform.send())
        assert [answer.body for answer in answers] == [b"fine", b"fine"]
