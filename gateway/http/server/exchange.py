"""One request and its answer, between the connection and what answers."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol

from starlette.requests import ClientDisconnect
from starlette.types import Message

from gateway.http.endpoint import Answerer

STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

CLOSE_LINE: Final = b"connection: close\r\n"


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

    def streams(self, exchange: "Exchange") -> None:
        """The answer has begun, and has no end that could be waited for."""

    def answered(self, exchange: "Exchange") -> None:
        """The answer is complete."""

    def failed(self, exchange: "Exchange", error: Exception | None) -> None:
        """The answer will not be completed: an error of the application's, or None when it was cancelled."""


class Exchange:
    """Gathers the body for what answers, and tells the connection when that is done.

    `buffered`: bytes of the body that have come and have not been read; `is_received`: the whole body has come.
    `expects_continue`: the client sends the body only after "100 Continue". `is_begun`: a part of the answer has been
    written; `is_answered`: all of it; `is_stream`: it began without a length. `is_gone`: nobody waits for the answer.
    """

    __slots__ = (
        "_body_is_given", "_changed", "_chunks", "_client", "buffered", "expects_continue", "is_answered", "is_begun",
        "is_gone", "is_received", "is_stream", "keep_alive",
    )  # fmt: skip

    def __init__(self, client: Client, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.buffered = 0
        self.expects_continue = False
        self.is_received = False
        self.is_begun = False
        self.is_answered = False
        self.is_stream = False
        self.is_gone = False
        self._client = client
        self._chunks: list[bytes] = []
        self._body_is_given = False
        self._changed: asyncio.Event | None = None

    async def run(self) -> None:
        """To the end of the answer. What goes wrong is the connection's to tell."""
        try:
            await self._answer()
        except ClientDisconnect:
            pass
        except asyncio.CancelledError:
            self._client.failed(self, None)
            raise
        except Exception as error:  # noqa: BLE001 # the last resort: it is logged, and the client told what can be told
            self._client.failed(self, error)

    async def _answer(self) -> None:
        """Raises starlette's ClientDisconnect when nobody waits for it any more."""
        raise NotImplementedError

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

    def _complete(self) -> None:
        """The answer is."""
        self.is_answered = True
        if self._changed is not None:
            self._wake()
        self._client.answered(self)

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


class WholeExchange(Exchange):
    """Has an answerer answer, which gives the whole answer at once: it is one write."""

    __slots__ = ("_answerer",)

    def __init__(self, client: Client, answerer: Answerer, keep_alive: bool, body: bytes | None = None) -> None:
        """`body` is all of it, where the request has come in one piece."""
        super().__init__(client, keep_alive)
        self._answerer = answerer
        if body is not None:
            self._chunks.append(body)
            self.is_received = True

    async def _answer(self) -> None:
        answer = await self._answerer.answer(self.receive, self._whole_body() if self.is_received else None)
        client = self._client
        if client.drained is not None:
            await client.drained.wait()
        if self.is_gone:
            return
        self.keep_alive &= self.is_received and not answer.closes  # a rest would have to be read to no end
        last_line = b"" if self.keep_alive else CLOSE_LINE
        head = STATUS_LINES[answer.status], answer.lines, last_line, client.header_lines()
        client.write_whole(b"".join((*head, b"\r\n", answer.body)))
        self.is_begun = True
        self._complete()

    def _whole_body(self) -> bytes:
        """The answerer is given it, and need not ask."""
        self._body_is_given = True
        self.buffered = 0
        body = b"".join(self._chunks)
        self._chunks.clear()
        return body
