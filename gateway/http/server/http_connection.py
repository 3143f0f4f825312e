"""HTTP/1.1 (RFC 9112) on one connection: from bytes to exchanges, answered one after the other."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Hashable
from contextvars import Context
from functools import partial
from math import inf
from typing import Any, Final, Literal, cast
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp, Scope
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from gateway.header_block import HeaderBlock, cache_header_block
from gateway.http.server.exchange import HEADER_BLOCK, Exchange, scope_for
from gateway.http.server.head import (
    RequestError,
    header_lines,
    require_short,
    require_short_url,
    require_unambiguous,
    split_target,
)
from gateway.http.server.limits import (
    HIGH_WATER,
    LINGER,
    LONGEST_HEAD,
    MOST_FRAMING,
    MOST_HEADERS,
    MOST_PIPELINED,
    PROGRESS,
    ServerLimits,
)
from gateway.http.server.write_buffer import WriteBuffer

ASGI: Final = {"version": "3.0", "spec_version": "2.3"}

AT_ONCE: Final[Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
"""Before Python 3.12 a task can only wait for its turn."""

REFUSED: Final = {"type": "http", "http_version": "1.1", "method": "GET", "extensions": {}}
"""The scope for what answers an error: the request may have no other that can be read."""

LAST_REQUEST = 2.0
"""Seconds that a connection stays open for a request that may be on its way when the server stops.

A proxy that gets no processor for that long can still send one on a connection that is being closed.
"""


class HttpConnection(asyncio.Protocol):
    """Made for each connection, by `Connections`.

    A request that is malformed, too large or too slow is answered in its turn, and the connection closed: where the
    next one begins is no longer certain. The answer is that of the application which `error_app` gives for the error: a
    RequestError, or what the application raised.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
        limits: ServerLimits,
        header_lines: Callable[[], bytes],
        write_buffer: WriteBuffer,
        error_app: Callable[[Exception], ASGIApp],
        stopping: asyncio.Event,
    ) -> None:
        """`header_lines` gives uvicorn's own headers, as lines. `stopping` is set when the server stops."""
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = loop
        self._limits = limits
        self.header_lines = header_lines
        self._write_buffer = write_buffer
        self._error_app = error_app
        self._stopping = stopping
        self._app = cast("ASGIApp", config.loaded_app)
        self._connections: set[Any] = server_state.connections

        self._parser: Any = httptools.HttpRequestParser(self)
        self._receiving: Literal["nothing", "head", "body"] = "nothing"
        self._count = 0  # requests
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._fields: list[tuple[bytes, bytes]] = []  # headers or trailers that are being received
        self._framing_bytes = 0  # of the request, besides its body
        self._scope: Scope | None = None  # of the request that is being received, as no application has seen it
        self._block: HeaderBlock[Scope] | None = None

        self._incoming: Exchange | None = None
        self._answering: Exchange | None = None
        self._pipeline: deque[Exchange] = deque()
        self.drained: asyncio.Event | None = None  # while the client reads too slowly
        self._is_reading = True
        self._is_refused = False
        self._is_ending = False
        self._is_stopping = False

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.write_whole = partial(self._write_buffer.put, self._transport)
        self._server = get_local_addr(self._transport)
        self._client = get_remote_addr(self._transport)
        self._scheme = "https" if is_ssl(self._transport) else "http"
        self._connections.add(self)
        if self._stopping.is_set():  # uvicorn has not seen it: the kernel had handed it over, and it had not begun
            self.shutdown()
        if len(self._connections) > 2 * self._limits.max_connections:
            self._transport.abort()
        elif len(self._connections) > self._limits.max_connections:
            self._refuse(RequestError(503, "connections", "The server has as many connections as it takes"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._is_ending = True
        if self._answering is not None:
            self._answering.leave()
        self.resume_writing()
        self._parser = self._incoming = self._answering = self._block = None  # they refer to the connection
        self._pipeline.clear()

    def pause_writing(self) -> None:
        self.drained = asyncio.Event()

    def resume_writing(self) -> None:
        if self.drained is not None:
            self.drained.set()
            self.drained = None

    def data_received(self, data: bytes) -> None:
        if self._is_refused or self._is_ending:
            return
        block, self._block = self._block, None
        if block is not None and self._answering is None and not self._pipeline:
            body = block.get_body(data)
            if body is not None:  # the parser would find what it found the last time
                self._block, self._count = block, self._count + 1
                scope = scope_for(block, body)
                self._incoming = exchange = Exchange(self, self._app, scope, not self._is_stopping, body)
                self._begin(exchange)
                return
        begins = self._receiving == "nothing"
        self._framing_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, RequestError):
                self._refuse(cause)
            elif not self._has_all():
                self._refuse(RequestError(400, "request", "This is not well-formed HTTP"))
        else:
            if self._framing_bytes > MOST_FRAMING:
                self._refuse(RequestError(431, "headers", "The request is too long besides its body", MOST_FRAMING))
            elif begins and self._scope is not None and self._incoming is not None and self._incoming.keep_alive:
                self._block = cache_header_block(data, self._headers, self._scope)
        self._begin_next()

    # What the parser calls: a RequestError ends the parsing

    def on_message_begin(self) -> None:
        self._receiving = "head"
        self._count += 1
        self._incoming = self._scope = None
        self._url = b""
        self._fields = []

    def on_url(self, part: bytes) -> None:
        self._url += part
        require_short_url(self._url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._receiving = "body"
        headers = self._headers = self._fields
        self._fields = []  # trailers come to nothing
        version = self._parser.get_http_version()
        fields = dict(headers)
        require_unambiguous(version, headers, fields)
        if len(headers) > MOST_HEADERS or self._framing_bytes > LONGEST_HEAD:
            require_short(headers)
        method = self._parser.get_method()
        if method == b"CONNECT":
            raise RequestError(405, "method", "The server is no proxy")
        path, query = split_target(self._url, fields.get(b"host"))
        if self._parser.should_upgrade():
            return
        if len(self._pipeline) == MOST_PIPELINED + (self._answering is None):
            raise RequestError(429, "requests", "Too many requests wait on this connection")
        self._scope = {
            "type": "http",
            "asgi": ASGI,
            "http_version": version,
            "method": method.decode("ascii"),
            "scheme": self._scheme,
            "path": unquote(path) if b"%" in path else path.decode("ascii"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": self._client,
            "server": self._server,
            "extensions": {HEADER_BLOCK: {}},
        }
        if self._app_state:
            self._scope["state"] = self._app_state
        keep_alive = version == "1.1" and self._parser.should_keep_alive() and not self._is_stopping
        self._incoming = incoming = Exchange(self, self._app, self._scope, keep_alive)
        incoming.expects_continue = b"expect" in fields and fields[b"expect"].lower() == b"100-continue"
        self._pipeline.append(incoming)

    def on_body(self, chunk: bytes) -> None:
        self._framing_bytes -= len(chunk)
        if self._incoming is not None:
            self._incoming.feed(chunk)
            if self._incoming.buffered > HIGH_WATER:
                self._control_reading()

    def on_message_complete(self) -> None:
        self._receiving = "nothing"
        self._framing_bytes = 0
        if self._incoming is not None:
            self._incoming.end_body()

    def _has_all(self) -> bool:
        """Whether what was received is the last that will be answered: nothing after it matters."""
        last = self._incoming
        return self._receiving == "nothing" and last is not None and not last.keep_alive

    def _upgrade(self, rest: bytes) -> None:
        """To WebSocket; any other protocol is ignored (RFC 9110, 7.8), and its request read without that header."""
        method = self._parser.get_method()
        protocol = dict(self._headers).get(b"upgrade", b"").lower()
        if protocol != b"websocket" or self._config.ws_protocol_class is None:
            self.data_received(self._head(method, without=b"upgrade") + rest)
        elif self._answering is not None or self._pipeline or self._parser.get_http_version() != "1.1":
            self._refuse(RequestError(400, "upgrade", "An upgrade needs HTTP/1.1, and no other request before it"))
        elif self._is_stopping:
            self._end(lingering=False)
        else:
            self._connections.discard(self)
            self._is_ending = True
            self._parser = None
            self._write_buffer.flush()
            web_socket = cast("Any", self._config.ws_protocol_class)(
                config=self._config, server_state=self._server_state, app_state=self._app_state, _loop=self._loop
            )
            web_socket.stall_timeout = self._limits.stall_timeout
            self._transport.set_protocol(web_socket)
            web_socket.connection_made(self._transport)
            web_socket.data_received(self._head(method) + rest)

    def _head(self, method: bytes, *, without: bytes = b"") -> bytes:
        """The head that was read, as bytes again."""
        lines = header_lines(header for header in self._headers if header[0] != without)
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, self._url, lines)

    # What exchanges call

    def write(self, data: bytes) -> None:
        self._write_buffer.flush()
        self._transport.write(data)

    def read_on(self) -> None:
        self._control_reading()

    def on_stream(self, exchange: Exchange) -> None:
        if self._is_stopping:
            exchange.leave()
            self._end(lingering=False)

    def on_done(self, exchange: Exchange) -> None:
        self._server_state.total_requests += 1
        self._answering = None
        if exchange is self._incoming:
            self._incoming = None
        if not exchange.keep_alive:
            self._end(lingering=not exchange.is_received)
        elif self._pipeline:
            self._loop.call_soon(self._begin_next)
        if not self._is_reading:
            self._control_reading()

    def on_failure(self, exchange: Exchange, error: Exception | None) -> None:
        if exchange.is_gone:
            return
        exchange.leave()
        self._answering = None
        self._pipeline.clear()
        if error is None or exchange.is_begun:
            self._end(lingering=False)
        else:
            self._refuse(error)

    # Answering

    def _begin_next(self) -> None:
        """What was received is answered in its order, one at a time."""
        if self._answering is None and self._pipeline:
            self._begin(self._pipeline.popleft())
        if self._pipeline or not self._is_reading:
            self._control_reading()

    def _begin(self, exchange: Exchange) -> None:
        """Run its first steps at once: an answer that waits for nothing is written when this returns."""
        self._answering = exchange
        task = asyncio.Task(exchange.run(), loop=self._loop, context=Context(), **AT_ONCE)
        if not task.done():
            self._server_state.tasks.add(task)
            task.add_done_callback(self._server_state.tasks.discard)

    def _refuse(self, error: Exception) -> None:
        """Answer what is being received with an error, after all that came before it; then close."""
        self._is_refused = True
        refused = self._incoming if self._receiving == "body" else None
        if refused is not None and refused is self._answering:
            refused.leave()
            self._answering = None
            if refused.is_begun:
                self._end(lingering=False)
                return
        elif self._pipeline and self._pipeline[-1] is refused:
            self._pipeline.pop()
        self._pipeline.append(Exchange(self, self._error_app(error), REFUSED, keep_alive=False))
        self._begin_next()

    def _end(self, *, lingering: bool) -> None:
        """Close: what still waits for its turn is not begun.

        A client that is still sending would see that instead of its answer: it gets some time (RFC 9112, 9.6).
        """
        self._is_ending = True
        self._pipeline.clear()
        self._write_buffer.flush()
        if lingering and self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _control_reading(self) -> None:
        """Read nothing that would have to be kept: while requests wait, or while the application does not read."""
        is_full = self._incoming is not None and self._incoming.buffered > HIGH_WATER
        is_reading = self._is_ending or not (is_full or self._pipeline or self._is_refused)
        if is_reading is not self._is_reading and not self._transport.is_closing():
            self._is_reading = is_reading
            (self._transport.resume_reading if is_reading else self._transport.pause_reading)()

    # What the sweep and the server call

    def awaited(self) -> tuple[Hashable, float]:
        limits = self._limits
        unread = self._transport.get_write_buffer_size()
        if self._is_ending or self._transport.is_closing():
            return ("closing", unread // PROGRESS), limits.stall_timeout if unread else LINGER
        if self.drained is not None:
            return ("reading", unread // PROGRESS), limits.stall_timeout
        if self._answering is not None:
            if self._receiving == "body" and self._answering is self._incoming and self._is_reading:
                return ("body", self._count), LINGER if self._is_stopping else limits.body_timeout
            return "nothing", inf
        if self._receiving == "head" or self._count == 0:
            return ("head", self._count or 1), limits.header_timeout
        return ("next request", self._count), limits.keep_alive_timeout

    def give_up(self) -> None:
        if self._is_ending or self._transport.is_closing() or self.drained is not None:
            self._transport.abort()
        elif self._answering is not None:
            self._refuse(RequestError(408, "body", "The body did not arrive in time"))
        elif self._receiving == "head":
            self._refuse(RequestError(408, "headers", "The headers did not arrive in time"))
        else:
            self._end(lingering=False)

    def shutdown(self) -> None:
        """The server stops. The connection of a stream is closed: its client knows that there would have been more."""
        self._is_stopping = True
        self._stopping.set()
        if self._answering is None and self._pipeline:
            self._end(lingering=False)
        elif self._answering is None:
            # A next request may be on its way, or the first, from a proxy that does not know yet: it is the last one.
            self._loop.call_later(LAST_REQUEST, self._end_idle)
        elif self._answering.is_stream:
            self.on_stream(self._answering)
        else:
            self._answering.keep_alive = False

    def _end_idle(self) -> None:
        if self._answering is None and not self._is_ending:
            self._end(lingering=False)
