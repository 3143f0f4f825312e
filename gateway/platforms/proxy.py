"""HTTP to a platform through a forward proxy: httpx's own transport, held to what the connection engine promises.

httpcore's pool keeps connections that failed while the tunnel was made. So each call has a transport of its own for as
long as it takes; the transport is kept for the next read after a complete and clean answer, and closed after all else.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from gateway.ops.connect_failure import connect_failure, find_os_error
from gateway.ops.slots import Slots
from gateway.platforms.answer import Body, BodyError, Head, RawAnswer, StaleConnectionError
from gateway.platforms.large_answers import LargeAnswers
from gateway.platforms.pool import IDLE_SECONDS
from gateway.platforms.transport import get_caller, get_deadline, is_repeatable, to_response

_CLOSED = ("Server disconnected", "peer closed connection")
"""How httpcore and h11 begin to say that an answer broke off. Anything else that is not HTTP is garbage."""

_PROXY_AUTHENTICATION_REQUIRED = 407


class _Progress:
    """How far a request has come, by the events of httpcore's `trace` extension.

    `connecting`: a connection, a tunnel or TLS is being made, so no byte of the request has left; `to_proxy`: that to
    the proxy. `kept`: it went out on a kept connection. `answered`: the head of its answer has come.
    """

    def __init__(self) -> None:
        self.connecting = self.to_proxy = False
        self.kept = True
        self.answered = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        self.to_proxy = event.startswith("connection.")
        if self.to_proxy or event.startswith("proxy."):
            self.connecting, self.kept = True, False
        elif "request" in info:
            self.connecting = info["request"].method == b"CONNECT"


class _Reader:
    """Reads one answer, when the large answers let it."""

    def __init__(self) -> None:
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.turn = asyncio.Event()
        self.pause = self.may_read.clear
        self.resume = self.may_read.set
        self.hand_over = self.turn.set


class ProxyTransport(httpx.AsyncBaseTransport):
    """All requests go through `proxy`: by CONNECT to https, in absolute form to http.

    The errors, and what they say about the fate of the request, are those of `gateway.platforms.transport`.
    """

    def __init__(
        self, slots: Slots, large_answers: LargeAnswers, tls: ssl.SSLContext | None, proxy: httpx.Proxy
    ) -> None:
        """`tls` verifies the platform; `proxy` has a context of its own."""
        self.slots = slots
        self.large_answers = large_answers
        self._tls = tls or httpx.create_ssl_context()
        self._proxy = proxy
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        deadline, repeatable = get_deadline(request), is_repeatable(request)
        try:
            lane = await self.slots.acquire(deadline, get_caller(request))
        except TimeoutError:
            raise httpx.PoolTimeout("No connection became free in time.") from None
        try:
            carrier = self._idle.pop() if repeatable and self._idle else await self._open()
            try:
                return to_response(await self._exchange(carrier, request, deadline))
            except httpx.ConnectError:
                pass
            except StaleConnectionError:
                if not repeatable:
                    raise
            return to_response(await self._exchange(await self._open(), request, deadline))
        finally:
            self.slots.release(lane)

    async def aclose(self) -> None:
        while self._idle:
            await self._idle.pop().aclose()

    async def _open(self) -> httpx.AsyncHTTPTransport:
        if len(self._idle) + self.slots.taken > self.slots.limit:
            await self._idle.pop(0).aclose()
        limits = httpx.Limits(keepalive_expiry=IDLE_SECONDS)
        return httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, proxy=self._proxy, limits=limits)

    async def _exchange(self, carrier: httpx.AsyncHTTPTransport, request: httpx.Request, deadline: float) -> RawAnswer:
        progress = _Progress()
        traced = httpx.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=request.stream,
            extensions={"trace": progress.trace},
        )
        try:
            async with asyncio.timeout_at(deadline):
                response = await carrier.handle_async_request(traced)
                progress.answered = True
                if response.status_code == _PROXY_AUTHENTICATION_REQUIRED:
                    raise httpx.ProxyError("407")
                answer = await self._read(response)
        except BaseException as error:
            await carrier.aclose()
            if isinstance(error, httpx.TransportError | TimeoutError | OSError):
                raise _to_transport_error(error, progress) from None
            raise
        self._idle.append(carrier)
        return answer

    async def _read(self, response: httpx.Response) -> RawAnswer:
        headers = [(name.lower(), value) for name, value in response.headers.raw]
        reader = _Reader()
        body = Body(self.large_answers, reader, headers)
        try:
            async for data in response.aiter_raw():
                body.feed(data)
                await reader.may_read.wait()
            content = body.finish()
            if body.is_large:
                self.large_answers.queue(reader)
                await reader.turn.wait()
        finally:
            body.release()
            await response.aclose()
        return RawAnswer(Head(response.status_code, headers), content)


def _to_transport_error(error: Exception, progress: _Progress) -> httpx.TransportError:
    """The error with the meaning that `gateway.platforms.transport` gives it, in words that name nobody."""
    match error:
        case BodyError():
            return error
        case httpx.ProxyError():
            return httpx.ProxyError(f"The proxy refused the call: HTTP {str(error)[:3]}.")
        case httpx.ConnectError() if progress.to_proxy:
            return httpx.ConnectError(f"The proxy cannot be reached: {connect_failure(find_os_error(error))}")
        case httpx.ConnectError():
            return httpx.ConnectError(connect_failure(find_os_error(error)))
        case httpx.LocalProtocolError():
            return httpx.LocalProtocolError("The request holds characters that cannot be sent.")
        case TimeoutError() | httpx.TimeoutException() if progress.to_proxy:
            return httpx.ConnectTimeout("No connection to the proxy was made in time.")
        case TimeoutError() | httpx.TimeoutException() if progress.connecting:
            return httpx.ConnectTimeout("No connection to the platform was made in time.")
        case TimeoutError() | httpx.TimeoutException():
            return httpx.ReadTimeout("The answer did not come in time.")
        case _ if progress.connecting:
            return httpx.ConnectError("The proxy made no connection.")
        case httpx.RemoteProtocolError() if not str(error).startswith(_CLOSED):
            return httpx.RemoteProtocolError("The answer is not HTTP/1.1.")
        case _ if progress.kept and not progress.answered:
            return StaleConnectionError("A kept connection closed before the answer.")
        case _:
            return httpx.ReadError("The connection closed before the answer was complete.")
