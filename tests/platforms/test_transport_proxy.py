"""The transport through a forward proxy: what each failure says about the request, and no leaked secrets."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from forward_proxy import PASSWORD, ForwardProxy, Intercept, forward_proxy
from raw_platform import RawPlatform, platform_at
from scripted_server import closed_port, hang, http, scripted
from waiting import until

from gateway.errors import PlatformError
from gateway.platforms.connection import Proxy


@pytest.fixture
async def proxy() -> AsyncIterator[ForwardProxy]:
    async with forward_proxy() as running:
        yield running


Open = Callable[..., RawPlatform]


@pytest.fixture
def opened(certificate: Path) -> Open:
    """`opened(proxy_url, port, ...)`: the platform at a port, through this proxy. It trusts the certificate."""

    def make(proxy_url: str, port: int, *, scheme: str = "http", slots: int = 2) -> RawPlatform:
        tls = ssl.create_default_context(cafile=certificate)
        proxy = Proxy(httpx.Proxy(proxy_url, ssl_context=tls if proxy_url.startswith("https:") else None))
        host = "localhost" if scheme == "https" else "127.0.0.1"
        return platform_at(f"{scheme}://{host}:{port}", slots=slots, tls=tls, proxy=proxy)

    return make


async def test_http_is_called_in_absolute_form(opened: Open, proxy: ForwardProxy) -> None:
    async with scripted(http(b"fine")) as upstream:
        assert (await opened(proxy.url, upstream.port).send()).body == b"fine"
    assert proxy.targets == [f"POST http://127.0.0.1:{upstream.port}/x?y=1"]
    assert upstream.requests[0].startswith(b"POST /x?y=1 HTTP/1.1\r\n")
    assert b"proxy-authorization" not in upstream.requests[0].lower()


async def test_https_is_called_through_a_tunnel(opened: Open, proxy: ForwardProxy, server_side: ssl.SSLContext) -> None:
    async with scripted(http(b"fine"), tls=server_side) as upstream:
        platform = opened(proxy.url, upstream.port, scheme="https")
        assert [(await platform.send()).body for _ in range(2)] == [b"fine"] * 2
    assert proxy.targets == [f"CONNECT localhost:{upstream.port}"]
    assert b"proxy-authorization" not in upstream.requests[0].lower()


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://例子.invalid", "CONNECT xn--fsqu00a.invalid:443"),
        ("https://[::1]:8443", "CONNECT [::1]:8443"),
        ("http://例子.invalid", "POST http://xn--fsqu00a.invalid/x?y=1"),
    ],
)
async def test_proxy_is_asked_for_the_name_in_ascii(proxy: ForwardProxy, url: str, target: str) -> None:
    proxy.intercept = closing
    with pytest.raises(PlatformError):
        await platform_at(url, proxy=Proxy(httpx.Proxy(proxy.url))).send()
    assert set(proxy.targets) == {target}


async def test_proxy_itself_may_be_called_by_tls(opened: Open, server_side: ssl.SSLContext) -> None:
    async with (
        forward_proxy(server_side) as proxy,
        scripted(http(b"fine"), tls=server_side) as upstream,
        scripted(http(b"plain")) as plain,
    ):
        assert (await opened(proxy.url, upstream.port, scheme="https").send()).body == b"fine"
        assert (await opened(proxy.url, plain.port).send()).body == b"plain"


def answering(answer: bytes) -> Intercept:
    async def intercept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return intercept


async def closing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Say nothing."""


NO_TUNNEL = [
    (answering(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), "The proxy refused the call: HTTP 407"),
    (answering(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), "The proxy refused the call: HTTP 502"),
    (answering(b"garbage\r\n\r\n"), "The proxy made no connection"),
    (answering(b"HTTP/1.1 200 OK\r\n\r\ngarbage"), "The proxy made no connection"),
    (closing, "The proxy made no connection"),
    (hang, "No connection to the platform was made in time"),
]


@pytest.mark.parametrize(("intercept", "expected"), NO_TUNNEL)
async def test_without_a_tunnel_nothing_was_sent(
    opened: Open, proxy: ForwardProxy, intercept: Intercept, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    proxy.intercept = intercept
    async with scripted(http()) as upstream:
        platform = opened(proxy.url, upstream.port, scheme="https")
        with pytest.raises(PlatformError, match=expected) as caught:
            await platform.send(repeatable=False, seconds=0.2 if intercept is hang else 30.0)
        assert not caught.value.sent
        assert upstream.requests == []
    assert platform.slots.taken == 0
    for secret in (PASSWORD, "p%40ss"):
        assert secret not in f"{caught.value!r} {caught.value} {platform!r} {caplog.text}"


async def test_unreachable_proxy_is_named_and_nothing_was_sent(opened: Open) -> None:
    async with closed_port() as port, scripted(hang) as silent, forward_proxy() as closed, scripted(http()) as upstream:
        for url, scheme, message in (
            (f"http://127.0.0.1:{port}", "http", r"The proxy cannot be reached: .*Connection refused"),
            (f"https://127.0.0.1:{silent.port}", "http", r"No connection to the proxy was made in time\."),
            (f"http://127.0.0.1:{closed.port}", "http", r"The proxy refused the call: HTTP 407\."),
            (f"http://127.0.0.1:{closed.port}", "https", r"The proxy refused the call: HTTP 407\."),
        ):
            with pytest.raises(PlatformError, match=message) as caught:
                await opened(url, upstream.port, scheme=scheme).send(seconds=0.5)
            assert not caught.value.sent
        assert upstream.requests == []


async def test_cancelled_call_frees_its_slot_and_connections(
    proxy: ForwardProxy, opened: Open, server_side: ssl.SSLContext
) -> None:
    answers = False

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answers:
            writer.write(http(b"fine"))
        else:
            await hang(reader, writer)

    async with scripted(answer, tls=server_side) as upstream:
        for turns in range(0, 60, 4):
            answers = False
            platform = opened(proxy.url, upstream.port, scheme="https", slots=1)
            calls = [asyncio.create_task(platform.send(repeatable=False)) for _ in range(2)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            assert platform.slots.taken == 0
            answers = True
            assert (await platform.send()).body == b"fine"
            await until(lambda: upstream.open_connections == 1)
            await platform.aclose()
            await until(lambda: upstream.open_connections == 0)
