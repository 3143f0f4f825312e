"""HTTP to the platforms: the pools of all origins, and their face for httpx (ADR 2).

The platform clients take their pools from here and go past the face, by `Exchange`, with bytes (ADR 8). No redirects,
no cookies, no proxies from the environment, one total deadline per call.

What an error says about the fate of the request, so that nobody repeats a write that may have been executed:

    httpx.PoolTimeout, ConnectTimeout, ConnectError    no byte of it left
    httpx.LocalProtocolError, UnsupportedProtocol      it could not be sent as it is
    StaleConnectionError (a ReadError)                 sent on a kept connection that the server was closing
    httpx.ReadError, ReadTimeout                       sent; what became of it is unknown
    httpx.RemoteProtocolError                          answered with something else than HTTP
"""

import asyncio
import re
import ssl
from collections.abc import Iterable

import httpx

from gateway.addresses import can_be_called
from gateway.ops.resilience import Slots
from gateway.platforms.large_answers import ANSWERS_HELD, LargeAnswers
from gateway.platforms.pool import Pool

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


class Transport(httpx.AsyncBaseTransport):
    """All pools, by origin, behind httpx's interface."""

    def __init__(
        self, *, slots: Slots, max_body_bytes: int, max_values: int, tls: ssl.SSLContext | None = None
    ) -> None:
        self._slots = slots
        self.large_answers = LargeAnswers(budget=ANSWERS_HELD * max_body_bytes, max_values=max_values)
        self._max_body_bytes = max_body_bytes
        self._tls = tls
        self._pools: dict[tuple[str, str, int | None], Pool] = {}

    def pool(self, url: httpx.URL) -> Pool:
        """The pool of the URL's origin. Raises httpx.UnsupportedProtocol for what cannot be called by http or https,
        OSError where the certificates to verify it by cannot be read.
        """
        if not can_be_called(url):
            raise httpx.UnsupportedProtocol("The URL cannot be called by http or https.")
        origin = (url.scheme, url.host, url.port)
        pool = self._pools.get(origin)
        if pool is None:
            if url.scheme == "https" and self._tls is None:
                self._tls = httpx.create_ssl_context()
            pool = Pool(url, self._slots, self.large_answers, max_body_bytes=self._max_body_bytes, tls=self._tls)
            self._pools[origin] = pool
        return pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One call. httpx's read timeout, if there is one, is the total deadline.

        The request extension "repeatable" says what `Exchange` asks; without it the method decides.
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
            answer.head.status,
            headers=[(name, value) for name, value in answer.head.headers if name not in _OWN_ANSWER_HEADERS],
            content=answer.body,
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        for pool in self._pools.values():
            pool.close()
