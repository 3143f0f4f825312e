"""HTTP/1.1 (RFC 9112) on one connection: uvicorn's httptools protocol, which no client may hold up.

uvicorn.run(application, http=partial(HttpConnection, Pool(ServerLimits(...), error_app)), ws=WebSocketConnection)

What is added: refusals in their turn, timeouts, bounds, strictness, and a fast path for headers that come again.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Hashable
from contextvars import Context
from math import inf
from typing import Any, Final, Literal, cast
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.header_block import HeaderBlock, cache_header_block
from gateway.http.server import limits
from gateway.http.server.head import (
    Headers,
    RequestError,
    header_lines,
    require_short,
    require_unambiguous,
    split_target,
)
from gateway.http.server.limits import LONGEST_HEAD, LONGEST_URL, MOST_FRAMING, MOST_HEADERS, MOST_PIPELINED
from gateway.http.server.pool import Pool

WHOLE_ANSWER: Final = "http.response.whole"
"""The ASGI extension: a coroutine function of status, headers and body, which sends a whole answer."""

HEADER_BLOCK: Final = "http.header_block"
"""The ASGI extension: a dict that all requests with one header block share, for what an application makes of it."""

LAST_REQUEST = 2.0
"""Seconds that a connection stays open for a request that may be on its way when the server stops.

A proxy that gets no processor for that long can still send one on a connection that is being closed.
"""

AT_ONCE: Final[Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
"""Before Python 3.12 a task can only wait for its turn."""

REFUSED: Final = {"type": "http", "http_version": "1.1", "method": "GET", "extensions": {}}
"""The scope for what answers an error: the request may have no other that can be read."""


class Flow(FlowControl):
    """uvicorn's, but that an application which reads its body lets in nothing more while this `is_held`."""

    is_held = False

    def resume_reading(self) -> None:
        if not self.is_held and not self._transport.is_closing():
            super().resume_reading()


class Cycle(RequestResponseCycle):
    """One request and its answer. `is_begun`: a part of the answer has been written; `is_last`: the connection ends
    with it; `is_stream`: it began without a length.
    """

    is_begun = is_last = is_stream = False

    def __init__(self, connection: "HttpConnection", scope: Scope, keep_alive: bool, body: bytes | None = None) -> None:
        """`body` is all of it, where the request has come in one piece."""
        super().__init__(
            cast("Any", scope),
            connection.transport,
            connection.flow,
            connection.logger,
            connection.access_logger,
            False,
            connection.server_state.default_headers,
            asyncio.Event(),
            False,
            keep_alive,
            connection.on_response_complete,
        )
        if body is not None:
            self.body = cast("bytearray", body)
            self.more_body = False
            self.message_event.set()
        self._connection = connection

    async def run_asgi(self, app: Any) -> None:
        """To the end of the answer. The connection is notified of errors. `app` may write into its scope."""
        extensions = {**self.scope["extensions"], WHOLE_ANSWER: self.send_whole}
        try:
            await app({**self.scope, "extensions": extensions}, self.receive, self.send)
            if not self.response_complete and not self.disconnected:
                raise RuntimeError("The application has not completed its answer")
        except asyncio.CancelledError:
            self._connection.on_failure(self, None)
            raise
        except Exception as error:  # noqa: BLE001 # the last resort: the connection logs and answers it
            self._connection.on_failure(self, error)

    def leave(self) -> None:
        """Nobody waits for the answer any more."""
        self.disconnected = True
        self.message_event.set()

    async def send(self, message: Message) -> None:  # type: ignore[override] # uvicorn's own types of the same
        """As uvicorn does, but for what ends the connection: HTTP/1.0 without a length, and a body left unread.

        uvicorn would close at once, and a client that is still sending would not see its answer: it is told that the
        connection lasts, and `on_response_complete` ends it.
        """
        self._connection.pool.flush()
        if message["type"] == "http.response.start" and not self.response_started:
            self.keep_alive &= not self.more_body
            if self.scope["http_version"] == "1.0" and b"content-length" not in dict(message["headers"]):
                self.chunked_encoding, self.expected_content_length, self.is_stream = False, sys.maxsize, True
            await super().send(cast("Any", message))
            self.is_begun, self.is_last, self.keep_alive = True, not self.keep_alive, True
            self.is_stream |= bool(self.chunked_encoding)
            if self.is_stream:
                self._connection.on_stream(self)
        else:
            if self.is_stream and not self.chunked_encoding and not message.get("more_body"):
                self.expected_content_length = len(message.get("body", b""))
            await super().send(cast("Any", message))

    async def send_whole(self, status: int, headers: Headers, body: bytes) -> None:
        """The extension `WHOLE_ANSWER`: as the two messages of an answer whose length is among the headers.

        For headers without line breaks: that they have none is not checked here. It saves an eighth of the CPU of the
        cheapest requests (docs/adr/0006-connections.md).
        """
        if self.flow.write_paused:
            await self.flow.drain()
        if self.disconnected:
            return
        lines = header_lines(headers)
        last_line = b"\r\n"
        if b"\r\nconnection: close\r\n" in lines:
            self.is_last = True
        elif not self.keep_alive or self.more_body:
            self.is_last, last_line = True, b"connection: close\r\n\r\n"
        if self.scope["method"] == "HEAD":
            body = b""
        self.response_started = self.response_complete = self.is_begun = True
        pool = self._connection.pool
        pool.put(
            self.transport,
            b"".join((STATUS_LINE[status], lines, pool.header_lines(self.default_headers), last_line, body)),
        )
        self.message_event.set()
        self.on_response()


class HttpConnection(HttpToolsProtocol):
    """A request that is malformed, too large or too slow is answered in its turn, by `error_app`, and the connection
    closed: where the next one begins is no longer certain.

    uvicorn's `cycle` is the request that is being received, `answering` the one that is being answered.
    """

    flow: Flow
    cycle: Cycle | None  # type: ignore[assignment] # uvicorn keeps the last one

    def __init__(self, pool: Pool, **given: Any) -> None:
        super().__init__(**given)
        self.parser = httptools.HttpRequestParser(self)  # strict, where uvicorn's takes data after the last request
        self.pool = pool
        self.answering: Cycle | None = None
        self._waiting: deque[tuple[Cycle, ASGIApp]] = deque()
        self._block: HeaderBlock[Scope] | None = None
        self._receiving: Literal["nothing", "head", "body"] = "nothing"
        self._count = 0  # requests
        self._framing_bytes = 0  # of the request, besides its body
        self._is_refused = False
        self._is_ending = False
        self._is_stopping = False

    # What the transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self.flow = Flow(transport)
        self.pool.watch(self.connections)
        if self.pool.is_stopping:  # uvicorn has not seen it: the kernel had handed it over, and it had not begun
            self.shutdown()
        most = self.pool.limits.max_connections
        if len(self.connections) > 2 * most:
            self.transport.abort()
        elif len(self.connections) > most:
            self._refuse(RequestError(503, "connections", "The server has as many connections as it takes"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_ending = True
        if self.answering is not None:
            self.answering.leave()
        super().connection_lost(exc)
        self.cycle = self.answering = self._block = None  # they refer to the connection
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self._is_refused or self._is_ending:
            return
        block, self._block = self._block, None
        if block is not None and self.answering is None and not self._waiting:
            body = block.get_body(data)
            if body is not None:  # the parser would find what it found the last time
                self._block, self._count = block, self._count + 1
                self.cycle = Cycle(self, scope_for(block, body), not self._is_stopping, body)
                self._start_asgi_task(self.cycle, self.app)
                return
        self.pool.flush()
        begins = self._receiving == "nothing"
        self._framing_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, RequestError):
                self._refuse(cause)
            elif self._receiving != "nothing" or self.cycle is None or self.cycle.keep_alive:  # else it was the last
                self._refuse(RequestError(400, "request", "This is not well-formed HTTP"))
        else:
            if self._framing_bytes > MOST_FRAMING:
                self._refuse(RequestError(431, "headers", "The request is too long besides its body", MOST_FRAMING))
            elif begins and self.cycle is not None and self.cycle.keep_alive:
                self._block = cache_header_block(
                    data, cast("Headers", self.scope["headers"]), cast("Scope", self.scope)
                )
        self._begin_next()

    # What the parser calls: a RequestError ends the parsing

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._receiving = "head"
        self._count += 1
        self.cycle = None

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > LONGEST_URL:
            raise RequestError(414, "bytes", "The address is too long: use POST", LONGEST_URL)

    def on_headers_complete(self) -> None:
        self._receiving = "body"
        version = self.parser.get_http_version()
        fields = dict(self.headers)
        require_unambiguous(version, self.headers, fields)
        if len(self.headers) > MOST_HEADERS or self._framing_bytes > LONGEST_HEAD:
            require_short(self.headers)
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise RequestError(405, "method", "The server is no proxy")
        path, query = split_target(self.url, fields.get(b"host"))
        scope = cast("Scope", self.scope)
        scope["method"] = method.decode("ascii")
        if self.parser.should_upgrade():
            return
        self.headers = []  # of trailers, which come to nothing
        if len(self._waiting) == MOST_PIPELINED + (self.answering is None):
            raise RequestError(429, "requests", "Too many requests wait on this connection")
        scope["http_version"] = version
        scope["path"] = unquote(path) if b"%" in path else path.decode("ascii")
        scope["raw_path"] = path
        scope["query_string"] = query
        scope["extensions"] = {HEADER_BLOCK: {}}
        keep_alive = version == "1.1" and self.parser.should_keep_alive() and not self._is_stopping
        self.cycle = Cycle(self, scope, keep_alive)
        self.cycle.waiting_for_100_continue = self.expect_100_continue
        self._waiting.append((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        self._framing_bytes -= len(body)
        if self.cycle is not None:
            self.cycle.waiting_for_100_continue = False
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._receiving = "nothing"
        self._framing_bytes = 0
        if self.cycle is not None:
            super().on_message_complete()

    def _upgrade(self, rest: bytes) -> None:
        """To WebSocket; any other protocol is ignored (RFC 9110, 7.8), and its request read without that header."""
        if not self._should_upgrade():
            lines = header_lines(header for header in self.headers if header[0] != b"upgrade")
            self.data_received(b"%b %b HTTP/1.1\r\n%b\r\n" % (self.parser.get_method(), self.url, lines) + rest)
        elif self.answering is not None or self._waiting or self.parser.get_http_version() != "1.1":
            self._refuse(RequestError(400, "upgrade", "An upgrade needs HTTP/1.1, and no other request before it"))
        elif self._is_stopping:
            self._end(lingering=False)
        else:
            self._is_ending = True
            self.handle_websocket_upgrade()
            self.parser = None  # type: ignore[assignment] # it refers to the connection
            web_socket = cast("Any", self.transport.get_protocol())
            web_socket.stall_timeout = self.pool.limits.stall_timeout
            if rest and not self.transport.is_closing():
                web_socket.data_received(rest)

    # Answering

    def _begin_next(self) -> None:
        """What was received is answered in its order, one at a time. What would have to be kept is not read."""
        if self.answering is None and self._waiting:
            self._start_asgi_task(*self._waiting.popleft())
        is_held = not self._is_ending and (self._is_refused or bool(self._waiting))
        if is_held is not self.flow.is_held and not self.transport.is_closing():
            self.flow.is_held = is_held
            (self.flow.pause_reading if is_held else self.flow.resume_reading)()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Run its first steps at once: an answer that waits for nothing is written when this returns."""
        self.answering = cast("Cycle", cycle)
        task = asyncio.Task(cycle.run_asgi(app), loop=self.loop, context=Context(), **AT_ONCE)
        if not task.done():
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def on_stream(self, cycle: Cycle) -> None:
        """The answer has begun, and has no length: a server that stops does not wait for its end."""
        if self._is_stopping:
            cycle.leave()
            self._end(lingering=False)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        cycle, self.answering = cast("Cycle", self.answering), None
        if cycle is self.cycle:
            self.cycle = None
        if cycle.is_last or not cycle.keep_alive:
            self._end(lingering=cycle.more_body)
        elif self._waiting:
            self.loop.call_soon(self._begin_next)
        elif self.flow.read_paused:
            self._begin_next()
            self.flow.resume_reading()

    def on_failure(self, cycle: Cycle, error: Exception | None) -> None:
        """The answer will not be completed: an error of the application's, or None when it was cancelled."""
        if cycle.disconnected:
            return
        cycle.leave()
        self.answering = None
        self._waiting.clear()
        if error is None or cycle.is_begun:
            self._end(lingering=False)
        else:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """Answer what is being received with an error, after all that came before it; then close."""
        self._is_refused = True
        refused = self.cycle if self._receiving == "body" else None
        if refused is not None and refused is self.answering:
            refused.leave()
            self.answering = None
            if refused.is_begun:
                self._end(lingering=False)
                return
        elif self._waiting and self._waiting[-1][0] is refused:
            self._waiting.pop()
        self._waiting.append((Cycle(self, REFUSED, keep_alive=False), self.pool.error_app(error)))
        self._begin_next()

    def _end(self, *, lingering: bool) -> None:
        """Close: what still waits for its turn is not begun.

        A client that is still sending would see that instead of its answer: it gets some time (RFC 9112, 9.6).
        """
        self._is_ending = True
        self._waiting.clear()
        self.pool.flush()
        if lingering and self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
            self.flow.is_held = False
            self.flow.resume_reading()
        else:
            self.transport.close()

    # What the pool and the server call

    def awaited(self) -> tuple[Hashable, float]:
        """What the client has to do next, another value as soon as it has done it, and how many seconds it has."""
        allowed = self.pool.limits
        unread = self.transport.get_write_buffer_size()
        if self._is_ending or self.transport.is_closing():
            return ("closing", unread // limits.PROGRESS), allowed.stall_timeout if unread else limits.LINGER
        if self.flow.write_paused:
            return ("reading", unread // limits.PROGRESS), allowed.stall_timeout
        if self.answering is not None:
            if self._receiving == "body" and self.answering is self.cycle and not self.flow.read_paused:
                return ("body", self._count), limits.LINGER if self._is_stopping else allowed.body_timeout
            return "nothing", inf
        if self._receiving == "head" or self._count == 0:
            return ("head", self._count or 1), allowed.header_timeout
        return ("next request", self._count), allowed.keep_alive_timeout

    def give_up(self) -> None:
        """The client has not done it."""
        if self._is_ending or self.transport.is_closing() or self.flow.write_paused:
            self.transport.abort()
        elif self.answering is not None:
            self._refuse(RequestError(408, "body", "The body did not arrive in time"))
        elif self._receiving == "head":
            self._refuse(RequestError(408, "headers", "The headers did not arrive in time"))
        else:
            self._end(lingering=False)

    def shutdown(self) -> None:
        """The server stops. The connection of a stream is closed: its client knows that there would have been more."""
        self._is_stopping = self.pool.is_stopping = True
        if self.answering is None and self._waiting:
            self._end(lingering=False)
        elif self.answering is None:
            # A next request may be on its way, or the first, from a proxy that does not know yet: it is the last one.
            self.loop.call_later(LAST_REQUEST, self._end_idle)
        elif self.answering.is_stream:
            self.on_stream(self.answering)
        else:
            self.answering.keep_alive = False

    def _end_idle(self) -> None:
        if self.answering is None and not self._is_ending:
            self._end(lingering=False)


def scope_for(block: HeaderBlock[Scope], body: bytes) -> Scope:
    """The ASGI scope made of a block, with the length of this body in its headers."""
    if len(body) != block.length:
        block.length, digits = len(body), b"%d" % len(body)
        headers = block.made["headers"]
        headers = [(name, digits if name == b"content-length" else value) for name, value in headers]
        block.made = {**block.made, "headers": headers}
    return block.made
