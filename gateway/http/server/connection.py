"""HTTP/1.1 (RFC 9112) on one connection: uvicorn's httptools protocol, which no client may hold up.

    uvicorn.run(application, http=partial(HttpConnection, Pool(ServerLimits(...), error_app)), ws=WebSocketConnection)

What is added: refusals in their turn, timeouts, bounds, strictness, and a fast path for headers that come again.
"""

import asyncio
import sys
from collections import deque
from contextvars import Context
from functools import cached_property, partial
from typing import Any, Final, Literal, cast
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.header_block import HeaderBlock, cache_header_block
from gateway.http.server.bounds import LONGEST_URL, NOTHING, Awaited, Pool, RequestError, check_head, split_target

WHOLE_ANSWER: Final = "http.response.whole"
"""The ASGI extension: an `http.response.start` with a `body` is the whole answer, its length among its headers. It
saves an eighth of the CPU of the cheapest requests (docs/adr/0006-connections.md)."""

HEADER_BLOCK: Final = "http.header_block"
"""The ASGI extension: a dict that all requests with one header block share, for what an application makes of it."""

CLOSE: Final = b"connection: close"

MOST_FRAMING: Final = 64 * 1024  # bytes besides the body: chunk sizes, trailers, a header that never ends
MOST_PIPELINED: Final = 16  # requests that wait on one connection for the answer to the one before

LAST_REQUEST = 2.0  # seconds that a connection stays open for a request that may be on its way when the server stops

# Before Python 3.12 a task can only wait for its turn.
start_task: Any = partial(cast("Any", asyncio.Task), eager_start=True) if sys.version_info >= (3, 12) else asyncio.Task

REFUSED: Final = {"type": "http", "http_version": "1.1", "method": "GET", "extensions": {WHOLE_ANSWER: {}}}
"""The scope for what answers an error: the request may have no other that can be read."""


class Cycle(RequestResponseCycle):
    """One request and its answer. `is_begun`: a part of the answer has been written; `is_last`: the connection ends
    with it; `is_stream`: it began without a length.

    uvicorn's constructor is not called: it makes an event for each request, which hardly one waits for.
    """

    is_begun = is_last = is_stream = False
    access_log = waiting_for_100_continue = disconnected = response_started = response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    body: Any = b""

    def __init__(
        self, connection: "HttpConnection", app: ASGIApp, scope: Scope, keep_alive: bool, whole: bytes | None = None
    ) -> None:
        """`whole` is the body, where the request has come in one piece."""
        self._connection = connection
        self._app = app
        self._whole = whole
        self.scope = cast("Any", scope)
        self.keep_alive = keep_alive
        self.more_body = whole is None

    @cached_property
    def message_event(self) -> asyncio.Event:  # type: ignore[override] # made when something waits for it
        return asyncio.Event()

    # What uvicorn's own methods use
    transport = property(lambda self: self._connection.transport)
    flow = property(lambda self: self._connection.flow)
    default_headers = property(lambda self: self._connection.server_state.default_headers)
    on_response = property(lambda self: self._connection.on_response_complete)

    async def run(self) -> None:
        try:
            await self._app(self.scope.copy(), self.receive, self.send)  # type: ignore[arg-type] # uvicorn's own types
            if not self.response_complete and not self.disconnected:
                raise RuntimeError("The application has not completed its answer")
        except asyncio.CancelledError:
            self._connection.on_failure(self, None)
            raise
        except Exception as error:  # noqa: BLE001 # the last resort: the connection logs and answers it
            self._connection.on_failure(self, error)
        finally:
            self._connection.tasks.discard(asyncio.current_task())

    def leave(self) -> None:
        """The client does not wait for the answer any more."""
        self.disconnected = True
        self.message_event.set()

    async def receive(self) -> Any:
        if self._whole is None:
            return await super().receive()
        body, self._whole = self._whole, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:  # type: ignore[override] # uvicorn's own types of the same
        """As uvicorn does, but for what ends the connection: HTTP/1.0 without a length, and a body left unread.

        uvicorn would close at once, and a client that is still sending would not see its answer: it is told that the
        connection lasts, and `on_response_complete` ends it.
        """
        connection = self._connection
        if self.response_started or message["type"] != "http.response.start":
            if self.is_stream and not self.chunked_encoding and not message.get("more_body"):
                self.expected_content_length = len(message.get("body", b""))
            await super().send(cast("Any", message))
        elif "body" in message:  # the extension `WHOLE_ANSWER`; that its headers have no line breaks is not checked
            if connection.flow.write_paused:
                await connection.flow.drain()
            if self.disconnected:
                return
            lines = [*map(b": ".join, connection.server_state.default_headers), *map(b": ".join, message["headers"])]
            if CLOSE in lines:
                self.is_last = True
            elif not self.keep_alive or self.more_body:
                self.is_last = True
                lines.append(CLOSE)
            body = b"" if self.scope["method"] == "HEAD" else message["body"]
            answer = STATUS_LINE[message["status"]] + b"\r\n".join((*lines, b"", body))
            self.response_started = self.response_complete = self.is_begun = True
            connection.pool.put(connection.transport, answer)
            if "message_event" in self.__dict__:
                self.message_event.set()
            connection.on_response_complete()
        else:
            connection.pool.flush()
            self.keep_alive &= not self.more_body
            if self.scope["http_version"] == "1.0" and b"content-length" not in dict(message["headers"]):
                self.chunked_encoding, self.expected_content_length, self.is_stream = False, sys.maxsize, True
            await super().send(cast("Any", message))
            self.is_begun, self.is_last, self.keep_alive = True, not self.keep_alive, True
            self.is_stream |= bool(self.chunked_encoding)
            if self.is_stream:
                connection.on_stream(self)


class HttpConnection(HttpToolsProtocol):
    """A request that is malformed, too large or too slow is answered in its turn, by `error_app`, and the connection
    closed: where the next one begins is no longer certain. uvicorn's `cycle` is the request that is being received.
    """

    cycle: Cycle | None  # type: ignore[assignment] # uvicorn keeps the last one

    def __init__(self, pool: Pool, **given: Any) -> None:
        super().__init__(**given)
        self.parser = httptools.HttpRequestParser(self)  # strict, where uvicorn's takes data after the last request
        self.pool = pool
        self.answering: Cycle | None = None
        self._waiting: deque[Cycle] = deque()
        self._block: HeaderBlock[Scope] | None = None  # while the connection lasts
        self._receiving: Literal["nothing", "head", "body"] = "nothing"
        self._count = 0  # requests
        self._framing_bytes = 0  # of the request, besides its body
        self._is_refused = False
        self._is_ending = False
        self._is_stopping = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
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
        block = self._block
        if block is not None and self.answering is None and not self._waiting:
            body = block.get_body(data)
            if body is not None:  # the parser would find what it found the last time, but for the length
                if len(body) != block.length:
                    block.length, digits, made = len(body), b"%d" % len(body), block.made
                    headers = [(name, digits if name == b"content-length" else it) for name, it in made["headers"]]
                    block.made = {**made, "headers": headers}
                self._count += 1
                self._answer(Cycle(self, self.app, block.made, not self._is_stopping, body))
                return
        self._block = None
        if self._is_refused or self._is_ending:
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
                self._refuse(RequestError(431, "headers", "The request line and headers are too long", MOST_FRAMING))
            elif begins and self.cycle is not None and self.cycle.keep_alive:
                self._block = cache_header_block(data, [*self.scope["headers"]], cast("Scope", self.scope))
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
        version, method, fields = self.parser.get_http_version(), self.parser.get_method(), dict(self.headers)
        check_head(version, self.headers, fields)
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
        scope.update(http_version=version, path=unquote(path.decode("ascii")), raw_path=path, query_string=query)
        scope["extensions"] = {HEADER_BLOCK: {}, WHOLE_ANSWER: {}}
        keep_alive = version == "1.1" and self.parser.should_keep_alive() and not self._is_stopping
        self.cycle = Cycle(self, self.app, scope, keep_alive)
        self.cycle.waiting_for_100_continue = self.expect_100_continue
        self._waiting.append(self.cycle)

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
            lines = [b"%b %b HTTP/1.1" % (self.parser.get_method(), self.url)]
            lines += [b": ".join(header) for header in self.headers if header[0] != b"upgrade"]
            self.data_received(b"\r\n".join((*lines, b"", rest)))
        elif self.answering is not None or self._waiting or self.parser.get_http_version() != "1.1":
            self._refuse(RequestError(400, "upgrade", "An upgrade needs HTTP/1.1, and no other request before it"))
        elif self._is_stopping:
            self._end()
        else:
            self._is_ending = True
            self.handle_websocket_upgrade()
            self.parser = None  # type: ignore[assignment] # it refers to the connection
            web_socket = cast("Any", self.transport.get_protocol())
            web_socket.limits = self.pool.limits
            if rest and not self.transport.is_closing():
                web_socket.data_received(rest)

    # Answering

    def _begin_next(self) -> None:
        """What was received is answered in its order, one at a time. What would have to be kept is not read."""
        was_idle = self.answering is None
        if was_idle and self._waiting:
            self._answer(self._waiting.popleft())
        if self._waiting or (self._is_refused and not self._is_ending):
            self.flow.pause_reading()
        elif was_idle:
            self.flow.resume_reading()

    def _answer(self, cycle: Cycle) -> None:
        """Run its first steps at once: an answer that waits for nothing is written when this returns."""
        self.answering = cycle
        task = start_task(cycle.run(), loop=self.loop, context=Context())
        if not task.done():
            self.tasks.add(task)

    def on_stream(self, cycle: Cycle) -> None:
        """The answer has begun, and has no length: a server that stops does not wait for its end."""
        if self._is_stopping:
            cycle.leave()
            self._end()

    def on_response_complete(self) -> None:
        cycle, self.answering = self.answering, None
        if cycle is self.cycle:
            self.cycle = None
        if cycle is not None and (cycle.is_last or not cycle.keep_alive):
            self._end(lingering=cycle.more_body)
        elif self._waiting or self.flow.read_paused:
            self.loop.call_soon(self._begin_next)

    def on_failure(self, cycle: Cycle, error: Exception | None) -> None:
        """The answer will not be completed: an error of the application's, or None when it was cancelled."""
        if cycle.disconnected:
            return
        cycle.leave()
        self.answering = None
        self._waiting.clear()
        if error is None or cycle.is_begun:
            self._end()
        else:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """Answer what is being received with an error, after all that came before it; then close."""
        self._is_refused, self._block = True, None
        refused = self.cycle if self._receiving == "body" else None
        if refused is not None and refused is self.answering:
            refused.leave()
            self.answering = None
            if refused.is_begun:
                self._end()
                return
        elif self._waiting and self._waiting[-1] is refused:
            self._waiting.pop()
        self._waiting.append(Cycle(self, self.pool.error_app(error), REFUSED, keep_alive=False))
        self._begin_next()

    def _end(self, *, lingering: bool = False) -> None:
        """Close: what still waits for its turn is not begun. A client that is still sending would see this and not its
        answer: it gets some time (RFC 9112, 9.6).
        """
        self._is_ending, self._block = True, None
        self._waiting.clear()
        self.pool.flush()
        if lingering and self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()

    # What the pool and the server call

    def awaited(self) -> Awaited:
        allowed, count = self.pool.limits, self._count
        unread = allowed.await_reading(self.transport, is_ending=self._is_ending, is_paused=self.flow.write_paused)
        if unread is not None:
            return unread
        if self.answering is not None:
            if self._receiving != "body" or self.answering is not self.cycle or self.flow.read_paused:
                return NOTHING
            seconds = allowed.linger if self._is_stopping else allowed.body_timeout
            late = RequestError(408, "body", "The body did not arrive in time")
            return ("body", count), seconds, partial(self._refuse, late)
        if self._receiving == "head":
            late = RequestError(408, "headers", "The headers did not arrive in time")
            return ("head", count), allowed.header_timeout, partial(self._refuse, late)
        if not count:
            return ("head", 1), allowed.header_timeout, self._end
        return ("next request", count), allowed.keep_alive_timeout, self._end

    def shutdown(self) -> None:
        """The server stops. The connection of a stream is closed: its client knows that there would have been more."""
        self._is_stopping = self.pool.is_stopping = True
        if self.answering is None and self._waiting:
            self._end()
        elif self.answering is None:
            # A next request may be on its way, or the first, from a proxy that does not know yet: it is the last one.
            self.loop.call_later(LAST_REQUEST, self._end_idle)
        elif self.answering.is_stream:
            self.on_stream(self.answering)
        else:
            self.answering.keep_alive = False

    def _end_idle(self) -> None:
        if self.answering is None and not self._is_ending:
            self._end()
