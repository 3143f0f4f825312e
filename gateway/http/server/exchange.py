"""One request and its answer, as ASGI has them (ASGI specification, "HTTP & WebSocket ASGI Message Format")."""

import asyncio
from collections.abc import Iterable
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, Protocol

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Scope

STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}

BODILESS: Final = (204, 304)

LAST_CHUNK: Final = b"0\r\n\r\n"


class Framing(Enum):
    """How the body of an answer is delimited (RFC 9112, 6.3)."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()
    """By the end of the connection: for clients of HTTP/1.0, that know no chunks."""


class Client(Protocol):
    """The connection of an exchange, as the exchange sees it."""

    @property
    def header_lines(self) -> bytes:
        """Lines that stand in every answer."""

    def write(self, data: bytes) -> None: ...

    drained: asyncio.Event | None
    """While the client reads too slowly: set when it has read most of what was written, or has gone."""

    def read_on(self) -> None:
        """The application has read all that there was."""

    def answered(self, exchange: "Exchange") -> None:
        """The answer is complete."""

    def failed(self, exchange: "Exchange", error: Exception | None) -> None:
        """The answer will not be completed: an error of the application's, or None when it was cancelled."""


class Exchange:
    """Gathers the body for the application, and writes its answer in as few pieces as can be.

    The head of an answer is held until its body comes, so that both are one write. Only that of a stream, an answer
    without a length, is written before: its first event may be long in coming.
    """

    buffered = 0
    """Bytes of the body that the application has not read."""
    is_received = False
    """The whole body is."""
    is_begun = False
    """Something of the answer is written."""
    is_answered = False
    is_gone = False
    """Nobody waits for the answer."""

    _body_is_given = False
    _changed: asyncio.Event | None = None
    _framing: Framing | None = None
    _head: bytes | None = None
    _left = 0

    def __init__(self, client: Client, scope: Scope, *, keep_alive: bool, expects_continue: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self._client = client
        self._chunks: list[bytes] = []

    async def run(self, app: ASGIApp) -> None:
        try:
            await app(self.scope, self.receive, self.send)
            if not self.is_answered and not self.is_gone:
                raise RuntimeError("The application has not completed its answer")
        except ClientDisconnect:
            pass
        except asyncio.CancelledError:
            self._client.failed(self, None)
            raise
        except Exception as error:  # noqa: BLE001 # the last resort: it is logged, and the client told what can be told
            self._client.failed(self, error)

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
                return self._next_part()
            if self.expects_continue:
                self.expects_continue = False
                self._client.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if self._changed is None:
                self._changed = asyncio.Event()
            await self._changed.wait()
        return {"type": "http.disconnect"}

    def _next_part(self) -> Message:
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self.buffered = 0
        self._body_is_given = self.is_received
        if not self.is_received:
            self._client.read_on()
        return {"type": "http.request", "body": body, "more_body": not self.is_received}

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
            lines.append(name + b": " + value)
        self.keep_alive &= self.is_received  # the rest of a body would have to be read to no end
        if status in BODILESS or self.scope["method"] == "HEAD":
            self._framing = Framing.NONE
        elif length is not None:
            self._framing, self._left = Framing.LENGTH, length
        elif self.scope["http_version"] == "1.1":
            self._framing = Framing.CHUNKED
            lines.append(b"transfer-encoding: chunked")
        else:
            self._framing, self.keep_alive = Framing.CLOSE, False
        if not self.keep_alive:
            lines.append(b"connection: close")
        head = b"\r\n".join(lines)
        if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
            raise ValueError("A header of the answer has a line break in it")
        self._head = b"%b\r\n%b\r\n" % (head, self._client.header_lines)
        if self.is_stream:
            self._write(b"")

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
            self.is_answered = True
            self._wake()
            self._client.answered(self)

    @property
    def is_stream(self) -> bool:
        """Whether the answer has begun without a word on its length."""
        return self._framing in (Framing.CHUNKED, Framing.CLOSE)

    def _write(self, data: bytes) -> None:
        self._client.write(self._head + data if self._head else data)
        self._head = b""
        self.is_begun = True
