"""What one client may send and take: checks of a head, limits, the timer for slow clients, and the writing of answers.

The checks are of size, and that two servers in a row read a request in the same way. llhttp, the parser, checks lengths
and chunk sizes, chunked as the last transfer coding, line ends, folded lines and control characters.
"""

import asyncio
from collections.abc import Callable, Collection, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from itertools import chain
from math import inf
from typing import Any, Final, TypeAlias

import httptools
from starlette.types import ASGIApp
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

LONGEST_URL: Final = 16 * 1024
LONGEST_HEAD: Final = 32 * 1024  # bytes of the names and values of all headers
MOST_HEADERS: Final = 100
MOST_FRAGMENTS: Final = 1024  # of one message of a WebSocket
MOST_UNWRITTEN: Final = 8  # answers written at once: the first of a long turn does not wait for all the others

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

SINGLE: Final = (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"origin")
"""Headers that must not repeat: one server would read the first value, another the last."""

Awaited: TypeAlias = tuple[Hashable, float, Callable[[], object]]
"""What a client has to do next, another value as soon as it has done it; how many seconds it has; what to do then."""

NOTHING: Final[Awaited] = ("nothing", inf, lambda: None)


@dataclass(eq=False)
class RequestError(Exception):
    """The server refuses a request with this status. `subject` names the part of the request that is wrong, `bound` the
    limit that it exceeds, if it exceeds one.
    """

    status: int
    subject: str
    message: str
    bound: int | None = None


def check_head(version: str, headers: Headers, fields: dict[bytes, bytes]) -> None:
    """Refuse too many headers, too long ones, and what two servers in a row could read as different requests
    (RFC 9112, 3.2, 6.1 and 11.2). `fields` are the headers by name. Raises RequestError.
    """
    if len(headers) > MOST_HEADERS or sum(map(len, chain.from_iterable(headers))) > LONGEST_HEAD:
        raise RequestError(431, "headers", "The headers are too many or too long", MOST_HEADERS)
    if version not in ("1.1", "1.0"):
        raise RequestError(505, "request", "The server speaks HTTP/1.1")
    if len(fields) != len(headers):
        names = [name for name, _value in headers]
        for name in SINGLE:
            if names.count(name) > 1:
                raise RequestError(400, name.decode(), f"The header {name.decode()} appears twice")
    if version == "1.1" and b"host" not in fields:
        raise RequestError(400, "host", "The header host is missing")
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or coding.lower() != b"chunked"):
        raise RequestError(400, "transfer-encoding", "The only transfer coding is chunked")


def split_target(url: bytes, host: bytes | None) -> tuple[bytes, bytes]:
    """The path and the query string (RFC 9112, 3.2). Raises RequestError, or httptools' HttpParserError."""
    if not url.isascii():
        raise RequestError(400, "url", "The address has bytes beyond ASCII")
    if url.startswith(b"/"):
        path, _, query = url.partition(b"?")
        return path, query
    address = httptools.parse_url(url)
    authority = address.host if address.port is None else b"%b:%d" % (address.host, address.port)
    if authority != host:
        raise RequestError(400, "host", "The header host is not that of the address")
    return address.path or b"/", address.query or b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one client may take. Times in seconds. `max_connections` are those of one process, WebSockets included.

    `header_timeout` is for all headers, from the first byte of the request or, if it is the first one, from the opening
    of the connection; `body_timeout` for the whole body, from the headers on. Within the `stall_timeout` a client has
    to take `progress` bytes of an answer. It has `linger` to close after its last answer, and to send the rest of its
    request to a server that stops. All connections are looked at once in an `interval`.
    """

    header_timeout: float = 10.0
    body_timeout: float = 15.0
    keep_alive_timeout: float
    stall_timeout: float = 10.0
    progress: int = 16 * 1024
    linger: float = 2.0
    max_connections: int
    interval: float = 1.0

    def await_reading(self, transport: asyncio.Transport, *, is_ending: bool, is_paused: bool) -> Awaited | None:
        """What a client has to do that does not read what it was sent, or close after the last of it."""
        is_ending = is_ending or transport.is_closing()
        if not is_ending and not is_paused:
            return None
        unread = transport.get_write_buffer_size()
        seconds = self.linger if is_ending and not unread else self.stall_timeout
        return (is_ending, unread // self.progress), seconds, transport.abort


@dataclass(eq=False)
class Pool:
    """All connections. `error_app` answers an error: a RequestError, or what the application raised. `on_start` is
    called with the open connections, a set that changes, when there is the first.
    """

    limits: ServerLimits
    error_app: Callable[[Exception], ASGIApp]
    on_start: Callable[[Collection[Any]], object] | None = None
    is_stopping: bool = False
    _timer: asyncio.TimerHandle | None = None
    _seen: dict[object, tuple[Hashable, float]] = field(default_factory=dict)
    _unwritten: list[tuple[asyncio.Transport, bytes]] = field(default_factory=list)

    def watch(self, connections: Collection[Any]) -> None:
        """Look at all connections now and then, while there are any. What each client has to do next is compared with
        the look before: one timer keeps all times, to one or two intervals.
        """
        if self.on_start is not None:
            self.on_start(connections)
            self.on_start = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.limits.interval, self._look, connections)

    def _look(self, connections: Collection[Any]) -> None:
        now = asyncio.get_running_loop().time()
        before, self._seen = self._seen, {}
        for connection in tuple(connections):
            awaited, seconds, give_up = connection.awaited()
            last, since = before.get(connection, (awaited, now))
            since = since if last == awaited else now
            self._seen[connection] = awaited, since
            if now - since >= seconds:
                give_up()
        self._timer = None
        if connections:
            self.watch(connections)

    def put(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Write it at the end of this turn of the loop, with the answers of other connections (write coalescing).

        A write wakes its sleeping reader, which costs more than the write: the first one wakes it, and the others find
        it awake. Netty does the same (`FlushConsolidationHandler`). What it saves is in docs/adr/0006-connections.md.
        """
        self._unwritten.append((transport, answer))
        if len(self._unwritten) >= MOST_UNWRITTEN:
            self.flush()
        elif len(self._unwritten) == 1:
            asyncio.get_running_loop().call_soon(self.flush, context=Context())

    def flush(self) -> None:
        """Write what waits, but to connections that are closing."""
        if self._unwritten:
            unwritten, self._unwritten = self._unwritten, []
            for transport, answer in unwritten:
                if not transport.is_closing():
                    transport.write(answer)


class WebSocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol (RFC 6455), which waits for a client to read, however long that takes, keeps any
    number of pongs and fragments for it, and says nothing to a handshake that it cannot read: with an end to all that.
    It takes over from an `HttpConnection`, which sets its `limits`.
    """

    limits: ServerLimits

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:  # too long, or with a body
            self.transport.write(self.conn.reject(400, "This is no handshake of a WebSocket.\n").serialize())
            self.transport.close()

    def handle_ping(self) -> None:
        """While the client reads nothing it gets no pongs: it may take the next one for all (RFC 6455, 5.5.3)."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        else:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            super().handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """What is no frame: the client gets a close code, unless it sent that before it was let in."""
        if self.conn.close_sent is not None:
            super().handle_parser_exception()
        else:
            self.transport.abort()

    def awaited(self) -> Awaited:
        is_paused = not self.writable.is_set()
        return self.limits.await_reading(self.transport, is_ending=False, is_paused=is_paused) or NOTHING
