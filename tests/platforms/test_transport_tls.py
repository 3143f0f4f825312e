"""The transport over TLS: it verifies, says whom it wants to speak to, and keeps connections there too."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from scripted_server import ScriptedServer, http, scripted, then_close
from test_transport import MAX_BODY, send

from gateway.ops.resilience import Slots
from gateway.platforms.pool import Pool
from gateway.platforms.transport import Transport


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def pool_for(upstream: ScriptedServer, trusted: Path | None, host: str = "localhost") -> Pool:
    tls = None if trusted is None else ssl.create_default_context(cafile=trusted)
    transport = Transport(slots=Slots(2), max_body_bytes=MAX_BODY, tls=tls)
    return transport.pool(httpx.URL(f"https://{host}:{upstream.port}"))


async def test_requests_go_over_tls_and_keep_their_connection(certificate: Path, server_side: ssl.SSLContext) -> None:
    script = http(b"x" * 40_000), then_close(b"HTTP/1.1 200 OK\r\n\r\nto the end")
    async with scripted(*script, tls=server_side) as upstream:
        pool = pool_for(upstream, certificate)
        assert len((await send(pool)).body) == 40_000
        assert (await send(pool)).body == b"to the end"
        assert upstream.connections == 1


async def test_the_server_is_told_whom_the_client_wants(certificate: Path, server_side: ssl.SSLContext) -> None:
    asked_for: list[str | None] = []

    def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        asked_for.append(name)

    server_side.sni_callback = note
    async with scripted(http(), tls=server_side) as upstream:
        await send(pool_for(upstream, certificate))
    assert asked_for == ["localhost"]


async def test_a_certificate_nobody_vouches_for_means_not_sent(server_side: ssl.SSLContext) -> None:
    async with scripted(http(), tls=server_side) as upstream:
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await send(pool_for(upstream, None))
        assert upstream.requests == []


async def test_a_certificate_for_another_name_means_not_sent(certificate: Path, server_side: ssl.SSLContext) -> None:
    async with scripted(http(), tls=server_side) as upstream:
        with pytest.raises(httpx.ConnectError, match="certificate") as caught:
            await send(pool_for(upstream, certificate, "127.0.0.1"))
        assert "127.0.0.1" not in str(caught.value)
        assert upstream.requests == []


async def test_a_server_that_does_not_speak_tls_means_not_sent(certificate: Path) -> None:
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


async def test_a_handshake_that_hangs_ends_with_the_deadline_unsent(certificate: Path) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    upstream = ScriptedServer(())
    upstream.port = server.sockets[0].getsockname()[1]
    with pytest.raises(httpx.ConnectTimeout):
        await send(pool_for(upstream, certificate), seconds=0.1)
    server.close()


async def test_a_call_cancelled_while_it_connects_leaves_no_connection_and_frees_its_slot(certificate: Path) -> None:
    came, left = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    upstream = ScriptedServer(())
    upstream.port = server.sockets[0].getsockname()[1]
    pool = pool_for(upstream, certificate)
    call = asyncio.create_task(send(pool))
    await came.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(10):
        await left.wait()
    assert pool.slots.taken == 0
    server.close()
