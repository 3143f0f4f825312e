"""HTTP to a platform as httpx transports (ADR 2): here the connection engine's, in `proxy` the one through a proxy.

No redirects, no cookies, one total deadline a call. Reads go past this face, to `Pool`, with bytes (ADR 8).

What an error says about the fate of the request, so that nobody repeats a write that may have been executed:

    httpx.PoolTimeout, ConnectTimeout, ConnectError, ProxyError    no byte of it left
    httpx.LocalProtocolError, UnsupportedProtocol                  it cannot be sent as it is
    StaleConnectionError (a ReadError)                             sent on a kept connection that the server was closing
    httpx.ReadError, ReadTimeout                                   sent; what became of it is unknown
    httpx.RemoteProtocolError                                      answered with something else than HTTP
"""

import asyncio
import re
import ssl
from collections.abc import Iterable
from contextvars import Context

import httpx

from gateway.addresses import can_be_called
from gateway.ops.slots import GATEWAY, Slots
from gateway.platforms.answer import Head, RawAnswer
from gateway.platforms.large_answers import LargeAnswers
from gateway.platforms.pending import OnDone, Pending
from gateway.platforms.pool import Pool

_SAFE_METHODS = ("GET", "OPTIONS")
_OWN_REQUEST_HEADERS = (b"accept-encoding", b"connection", b"content-length", b"expect", b"transfer-encoding")
_OWN_ANSWER_HEADERS = (b"content-encoding", b"content-length", b"set-cookie", b"transfer-encoding")
_NO_TIMEOUT = 86400.0

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"[!-~]+")
_FIELD_VALUE = re.compile(rb"[\t -~\x80-\xff]*")


def request_head(method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Request line and headers, without the empty line that ends them. Raises httpx.LocalProtocolError.

    No value can smuggle in a header or a second request: control characters are refused (RFC 9112, 11.1).
    """
    if _TOKEN.fullmatch(method) is None or _TARGET.fullmatch(target) is None:
        raise httpx.LocalProtocolError("The request line holds characters that cannot be sent.")
    lines = [method + b" " + target + b" HTTP/1.1"]
    for name, value in headers:
        if _TOKEN.fullmatch(name) is None or _FIELD_VALUE.fullmatch(value) is None:
            raise httpx.LocalProtocolError("A header holds characters that cannot be sent.")
        lines.append(name + b": " + value)
    lines.append(b"")
    return b"\r\n".join(lines)


def get_deadline(request: httpx.Request) -> float:
    """A time of the loop's clock: the request extension "deadline", else httpx's read timeout, from now on."""
    deadline: float | None = request.extensions.get("deadline")
    if deadline is None:
        timeout = request.extensions.get("timeout", {}).get("read")
        deadline = asyncio.get_running_loop().time() + (_NO_TIMEOUT if timeout is None else timeout)
    return deadline


def is_repeatable(request: httpx.Request) -> bool:
    """What the request extension "repeatable" says; without it the method decides."""
    return bool(request.extensions.get("repeatable", request.method in _SAFE_METHODS))


def get_caller(request: httpx.Request) -> str:
    """Whose call it is: the request extension "caller"."""
    caller: str = request.extensions.get("caller", GATEWAY)
    return caller


def to_response(answer: RawAnswer) -> httpx.Response:
    headers = [(name, value) for name, value in answer.head.headers if name not in _OWN_ANSWER_HEADERS]
    return httpx.Response(answer.head.status, headers=headers, content=answer.body)


class EngineTransport(httpx.AsyncBaseTransport):
    """The connection engine: a pool for each origin. It carries no HEAD requests, which no platform has."""

    def __init__(self, slots: Slots, large_answers: LargeAnswers, tls: ssl.SSLContext | None = None) -> None:
        self.slots = slots
        self.large_answers = large_answers
        self._tls = tls
        self._pools: dict[tuple[str, str, int | None], Pool] = {}

    def pool(self, url: httpx.URL) -> Pool:
        """The pool of the URL's origin. Raises httpx.UnsupportedProtocol for what cannot be called."""
        if not can_be_called(url):
            raise httpx.UnsupportedProtocol("The URL cannot be called by http or https.")
        origin = (url.scheme, url.host, url.port)
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = Pool(url, self.slots, self.large_answers, self._tls)
        return pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "HEAD":
            raise httpx.LocalProtocolError("HEAD requests are not supported.")
        body = await request.aread()
        headers = [(name, value) for name, value in request.headers.raw if name.lower() not in _OWN_REQUEST_HEADERS]
        headers += [(b"Accept-Encoding", b"identity"), (b"Content-Length", b"%d" % len(body))]
        head = request_head(request.method.encode("ascii"), request.url.raw_path, headers)
        pool, deadline = self.pool(request.url), get_deadline(request)
        repeatable, caller = is_repeatable(request), get_caller(request)
        return to_response(await pool.send(head + b"\r\n" + body, deadline, repeatable=repeatable, caller=caller))

    async def aclose(self) -> None:
        for pool in self._pools.values():
            pool.close()


class ClientExchange(Pending[RawAnswer]):
    """One request by an httpx client, and its complete answer: what `Exchange` is to the connection engine."""

    __slots__ = ("_client", "_request", "_task")

    _task: asyncio.Task[None]

    def __init__(self, client: httpx.AsyncClient, request: httpx.Request) -> None:
        self._client = client
        self._request = request

    def begin(self, on_done: OnDone) -> None:
        """In a task, and in no context: a connection outlives the request that opened it."""
        self._task = asyncio.get_running_loop().create_task(self._send(on_done), context=Context())

    def cancel(self) -> None:
        self._task.cancel()

    async def _send(self, on_done: OnDone) -> None:
        outcome: RawAnswer | Exception
        try:
            response = await self._client.send(self._request)
        except Exception as error:  # noqa: BLE001 # it is the outcome
            outcome = error
        else:
            headers = [(name.lower(), value) for name, value in response.headers.raw]
            outcome = RawAnswer(Head(response.status_code, headers), response.content)
        on_done(outcome)
