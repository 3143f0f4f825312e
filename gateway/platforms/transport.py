"""HTTP to the platforms: the one file behind which the engine hides (ADR 0002).

`Transport` is an httpx transport, and has a lean entry beside it (`Pool.send`) that takes and gives bytes. No
redirects, no cookies, no proxies from the environment, one total deadline per call.

What an error says about the fate of the request, so that nobody repeats a write that may have been executed:

    httpx.PoolTimeout, ConnectTimeout, ConnectError    no byte of it left
    httpx.LocalProtocolError, UnsupportedProtocol      it could not be sent as it is
    StaleConnectionError (a ReadError)                 sent on a kept connection that the server was closing
    httpx.ReadError, ReadTimeout                       sent; what became of it is unknown
    httpx.RemoteProtocolError                          answered with something else than HTTP
"""

import asyncio
import os
import re
import socket
import ssl
from collections.abc import Iterable

import httpx

from gateway.ops.resilience import Slots
from gateway.platforms.connection import AnswerTooLargeError, Connection, RawAnswer, StaleConnectionError

__all__ = ["AnswerTooLargeError", "Pool", "RawAnswer", "StaleConnectionError", "Transport", "request_head"]

IDLE_SECONDS = 15.0
"""How long a kept connection stays fit for use. Servers close theirs after 5 s to 75 s; see `StaleConnectionError`."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OWN_REQUEST_HEADERS = (b"accept-encoding", b"connection", b"content-length", b"expect", b"transfer-encoding")
_OWN_ANSWER_HEADERS = (b"content-encoding", b"content-length", b"transfer-encoding")
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


class Pool:
    """The kept connections to one origin.

    `slots` bounds the calls under way, and may be shared by the pools of one platform. A slot is given back when its
    call ends, however it ends; a connection is kept only after a complete and clean answer.
    """

    def __init__(self, url: httpx.URL, slots: Slots, *, max_body_bytes: int, tls: ssl.SSLContext | None = None) -> None:
        self._host = url.host
        self._port = url.port or _DEFAULT_PORTS[url.scheme]
        self._tls = tls if url.scheme == "https" else None
        self._slots = slots
        self._max_body_bytes = max_body_bytes
        self._idle: list[Connection] = []

    async def send(self, request: bytes, deadline: float, *, repeatable: bool, without_body: bool = False) -> RawAnswer:
        """Send one complete request, return its complete answer.

        `deadline` is a time of the running loop's clock; waiting for a slot and connecting count. A `repeatable`
        request may ride on a kept connection, and is sent again on a new one when that was closing. Any other gets a
        new connection, so that it cannot be lost to a closing one. Both are tried again once when no connection can
        be made. `without_body`: it is a HEAD request.
        """
        if not self._slots.try_acquire():
            try:
                await self._slots.acquire(deadline)
            except TimeoutError:
                raise httpx.PoolTimeout("No connection became free in time.") from None
        try:
            loop = asyncio.get_running_loop()
            connection = self._take_idle(loop.time()) if repeatable else None
            if connection is not None:
                try:
                    return await self._exchange(connection, request, deadline, without_body)
                except (StaleConnectionError, httpx.ConnectError):
                    pass
            try:
                connection = await self._connect(loop, deadline)
            except httpx.ConnectError:
                connection = await self._connect(loop, deadline)
            return await self._exchange(connection, request, deadline, without_body)
        finally:
            self._slots.release()

    async def _exchange(self, connection: Connection, request: bytes, deadline: float, without_body: bool) -> RawAnswer:
        try:
            return await connection.send(request, deadline, without_body=without_body)
        finally:
            if connection.reusable:
                self._idle.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close the kept connections; those in use close when their calls end."""
        while self._idle:
            self._idle.pop().close()

    def _take_idle(self, now: float) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and now - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop, deadline: float) -> Connection:
        if len(self._idle) + self._slots.taken > self._slots.limit:
            self._idle.pop(0).close()
        try:
            async with asyncio.timeout_at(deadline):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, self._max_body_bytes),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls is not None else None,
                )
        except TimeoutError:
            raise httpx.ConnectTimeout("No connection was made in time.") from None
        except OSError as error:
            raise httpx.ConnectError(_reason(error)) from None
        return connection


def _reason(error: OSError) -> str:
    """Why no connection could be made, in words that name no host."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the server does not verify: {error.verify_message.partition(',')[0]}."
    if isinstance(error, ssl.SSLError):
        return "The server does not speak TLS as it should."
    if isinstance(error, socket.gaierror):
        return "The name of the server cannot be resolved."
    return f"No connection could be made: {os.strerror(error.errno) if error.errno else 'unknown reason'}."


class Transport(httpx.AsyncBaseTransport):
    """All pools, by origin, behind httpx's interface."""

    def __init__(self, *, slots: Slots, max_body_bytes: int, tls: ssl.SSLContext | None = None) -> None:
        self._slots = slots
        self._max_body_bytes = max_body_bytes
        self._tls = tls
        self._pools: dict[tuple[str, str, int | None], Pool] = {}

    def pool(self, url: httpx.URL) -> Pool:
        """The pool of the URL's origin. Raises httpx.UnsupportedProtocol for other schemes than http and https."""
        if url.scheme not in _DEFAULT_PORTS or not url.host:
            raise httpx.UnsupportedProtocol("The URL is neither http nor https.")
        origin = (url.scheme, url.host, url.port)
        pool = self._pools.get(origin)
        if pool is None:
            if url.scheme == "https" and self._tls is None:
                self._tls = httpx.create_ssl_context()
            pool = Pool(url, self._slots, max_body_bytes=self._max_body_bytes, tls=self._tls)
            self._pools[origin] = pool
        return pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One call. httpx's read timeout, if there is one, is the total deadline.

        The request extension "repeatable" says what `Pool.send` asks; without it the method decides.
        """
        method = request.method.encode("ascii")
        body = await request.aread()
        headers = [(name, value) for name, value in request.headers.raw if name.lower() not in _OWN_REQUEST_HEADERS]
        headers += [(b"Accept-Encoding", b"gzip, deflate"), (b"Content-Length", b"%d" % len(body))]
        timeout = request.extensions.get("timeout", {}).get("read") or _NO_TIMEOUT
        answer = await self.pool(request.url).send(
            request_head(method, request.url.raw_path, headers) + b"\r\n" + body,
            asyncio.get_running_loop().time() + timeout,
            repeatable=request.extensions.get("repeatable", request.method in _SAFE_METHODS),
            without_body=request.method == "HEAD",
        )
        return httpx.Response(
            answer.status,
            headers=[(name, value) for name, value in answer.headers if name not in _OWN_ANSWER_HEADERS],
            content=answer.body,
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        for pool in self._pools.values():
            pool.close()
