"""One request and its answer, as ASGI has them (ASGI specification, "HTTP & WebSocket ASGI Message Format")."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Scope

from gateway.header_block import HeaderBlock
from gateway.http.server.head import Headers, header_lines

STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

WHOLE_ANSWER: Final = "http.response.whole"
"""The ASGI extension: a coroutine function of status, headers and body, which sends a whole answer."""

HEADER_BLOCK: Final = "http.header_block"
"""The ASGI extension: a dict that all requests with one header block share, for what an application makes of it."""

CLOSE_LINE: Final = b"connection: close\r\n"

BODILESS: Final = (204, 304)

LAST_CHUNK: Final = b"0\r\n\r\n"

LINE_BREAKS: Final = b"\r\n\0"
"""What no header may have in it. NUL is one to some readers."""

FRAMING_HEADERS: Final = frozenset((b"connection", b"transfer-encoding"))
"""Headers that the server decides."""


class Client(Protocol):
    """The connection of an exchange, as the exchange sees it."""

    header_lines: Callable[[], bytes]
    """Lines that stand in every answer."""

    drained: asyncio.Event | None
    """While the client reads too slowly: set when it has read most of what was written, or has gone."""

    def write(self, data: bytes) -> None:
        """At once."""

    def write_whole(self, answer: bytes) -> None:
        """Together with the answers of other connections."""

    def read_on(self) -> None:
        """The application has read all that there was."""

    def on_stream(self, exchange: "Exchange") -> None:
        """The answer has begun, and has no length."""

    def on_done(self, exchange: "Exchange") -> None:
        """The answer is complete."""

    def on_failure(self, exchange: "Exchange", error: Exception | None) -> None:
        """The answer will not be completed: an error of the application's, or None when it was cancelled."""


class Exchange:
    """Has an application answer a request, and writes the answer in as few pieces as possible.

    The head of an answer waits for the body, so that both are one write. The head of a stream, an answer without a
    length, is written at once: its first event may be long in coming.

    `buffered`: bytes of the body that have come and have not been read; `is_received`: the whole body has come.
    `expects_continue`: the client sends the body only after "100 Continue". `is_begun`: a part of the answer has been
    written; `is_answered`: all of it; `is_stream`: it began without a length. `is_gone`: nobody waits for the answer.
    """

    __slots__ = (
        "_app", "_body_is_given", "_changed", "_chunks", "_client", "_has_body", "_head", "_is_chunked", "_left",
        "_scope", "buffered", "expects_continue", "is_answered", "is_begun", "is_gone", "is_received", "is_stream",
        "keep_alive",
    )  # fmt: skip

    def __init__(self, client: Client, app: ASGIApp, scope: Scope, keep_alive: bool, body: bytes | None = None) -> None:
        """`body` is all of it, where the request has come in one piece."""
        self.keep_alive = keep_alive
        self.buffered = 0
        self.expects_continue = False
        self.is_received = body is not None
        self.is_begun = False
        self.is_answered = False
        self.is_stream = False
        self.is_gone = False
        self._client = client
        self._app = app
        self._scope = scope
        self._chunks = [] if body is None else [body]
        self._body_is_given = False
        self._changed: asyncio.Event | None = None
        self._head: bytes | None = None  # that waits for the body; empty when it is written
        self._has_body = True
        self._is_chunked = False
        self._left: int | None = None  # bytes of a body whose length the head gives

    async def run(self) -> None:
        """To the end of the answer. The connection is notified of errors."""
        scope = {**self._scope}  # applications write into theirs
        scope["extensions"] = {**scope["extensions"], WHOLE_ANSWER: self.send_whole}
        if "state" in scope:
            scope["state"] = scope["state"].copy()
        try:
            await self._app(scope, self.receive, self.send)
            if not self.is_answered and not self.is_gone:
                raise RuntimeError("The application has not completed its answer")
        except asyncio.CancelledError:
            self._client.on_failure(self, None)
            raise
        except Exception as error:  # noqa: BLE001 # the last resort: the connection logs and answers it
            self._client.on_failure(self, error)

    # The request

    def feed(self, chunk: bytes) -> None:
        """A part of the body has come."""
        self._chunks.append(chunk)
        self.buffered += len(chunk)
        self._wake()

    def end_body(self) -> None:
        """The body is complete."""
        self.is_received = True
        self._wake()

    def leave(self) -> None:
        """Nobody waits for the answer any more."""
        self.is_gone = True
        self._wake()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def receive(self) -> Message:
        while not self.is_gone and not self.is_answered:
            if self._chunks or (self.is_received and not self._body_is_given):
                body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
                self._chunks = []
                self.buffered = 0
                self._body_is_given = self.is_received
                if not self.is_received:
                    self._client.read_on()
                return {"type": "http.request", "body": body, "more_body": not self.is_received}
            if self.expects_continue:
                self.expects_continue = False
                self._client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if self._changed is None:
                self._changed = asyncio.Event()
            await self._changed.wait()
        return {"type": "http.disconnect"}

    # The answer

    async def send(self, message: Message) -> None:
        if self._client.drained is not None:
            await self._client.drained.wait()
        if self.is_gone:
            return
        if message["type"] == "http.response.body" and self._head is not None and not self.is_answered:
            self._go_on(message.get("body", b""), message.get("more_body", False))
        elif message["type"] == "http.response.start" and self._head is None:
            self._begin(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"Not what comes next in an answer: {message['type']}")

    async def send_whole(self, status: int, headers: Headers, body: bytes) -> None:
        """The extension `WHOLE_ANSWER`: as the two messages of an answer whose length is among the headers.

        For headers without line breaks: that they have none is not checked here. It saves an eighth of the CPU of the
        cheapest requests (docs/adr/0006-connections.md).
        """
        client = self._client
        if client.drained is not None:
            await client.drained.wait()
        if self.is_gone:
            return
        lines = header_lines(headers)
        last_line = b"\r\n"
        if b"\r\nconnection: close\r\n" in lines:
            self.keep_alive = False
        elif not self.keep_alive or not self.is_received:
            self.keep_alive = False
            last_line = CLOSE_LINE + last_line
        if self._scope["method"] == "HEAD":
            body = b""
        self.is_begun = self.is_answered = True
        client.write_whole(b"".join((STATUS_LINES[status], lines, client.header_lines(), last_line, body)))
        if self._changed is not None:
            self._wake()
        client.on_done(self)

    def _begin(self, status: int, headers: Headers) -> None:
        """Make the head. How a body is delimited (RFC 9112, 6.3) and whether the connection lasts, is decided here.

        A stream to a client of HTTP/1.0, which has no chunks, ends with the connection.
        """
        fields = dict(headers)
        if not FRAMING_HEADERS.isdisjoint(fields):
            self.keep_alive &= fields.get(b"connection", b"").lower() != b"close"
            headers = [header for header in headers if header[0] not in FRAMING_HEADERS]
        if not self.is_received:
            self.keep_alive = False  # the rest of the body would have to be read to no end
        lines = header_lines(headers)
        if len(lines) - len(lines.translate(None, LINE_BREAKS)) != 2 * len(headers):
            raise ValueError("A header of the answer has a line break in it")
        if status in BODILESS or self._scope["method"] == "HEAD":
            self._has_body = False
        elif b"content-length" in fields:
            self._left = int(fields[b"content-length"])
        else:
            self.is_stream = True
            if self._scope["http_version"] == "1.1":
                self._is_chunked = True
                lines += b"transfer-encoding: chunked\r\n"
        last_line = b"\r\n" if self.keep_alive else CLOSE_LINE + b"\r\n"
        self._head = b"".join((STATUS_LINES[status], lines, self._client.header_lines(), last_line))
        if self.is_stream:
            self._write(b"")
            self._client.on_stream(self)

    def _go_on(self, body: bytes, more_body: bool) -> None:
        if not self._has_body:
            body = b""
        elif self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left > 0 and not more_body):
                raise ValueError("The answer has not the length that its head gives")
        elif self._is_chunked:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more_body else LAST_CHUNK)
        if more_body or self.is_begun:
            if body:
                self._write(body)
        else:
            self.is_begun = True
            self._client.write_whole((self._head or b"") + body)
        if not more_body:
            self.is_answered = True
            if self._changed is not None:
                self._wake()
            self._client.on_done(self)

    def _write(self, data: bytes) -> None:
        self._client.write((self._head or b"") + data)
        self._head = b""
        self.is_begun = True


def scope_for(block: HeaderBlock[Scope], body: bytes) -> Scope:
    """The ASGI scope made of a block, with the length of this body in its headers."""
    if len(body) != block.length:
        block.length, digits = len(body), b"%d" % len(body)
        headers = block.made["headers"]
        headers = [(name, digits if name == b"content-length" else value) for name, value in headers]
        block.made = {**block.made, "headers": headers}
    return block.made
