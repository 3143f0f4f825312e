"""The connections to each origin of a platform, made directly or through a forward proxy, and kept (ADR 2). Each one
carries one call at a time (RFC 9112), on httptools' parser.

A proxy gets requests to http as they are, in absolute form, and opens a tunnel to https (RFC 9110, 9.3.6). Whatever
goes wrong while a connection is made, no byte of the request has left; a CallError says so.
"""

import asyncio
import base64
import re
import ssl
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import httptools
import httpx

from gateway.errors import ConnectionLostError, NotSentError, PlatformTimeoutError, ProtocolError
from gateway.header_block import HeaderBlock, cache_header_block
from gateway.platforms.answer import LARGE, Body, CallError, Head, RawAnswer
from gateway.wording.faults import FaultWording, connect_failure

if TYPE_CHECKING:
    from gateway.platforms.call import Call
    from gateway.platforms.endpoint import Upstream

ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)
ValueT = TypeVar("ValueT")

MAX_HEAD_BYTES = 64 * 1024  # status line and headers together, with those of the interim answers (1xx) before them
FRAMING = 2  # A chunked answer may be so many times as long as the body it frames
IDLE_SECONDS = 15.0
"""How long a kept connection stays fit for use. Servers close theirs after 5 s to 75 s (quirk 193)."""

DEFAULT_PORTS = {"http": 80, "https": 443}

_BODILESS = (204, 304)
_TUNNEL = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r].*?\r\n\r\n", re.DOTALL)


class Address(NamedTuple):
    """Where a server listens. With `tls`, its certificate must be of this host."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: httpx.URL, tls: ssl.SSLContext | None) -> "Address":
        return cls(url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS[url.scheme], tls)

    async def connect(self, make: Callable[[], ProtocolT]) -> tuple[asyncio.Transport, ProtocolT]:
        """A new connection, of the protocol that `make` makes. Raises OSError."""
        name = None if self.tls is None else self.host
        loop = asyncio.get_running_loop()
        return await loop.create_connection(make, self.host, self.port, ssl=self.tls, server_hostname=name)


async def connect_by(deadline: float, connecting: Coroutine[Any, Any, ValueT], *, to_proxy: bool = False) -> ValueT:
    """What connects, done by this time of the loop's clock. Raises CallError."""
    try:
        async with asyncio.timeout_at(deadline):
            return await connecting
    except TimeoutError:
        late = FaultWording.PROXY_LATE() if to_proxy else FaultWording.PLATFORM_LATE()
        raise CallError(PlatformTimeoutError, late, sent=False) from None
    except OSError as error:
        reason = connect_failure(error)
        message = FaultWording.PROXY_UNREACHABLE(reason=reason) if to_proxy else reason
        raise CallError(NotSentError, message) from None


class Proxy:
    """A forward proxy. `headers` are those that it wants, and no platform gets."""

    def __init__(self, proxy: httpx.Proxy) -> None:
        self._address = Address.of(proxy.url, proxy.ssl_context)
        self.headers: list[tuple[bytes, bytes]] = []
        if proxy.raw_auth is not None:
            self.headers = [(b"Proxy-Authorization", b"Basic " + base64.b64encode(b":".join(proxy.raw_auth)))]

    async def connect(self, to: Address, make: Callable[[], ProtocolT], deadline: float) -> ProtocolT:
        """A new connection to this server: a tunnel if it has TLS, else one to the proxy. Raises CallError."""
        if to.tls is None:
            return (await connect_by(deadline, self._address.connect(make), to_proxy=True))[1]
        answer = asyncio.StreamReader(MAX_HEAD_BYTES)
        opening = self._address.connect(lambda: asyncio.StreamReaderProtocol(answer))
        transport, _ = await connect_by(deadline, opening, to_proxy=True)
        try:
            await connect_by(deadline, self._open_tunnel(transport, answer, to))
            protocol, loop = make(), asyncio.get_running_loop()
            starting = loop.start_tls(transport, protocol, to.tls, server_hostname=to.host)
            tunnel = await connect_by(deadline, starting)
        except BaseException:
            transport.abort()
            raise
        if tunnel is None:
            raise CallError(NotSentError, FaultWording.PROXY_FAILED())
        protocol.connection_made(tunnel)
        return protocol

    async def _open_tunnel(self, transport: asyncio.Transport, reader: asyncio.StreamReader, to: Address) -> None:
        host = f"[{to.host}]" if ":" in to.host else to.host
        origin = f"{host}:{to.port}".encode("ascii")
        headers = b"".join(b"%b: %b\r\n" % header for header in [(b"Host", origin), *self.headers])
        transport.write(b"CONNECT %b HTTP/1.1\r\n%b\r\n" % (origin, headers))
        answer, more = b"", b" "
        while more and b"\r\n\r\n" not in answer and len(answer) <= MAX_HEAD_BYTES:
            more = await reader.read(MAX_HEAD_BYTES)
            answer += more
        tunnel = _TUNNEL.match(answer)
        if tunnel is not None and not tunnel[1].startswith(b"2"):
            raise CallError(NotSentError, FaultWording.PROXY_REFUSED(status=int(tunnel[1])))
        if tunnel is None or tunnel.end() < len(answer) or transport.is_closing():
            raise CallError(NotSentError, FaultWording.PROXY_FAILED())


class Connection(asyncio.Protocol):
    """`send` carries one request; another may follow while it is in `idle` of its pool, since `idle_since`.

    A call that does not end in a complete and clean answer (an error, the deadline, cancellation) closes its
    connection, so that no later request can ever read what is left of an earlier one.
    """

    _transport: asyncio.Transport

    def __init__(self, pool: "Pool") -> None:
        self.idle_since = inf  # not yet
        self._pool = pool
        self._most_at_once = min(LARGE, pool.large_answers.max_bytes)
        self._parser = httptools.HttpResponseParser(self)
        self._call: Call[Any] | None = None
        self._outcome: RawAnswer | CallError | None = None  # until the call has it
        self._body: Body | None = None  # from when the head is complete
        self._is_reusable = False
        self._received = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    def send(self, call: "Call[Any]") -> bool:
        """Send the request of a call, which gets the answer. False: it is not fit for use, and nothing was sent."""
        if monotonic() - self.idle_since >= IDLE_SECONDS:  # the others are idle for longer
            self.close()
            self._pool.close()
            return False
        if self._transport.is_closing():
            return False
        self._call = call
        if call.deadline < self._timer_at:
            self._set_timer(call.deadline)
        self._transport.write(call.request)
        if call.trace is not None:
            call.trace.note("sent")
        return True

    def cancel(self) -> None:
        """The call is cancelled."""
        self._call = self._outcome = None
        self.close()
        self._pool.large_answers.release(self)

    def close(self) -> None:
        """Close at once, without ceremony."""
        self._is_reusable = False
        self._transport.abort()

    def _set_timer(self, deadline: float) -> None:
        """One timer lasts for many calls, since nearly all of them end long before their deadline."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = asyncio.get_running_loop().call_at(deadline, self._expire, deadline), deadline

    def _expire(self, deadline: float) -> None:
        """This deadline has passed: that of the call under way, or of an earlier one that ended in time."""
        self._timer, self._timer_at = None, inf
        if self._call is None:
            return
        if deadline < self._call.deadline:
            self._set_timer(self._call.deadline)
        else:
            self._outcome = None  # a large answer that waits to be parsed
            self._fail(CallError(PlatformTimeoutError, FaultWording.NO_ANSWER_IN_TIME()))
            self.hand_over()

    def _fail(self, error: CallError) -> None:
        if self._outcome is None:
            self._outcome = error
        self.close()

    def _keep(self) -> None:
        """An answer was complete and clean: the connection may carry another call."""
        self.idle_since = monotonic()
        self._pool.idle.append(self)

    # What the large answers call.

    def pause(self, pauses: bool) -> None:
        if not self._transport.is_closing():
            (self._transport.pause_reading if pauses else self._transport.resume_reading)()

    def hand_over(self) -> None:
        """Give the call its outcome, outside of the parser: bytes left in it are not of the next answer."""
        call, outcome = self._call, self._outcome
        self._call = self._outcome = self._body = None
        self._received = 0
        if self._is_reusable:
            self._keep()
        else:
            self.close()
        if call is not None and outcome is not None:
            if isinstance(outcome, RawAnswer):
                call.receive(outcome)
            else:
                call.lose(outcome)
        self._pool.large_answers.release(self)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        call = self._call
        if call is None or self._outcome is not None:  # bytes that nobody asked for
            self.close()
            return
        last_head = self._pool.last_head
        if last_head is not None and not self._received:
            body = last_head.get_body(data)
            if body is not None and len(body) <= self._most_at_once:
                self._call = None
                self._keep()
                call.receive(RawAnswer(last_head.made, body))
                return
        if call.trace is not None:
            call.trace.note("byte")
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(CallError(ProtocolError, FaultWording.NO_HTTP()))
        else:
            if self._received > MAX_HEAD_BYTES and self._body is None:
                self._fail(CallError(ProtocolError, FaultWording.ANSWER_HEAD()))
            elif self._received > MAX_HEAD_BYTES + FRAMING * self._pool.large_answers.max_bytes:
                self._fail(CallError(ProtocolError, FaultWording.ANSWER_FRAMING()))
        if self._outcome is not None:
            self._cache_head(data)
            self._end()

    def _cache_head(self, data: bytes) -> None:
        """The next answer will most likely have the head of this one, if it is one whole answer: not where a length in
        it is not that of the body, after an interim answer or with a status without a body.
        """
        status, body = self._parser.get_status_code(), self._body
        has_length = data[9:12] == b"%d" % status and status not in _BODILESS
        if self._received == len(data) and self._is_reusable and has_length and body is not None and body.is_plain:
            head = Head(status, self._headers)
            self._pool.last_head = cache_header_block(data, self._headers, head) or self._pool.last_head

    def _end(self) -> None:
        """Give the call its outcome; a large answer, in its turn."""
        if self._body is not None and self._body.is_large and type(self._outcome) is RawAnswer:
            self._pool.large_answers.queue(self)
        else:
            self.hand_over()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_reusable = False
        if self._timer is not None:
            self._timer.cancel()
        with suppress(ValueError):
            self._pool.idle.remove(self)
        call = self._call
        if call is not None and self._outcome is None:
            if self.idle_since < inf and not self._received:  # it was kept, and closing already (quirk 193)
                self._call = None
                call.connect()
            else:
                if exc is None and self._lasts_until_close():
                    self.on_message_complete()
                else:
                    self._fail(CallError(ConnectionLostError, FaultWording.CONNECTION_LOST()))
                self._is_reusable = False
                self._end()
        del self._parser  # it refers back to this

    def _lasts_until_close(self) -> bool:
        """Whether the answer under way has no length, so that it ends with its connection."""
        is_framed = any(
            name == b"content-length" or (name == b"transfer-encoding" and value.lower().endswith(b"chunked"))
            for name, value in self._headers
        )
        return self._body is not None and not is_framed and self._parser.get_status_code() not in _BODILESS

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._headers = []
        if self._outcome is not None:  # bytes after the end of an answer: nobody asked for them
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Without the blanks after a value (RFC 9110, 5.5). Trailers may not say what a header says (6.5.1)."""
        if self._body is None:
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        if self._outcome is not None:  # the head of an answer that nobody asked for
            return
        status = self._parser.get_status_code()
        if status < HTTPStatus.OK:
            return
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and self._pool.is_forwarded:
            self._fail(CallError(NotSentError, FaultWording.PROXY_REFUSED(status=status)))
            return
        try:
            self._body = Body(self._pool.large_answers, self, self._headers)
        except CallError as error:
            self._fail(error)

    def on_body(self, data: bytes) -> None:
        if self._outcome is None and self._body is not None:
            try:
                self._body.feed(data)
            except CallError as error:
                self._fail(error)

    def on_message_complete(self) -> None:
        if self._outcome is not None or self._body is None:  # failed, or the end of an interim answer
            return
        try:
            body = self._body.finish()
        except CallError as error:
            self._fail(error)
            return
        self._outcome = RawAnswer(Head(self._parser.get_status_code(), self._headers), body)
        self._is_reusable = self._parser.should_keep_alive()


class Pool:
    """The kept connections to one origin: after a complete and clean answer, a connection is kept."""

    def __init__(self, url: httpx.URL, upstream: "Upstream") -> None:
        tls = upstream.get_tls() if url.scheme == "https" else None
        self._address = Address.of(url, tls)
        self._proxy = upstream.proxy
        self.is_forwarded = upstream.proxy is not None and tls is None
        """Requests are for the proxy, which sends them on, or refuses to."""
        self._slots = upstream.slots
        self.large_answers = upstream.large_answers
        self.idle: list[Connection] = []  # the one used last is the last
        self.last_head: HeaderBlock[Head] | None = None
        """The head of the last answer, by any of its connections."""

    def request_head(self, method: str, url: httpx.URL, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Request line and headers, without the empty line that ends them. An httpx.URL has no control characters."""
        target, proxy = url.raw_path, self._proxy
        if proxy is not None and self.is_forwarded:
            target, headers = b"%b://%b%b" % (url.raw_scheme, url.netloc, url.raw_path), [*headers, *proxy.headers]
        lines = [b"%b %b HTTP/1.1" % (method.encode("ascii"), target), *[b"%b: %b" % header for header in headers]]
        return b"\r\n".join([*lines, b""])

    async def connect(self, deadline: float) -> Connection:
        """A new one, by this time of the loop's clock. Raises CallError."""
        if len(self.idle) + self._slots.taken > self._slots.limit:
            self.idle.pop(0).close()
        make = partial(Connection, self)
        if self._proxy is not None:
            return await self._proxy.connect(self._address, make, deadline)
        return (await connect_by(deadline, self._address.connect(make)))[1]

    def close(self) -> None:
        """Close the kept connections; those in use close when their calls end."""
        while self.idle:
            self.idle.pop().close()
