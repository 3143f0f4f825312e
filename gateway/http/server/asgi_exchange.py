"""A request and its answer as ASGI has them (ASGI specification, "HTTP & WebSocket ASGI Message Format")."""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from starlette.types import ASGIApp, Message, Scope

from gateway.http.server.exchange import CLOSE_LINE, STATUS_LINES, Client, Exchange

BODILESS: Final = (204, 304)

LAST_CHUNK: Final = b"0\r\n\r\n"


class Framing(Enum):
    """How the body of an answer is delimited (RFC 9112, 6.3)."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()
    """By the end of the connection: for clients of HTTP/1.0, that know no chunks."""


class AsgiExchange(Exchange):
    """Has an application answer, and writes that in as few pieces as can be.

    The head of an answer is held until its body comes, so that both are one write. Only that of a stream, an answer
    without a length, is written before: its first event may be long in coming.
    """

    _framing: Framing | None = None
    _head: bytes | None = None
    _left = 0

    def __init__(self, client: Client, app: ASGIApp, scope: Scope, keep_alive: bool) -> None:
        super().__init__(client, keep_alive)
        self._app = app
        self._scope = scope

    async def _answer(self) -> None:
        await self._app(self._scope, self.receive, self.send)
        if not self.is_answered and not self.is_gone:
            raise RuntimeError("The application has not completed its answer")

    async def send(self, message: Message) -> None:
        if self._client.drained is not None:
            await self._client.drained.wait()
        if self.is_gone:
            return
        if message["type"] == "http.response.start" and self._head is None:
            self._begin(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body" and self._head is not None and not self.is_answered:
            self._go_on(message.get("body", b""), bool(message.get("more_body")))
        else:
            raise RuntimeError(f"Not what comes next in an answer: {message['type']}")

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Make the head. How a body is delimited and whether the connection lasts is decided here alone."""
        lines = [STATUS_LINES[status]]
        length: int | None = None
        for name, value in headers:
            match name:
                case b"content-length":
                    length = int(value)
                case b"connection":
                    self.keep_alive &= value.lower() != b"close"
                    continue
                case b"transfer-encoding":
                    continue
            lines.append(b"%b: %b\r\n" % (name, value))
        self.keep_alive &= self.is_received  # the rest of a body would have to be read to no end
        if status in BODILESS or self._scope["method"] == "HEAD":
            self._framing = Framing.NONE
        elif length is not None:
            self._framing, self._left = Framing.LENGTH, length
        elif self._scope["http_version"] == "1.1":
            self._framing = Framing.CHUNKED
            lines.append(b"transfer-encoding: chunked\r\n")
        else:
            self._framing = Framing.CLOSE  # of HTTP/1.0, after which no connection is kept
        if not self.keep_alive:
            lines.append(CLOSE_LINE)
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines) or b"\0" in head:
            raise ValueError("A header of the answer has a line break in it")
        self._head = b"%b%b\r\n" % (head, self._client.header_lines())
        self.is_stream = self._framing in (Framing.CHUNKED, Framing.CLOSE)
        if self.is_stream:
            self._write(b"")
            self._client.streams(self)

    def _go_on(self, body: bytes, more_body: bool) -> None:
        match self._framing:
            case Framing.NONE:
                body = b""
            case Framing.LENGTH:
                self._left -= len(body)
                if self._left < 0 or (self._left > 0 and not more_body):
                    raise ValueError("The answer has not the length that its head gives")
            case Framing.CHUNKED:
                body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more_body else LAST_CHUNK)
        if body or not more_body:
            self._write(body)
        if not more_body:
            self._complete()

    def _write(self, data: bytes) -> None:
        self._client.write(self._head + data if self._head else data)
        self._head = b""
        self.is_begun = True
