"""The transport through a forward proxy: what each failure says about the request, bounds, and no leaked secrets."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from forward_proxy import PASSWORD, ForwardProxy, Intercept, forward_proxy
from scripted_server import Step, closed_port, drip, hang, http, scripted, then_close
from waiting import until

from gateway.ops.slots import Slots
from gateway.platforms.answer import AnswerTooLargeError, StaleConnectionError
from gateway.platforms.failure import to_platform_error
from gateway.platforms.large_answers import LARGE, LargeAnswers
from gateway.platforms.proxy import ProxyTransport

MAX_BODY = 1024 * 1024
MAX_VALUES = 1000
TRUNCATED_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"


@pytest.fixture
async def proxy() -> AsyncIterator[ForwardProxy]:
    async with forward_proxy() as running:
        yield running


@pytest.fixture
async def transport_for(certificate: Path) -> AsyncIterator[Callable[..., ProxyTransport]]:
    """`transport_for(url)`: through the proxy at this URL. It trusts the certificate."""
    opened = []

    def make(url: str, slots: int = 2, tls: ssl.SSLContext | None = None) -> ProxyTransport:
        tls = tls or ssl.create_default_context(cafile=certificate)
        proxy = httpx.Proxy(url, ssl_context=tls if url.startswith("https:") else None)
        opened.append(ProxyTransport(Slots(slots), LargeAnswers(MAX_BODY, MAX_VALUES), tls, proxy))
        return opened[-1]

    yield make
    for transport in opened:
        await transport.aclose()


@pytest.fixture
def transport(proxy: ForwardProxy, transport_for: Callable[..., ProxyTransport]) -> ProxyTransport:
    return transport_for(proxy.url)


async def send(
    transport: ProxyTransport, port: int, *, scheme: str = "http", repeatable: bool = False, seconds: float = 30.0
) -> bytes:
    """The body of the answer."""
    host = "localhost" if scheme == "https" else "127.0.0.1"
    extensions = {"deadline": asyncio.get_running_loop().time() + seconds, "repeatable": repeatable}
    request = httpx.Request("POST", f"{scheme}://{host}:{port}/x?y=1", content=b"a=1", extensions=extensions)
    return await (await transport.handle_async_request(request)).aread()


def is_sent(error: httpx.TransportError) -> bool:
    return to_platform_error("WJDH", "order/new", error).sent


async def test_http_is_called_in_absolute_form(transport: ProxyTransport, proxy: ForwardProxy) -> None:
    async with scripted(http(b"fine")) as upstream:
        assert await send(transport, upstream.port) == b"fine"
    assert proxy.targets == [f"POST http://127.0.0.1:{upstream.port}/x?y=1"]
    assert upstream.requests[0].startswith(b"POST /x?y=1 HTTP/1.1\r\n")
    assert b"proxy-authorization" not in upstream.requests[0].lower()


async def test_https_is_called_through_a_tunnel(
    transport: ProxyTransport, proxy: ForwardProxy, server_side: ssl.SSLContext
) -> None:
    async with scripted(http(b"fine"), tls=server_side) as upstream:
        assert [await send(transport, upstream.port, scheme="https", repeatable=True) for _ in range(2)] == [
            b"fine"
        ] * 2
    assert proxy.targets == [f"CONNECT localhost:{upstream.port}"]
    assert b"proxy-authorization" not in upstream.requests[0].lower()


async def test_proxy_itself_may_be_called_by_tls(
    transport_for: Callable[..., ProxyTransport], server_side: ssl.SSLContext
) -> None:
    async with (
        forward_proxy(server_side) as proxy,
        scripted(http(b"fine"), tls=server_side) as upstream,
        scripted(http(b"plain")) as plain,
    ):
        transport = transport_for(proxy.url)
        assert await send(transport, upstream.port, scheme="https") == b"fine"
        assert await send(transport, plain.port) == b"plain"
        await transport.aclose()


def answering(answer: bytes) -> Intercept:
    async def intercept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return intercept


async def closing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Say nothing."""


NO_TUNNEL = [
    (answering(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), httpx.ProxyError),
    (answering(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), httpx.ProxyError),
    (answering(b"garbage\r\n\r\n"), httpx.ConnectError),
    (answering(b"HTTP/1.1 200 OK\r\n\r\ngarbage"), httpx.ConnectError),
    (closing, httpx.ConnectError),
    (hang, httpx.ConnectTimeout),
]


@pytest.mark.parametrize(("intercept", "expected"), NO_TUNNEL)
async def test_without_a_tunnel_nothing_was_sent(
    transport: ProxyTransport, proxy: ForwardProxy, intercept: Intercept, expected: type[httpx.TransportError]
) -> None:
    proxy.intercept = intercept
    async with scripted(http()) as upstream:
        with pytest.raises(expected) as caught:
            await send(transport, upstream.port, scheme="https", seconds=0.2 if intercept is hang else 30.0)
        assert not is_sent(caught.value)
        assert upstream.requests == []
    assert transport.slots.taken == 0


async def test_proxy_that_is_not_there_means_not_sent(transport_for: Callable[..., ProxyTransport]) -> None:
    async with closed_port() as port, scripted(http()) as upstream:
        with pytest.raises(httpx.ConnectError, match="Connection refused") as caught:
            await send(transport_for(f"http://127.0.0.1:{port}"), upstream.port)
    assert not is_sent(caught.value)


async def test_proxy_that_does_not_answer_is_named(transport_for: Callable[..., ProxyTransport]) -> None:
    async with scripted(hang) as proxy:
        with pytest.raises(httpx.ConnectTimeout, match=r"No connection to the proxy was made in time\."):
            await send(transport_for(f"https://127.0.0.1:{proxy.port}"), 1, seconds=0.2)


async def test_refused_credentials_mean_not_sent(transport_for: Callable[..., ProxyTransport]) -> None:
    async with forward_proxy() as proxy, scripted(http()) as upstream:
        transport = transport_for(f"http://127.0.0.1:{proxy.port}")
        for scheme in ("http", "https"):
            with pytest.raises(httpx.ProxyError, match=r"The proxy refused the call: HTTP 407\.") as caught:
                await send(transport, upstream.port, scheme=scheme)
            assert not is_sent(caught.value)
        assert upstream.requests == []


UNKNOWN = [
    (then_close(b""), httpx.ReadError),
    (then_close(TRUNCATED_ANSWER), httpx.ReadError),
    (then_close(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha"), httpx.ReadError),
    (hang, httpx.ReadTimeout),
    (b"220 smtp.invalid ESMTP\r\n\r\n", httpx.RemoteProtocolError),
]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("step", "expected"), UNKNOWN)
async def test_request_that_was_sent_has_an_unknown_fate(
    transport: ProxyTransport,
    server_side: ssl.SSLContext,
    step: Step,
    expected: type[httpx.TransportError],
    scheme: str,
) -> None:
    async with scripted(step, tls=server_side if scheme == "https" else None) as upstream:
        with pytest.raises(expected) as caught:
            await send(transport, upstream.port, scheme=scheme, seconds=0.3 if step is hang else 30.0)
        assert is_sent(caught.value)
        assert len(upstream.requests) == 1
    assert transport.slots.taken == 0


async def test_write_never_uses_a_kept_connection(transport: ProxyTransport, proxy: ForwardProxy) -> None:
    async with scripted(http()) as upstream:
        await send(transport, upstream.port)
        await send(transport, upstream.port, repeatable=True)
        assert proxy.connections == 1
        await send(transport, upstream.port)
        assert proxy.connections == 2


async def test_read_lost_to_a_closing_connection_is_sent_again(transport: ProxyTransport) -> None:
    """Quirk 193."""
    async with scripted(http(b"first"), then_close(b""), http(b"again"), then_close(b""), then_close(b"")) as upstream:
        assert await send(transport, upstream.port) == b"first"
        assert await send(transport, upstream.port, repeatable=True) == b"again"
        with pytest.raises(httpx.ReadError) as caught:
            await send(transport, upstream.port, repeatable=True)
        assert not isinstance(caught.value, StaleConnectionError)
        assert len(upstream.requests) == 5


async def test_deadline_is_total(transport: ProxyTransport) -> None:
    async with scripted(drip) as upstream:
        started = asyncio.get_running_loop().time()
        with pytest.raises(httpx.ReadTimeout):
            await send(transport, upstream.port, seconds=0.1)
        assert asyncio.get_running_loop().time() - started < 30


@pytest.mark.parametrize(
    "answer",
    [
        http(b"x" * (MAX_BODY + 1)),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        http(gzip.compress(bytes(50_000_000)), b"Content-Encoding: gzip"),
        http(b"[" + b"1," * 2 * LARGE),
    ],
    ids=["length", "claimed length", "gzip bomb", "values"],
)
async def test_answer_beyond_a_bound_is_given_up(transport: ProxyTransport, answer: bytes) -> None:
    async with scripted(answer) as upstream:
        with pytest.raises(AnswerTooLargeError):
            await send(transport, upstream.port)
        await until(lambda: upstream.open_connections == 0)
    assert transport.large_answers.held == 0


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_cancelled_call_frees_its_slot_and_connections(
    proxy: ForwardProxy, transport_for: Callable[..., ProxyTransport], server_side: ssl.SSLContext, turns: int
) -> None:
    answers = False

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answers:
            writer.write(http(b"fine"))
        else:
            await hang(reader, writer)

    async with scripted(answer, tls=server_side) as upstream:
        transport = transport_for(proxy.url, slots=1)
        calls = [asyncio.create_task(send(transport, upstream.port, scheme="https")) for _ in range(2)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert transport.slots.taken == 0
        answers = True
        assert await send(transport, upstream.port, scheme="https") == b"fine"
        await until(lambda: upstream.open_connections == 1)


@pytest.mark.parametrize("intercept", [intercept for intercept, _ in NO_TUNNEL])
async def test_password_of_the_proxy_is_in_no_error(
    transport: ProxyTransport, proxy: ForwardProxy, intercept: Intercept, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    proxy.intercept = intercept
    with pytest.raises(httpx.TransportError) as caught:
        await send(transport, 443, scheme="https", seconds=0.1 if intercept is hang else 30.0)
    for secret in (PASSWORD, "p%40ss"):
        assert secret not in f"{caught.value!r} {caught.value} {transport!r} {caplog.text}"
