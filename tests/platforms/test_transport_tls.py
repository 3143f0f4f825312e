"""The transport over TLS: verification, server name indication, reused connections."""

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest
from scripted_server import ScriptedServer, http, scripted, then_close
from test_transport import MAX_BODY, MAX_VALUES, send

from gateway.ops.slots import Slots
from gateway.platforms.large_answers import LargeAnswers
from gateway.platforms.pool import Pool
from gateway.platforms.transport import EngineTransport


def pool_for(upstream: ScriptedServer, trusted: Path | None, host: str = "localhost") -> Pool:
    tls = None if trusted is None else ssl.create_default_context(cafile=trusted)
    transport = EngineTransport(Slots(2), LargeAnswers(MAX_BODY, MAX_VALUES), tls)
    return transport.pool(httpx.URL(f"https://{host}:{upstream.port}"))


async def test_tls_connection_is_reused(certificate: Path, server_side: ssl.SSLContext) -> None:
    script = http(b"x" * 40_000), then_close(b"HTTP/1.1 200 OK\r\n\r\nto the end")
    async with scripted(*script, tls=server_side) as upstream:
        pool = pool_for(upstream, certificate)
        assert len((await send(pool)).body) == 40_000
        assert (await send(pool)).body == b"to the end"
        assert upstream.connections == 1


async def test_untrusted_certificate_means_not_sent(server_side: ssl.SSLContext) -> None:
    async with scripted(http(), tls=server_side) as upstream:
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await send(pool_for(upstream, None))
        assert upstream.requests == []


async def test_certificate_for_another_name_means_not_sent(certificate: Path, server_side: ssl.SSLContext) -> None:
    async with scripted(http(), tls=server_side) as upstream:
        with pytest.raises(httpx.ConnectError, match="certificate") as caught:
            await send(pool_for(upstream, certificate, "127.0.0.1"))
        assert "127.0.0.1" not in str(caught.value)
        assert upstream.requests == []


async def test_server_without_tls_means_not_sent(certificate: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"220 smtp.invalid ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    upstream = ScriptedServer(())
    upstream.port = server.sockets[0].getsockname()[1]
    with pytest.raises(httpx.ConnectError, match="does not speak TLS"):
        await send(pool_for(upstream, certificate))
    server.close()


async def test_hanging_handshake_times_out_unsent(certificate: Path) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    upstream = ScriptedServer(())
    upstream.port = server.sockets[0].getsockname()[1]
    with pytest.raises(httpx.ConnectTimeout):
        await send(pool_for(upstream, certificate), seconds=0.1)
    server.close()
