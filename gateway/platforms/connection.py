"""One HTTP/1.1 connection that carries one exchange at a time (RFC 9112), on httptools' parser.

Errors are httpx's, so that whoever calls cannot tell this engine from another. Which of them says what about the fate
of the request is told in `gateway.platforms.transport`.
"""

import asyncio
import zlib
from math import inf
from typing import Protocol, TypeAlias, cast

import httptools
import httpx
import msgspec

from gateway.ops.known_head import KnownHead, known_head
from gateway.platforms.large_answers import LARGE, LargeAnswers, count_values

MAX_HEAD_BYTES = 64 * 1024
"""Status line and headers together; the answer's 1xx forerunners included."""

FRAMING = 2
"""A chunked answer may be so many times as long as the body it frames."""

_CODINGS = (b"gzip", b"x-gzip", b"deflate")
_FIRST_FINAL_STATUS = 200
_BODILESS = (204, 304)
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
_RAW_DEFLATE = -zlib.MAX_WBITS
_WRAPPER_BYTES = 2


class StaleConnectionError(httpx.ReadError):
    """A kept connection was closed by the server before a byte of the answer came (quirk 193)."""


class AnswerTooLargeError(httpx.RemoteProtocolError):
    """The answer is beyond a cap; reading stopped there."""


class Head:
    """Of an answer: its status and headers, their names in lower case. `declares_gbk`: in GBK or its like."""

    __slots__ = ("declares_gbk", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.headers = headers
        self.declares_gbk = b"charset=gb" in (self.header(b"content-type") or b"").lower()

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header; `name` in lower case."""
        for header, value in self.headers:
            if header == name:
                return value
        return None


class RawAnswer(msgspec.Struct, frozen=True, gc=False):
    """A complete answer, its body decompressed. Many may have the very same head."""

    head: Head
    body: bytes

    def __repr__(self) -> str:
        return f"RawAnswer(status={self.head.status})"


Outcome: TypeAlias = RawAnswer | httpx.TransportError
"""A complete answer; or a StaleConnectionError, ReadError, ReadTimeout or RemoteProtocolError."""


class Heads:
    """The head that the last answer from one origin had, whichever connection it came by."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: KnownHead[Head] | None = None


class Asker(Protocol):
    """Whose request a connection carries.

    `request` is complete; its answer comes by `deadline`, a time of the loop's clock. `without_body`: it is a HEAD,
    whose answer has no body.
    """

    request: bytes
    deadline: float
    without_body: bool

    def settle(self, outcome: Outcome, /) -> None:
        """The exchange has ended. The connection is at its disposal, the next request included."""


class Connection(asyncio.Protocol):
    """`send` carries one request; `reusable` tells whether another may follow.

    Whatever does not end in a complete, clean answer (an error, the deadline, an asker who stops waiting) leaves a
    connection that is not reusable and is to be closed, so that no later request can ever read what is left of an
    earlier one. `idle_since`: a time of the loop's clock.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, max_body_bytes: int, heads: Heads, large_answers: LargeAnswers
    ) -> None:
        self.reusable = False
        self.idle_since = 0.0
        self._loop = loop
        self._heads = heads
        self._max_body_bytes = max_body_bytes
        self._most_at_once = min(LARGE, max_body_bytes)
        self._large_answers = large_answers
        self._is_large = False  # the answer: it is one of the large ones until it is settled
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._asker: Asker | None = None
        self._outcome: Outcome | None = None  # until `settle` is called with it
        self._served = 0
        self._received = 0
        self._is_preceded = False  # by answers of 1xx
        self._without_body = False
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._begin_answer()

    def _begin_answer(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._size = 0
        self._values = 0
        self._head_is_complete = False
        self._until_close = False
        self._inflate: _Inflate | None = None

    def send(self, asker: Asker) -> None:
        """Send a request, and settle who asks in the end. Raises httpx.ConnectError: nothing was sent."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise httpx.ConnectError("The connection closed before the request was sent.")
        self.reusable = False
        self._received = 0
        self._is_preceded = False
        self._asker = asker
        self._without_body = asker.without_body
        self._deadline = deadline = asker.deadline
        if deadline < self._timer_at:
            self._set_timer()
        transport.write(asker.request)

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""
        self._asker = self._outcome = None
        self._chunks = []
        self.close()
        self._release()

    def close(self) -> None:
        """Close at once, without ceremony."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def _set_timer(self) -> None:
        """One timer lasts for many exchanges, since nearly all of them end long before their deadline."""
        self._cancel_timer()
        self._timer, self._timer_at = self._loop.call_at(self._deadline, self._expire, self._deadline), self._deadline

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._timer_at = None, inf

    def _expire(self, deadline: float) -> None:
        """This deadline has passed: that of the exchange under way, or of an earlier one that ended in time."""
        self._timer, self._timer_at = None, inf
        if self._asker is None:
            return
        if deadline < self._deadline:
            self._set_timer()
        else:
            self._outcome = None  # a large answer that waits to be parsed
            self._fail(httpx.ReadTimeout("The answer did not come in time."))
            self._settle()

    def _fail(self, error: httpx.TransportError) -> None:
        if self._outcome is None:
            self._outcome = error
        self._chunks = []
        self.close()

    def _settle(self) -> None:
        """Settle who asks, outside of the parser: what is left in it is not of the next answer."""
        asker, outcome = self._asker, self._outcome
        self._asker = self._outcome = None
        is_large, self._is_large = self._is_large, False
        if asker is not None and outcome is not None:
            asker.settle(outcome)
        if is_large:
            self._large_answers.release(self)

    def _hold(self, data: bytes) -> None:
        """The answer is a large one, and this has come of it."""
        if not self._is_large:
            self._is_large = True
            data = b"".join(self._chunks)
        self._values += count_values(data)
        if self._values > self._large_answers.max_values:
            self._fail(AnswerTooLargeError("The answer holds more values than any that is documented."))
        self._large_answers.hold(self, len(data))

    def _release(self) -> None:
        """The large answer, if it is one, is of no more use."""
        if self._is_large:
            self._is_large = False
            self._large_answers.release(self)

    def _known_answer(self, data: bytes) -> RawAnswer | None:
        """The answer, if it is one whole answer with the head of the last one."""
        known = self._heads.last
        if known is None or self._received or self._without_body:
            return None
        body = known.body_of(data)
        if body is None or len(body) > self._most_at_once:
            return None
        self._served += 1
        self.idle_since = self._loop.time()
        self.reusable = True
        return RawAnswer(known.made, body)

    def _know_head(self, data: bytes) -> None:
        """The next answer will most likely have the head of this one, if it is one whole answer.

        Unless a length that is told there is of no body: that of a forerunner, or of a status without one.
        """
        status = self._parser.get_status_code()
        has_length = not self._is_preceded and status not in _BODILESS
        if self._received == len(data) and self.reusable and has_length and self._inflate is None:
            head = Head(status, self._headers)
            self._heads.last = known_head(data, self._headers, head) or self._heads.last

    # What the large answers call.

    def pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def hand_over(self) -> None:
        self._settle()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        asker = self._asker
        if asker is None or self._outcome is not None:  # bytes that nobody asked for
            self.close()
            return
        answer = self._known_answer(data)
        if answer is not None:
            self._asker = None
            asker.settle(answer)
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(httpx.RemoteProtocolError("The answer is not HTTP/1.1."))
        else:
            if self._received > MAX_HEAD_BYTES:
                self._require_bounded()
        if self._outcome is not None:
            self._know_head(data)
            self._end()

    def _end(self) -> None:
        """Settle; where the answer is a large one, when its turn has come."""
        if self._is_large and type(self._outcome) is RawAnswer:
            self._large_answers.queue(self)
        else:
            self._settle()

    def _require_bounded(self) -> None:
        if not self._head_is_complete:
            self._fail(AnswerTooLargeError("The head of the answer is too large."))
        elif self._received > MAX_HEAD_BYTES + FRAMING * self._max_body_bytes:
            self._fail(AnswerTooLargeError("The answer has too much beside its body."))

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        self._cancel_timer()
        if self._asker is not None and self._outcome is None:
            self._lose_answer(exc)
        del self._parser  # it refers back to this

    def _lose_answer(self, exc: Exception | None) -> None:
        if self._until_close and exc is None:
            self.on_message_complete()
        elif self._received:
            self._fail(httpx.ReadError("The connection closed within the answer."))
        elif self._served:
            self._fail(StaleConnectionError("A kept connection closed before the answer."))
        else:
            self._fail(httpx.ReadError("The connection closed before the answer."))
        self._end()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._begin_answer()
        if self._outcome is not None:  # bytes after the end of an answer: nobody asked for them
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser leaves the blanks after a value to it; they are no part of it (RFC 9110, 5.5).

        Trailers come to nothing: they may not say what a header says (RFC 9110, 6.5.1).
        """
        if not self._head_is_complete:
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            self._is_preceded = True
            return
        self._head_is_complete = True
        self._until_close = status not in _BODILESS
        for name, value in self._headers:
            if name == b"content-length":
                self._until_close = False
                if int(value) > self._max_body_bytes:
                    self._fail(AnswerTooLargeError("The body of the answer is too large."))
                    return
            elif name == b"transfer-encoding":
                self._until_close = not value.lower().endswith(b"chunked")
            elif name == b"content-encoding" and value.lower() != b"identity":
                if value.lower() not in _CODINGS:
                    self._fail(httpx.RemoteProtocolError("The body is in a coding that nobody asked for."))
                    return
                self._inflate = _Inflate()
        if self._without_body:
            self.on_message_complete()

    def on_body(self, data: bytes) -> None:
        if self._outcome is not None:
            return
        if self._inflate is not None:
            try:
                data = self._inflate.feed(data, self._max_body_bytes - self._size + 1)
            except zlib.error:
                self._fail(httpx.RemoteProtocolError("The body cannot be decompressed."))
                return
        self._size += len(data)
        if self._size > self._max_body_bytes:
            self._fail(AnswerTooLargeError("The body of the answer is too large."))
            return
        self._chunks.append(data)
        if self._size > LARGE:
            self._hold(data)

    def on_message_complete(self) -> None:
        if not self._head_is_complete or self._outcome is not None:  # a forerunner's end, or nobody waits any more
            return
        if self._inflate is not None and not self._inflate.is_complete:
            self._fail(httpx.RemoteProtocolError("The compressed body is cut."))
            return
        chunks, self._chunks = self._chunks, []
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._outcome = RawAnswer(Head(self._parser.get_status_code(), self._headers), body)
        self._served += 1
        self.idle_since = self._loop.time()
        self.reusable = not self._without_body and self._parser.should_keep_alive()


class _Inflate:
    """A gzip or deflate stream; "deflate" comes with or without its zlib wrapper (RFC 9110, 8.4.1.2)."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._first = b""  # two bytes: they tell whether there is a wrapper

    def feed(self, data: bytes, most: int) -> bytes:
        """What `data` decompresses to, cut after `most` bytes. Raises zlib.error, for more behind the end as well: zlib
        would keep that, and copy all of it for each piece.
        """
        if self._stream.eof:
            raise zlib.error
        first = self._first
        if len(first) == _WRAPPER_BYTES:
            return self._stream.decompress(data, most)
        self._first = (first + data)[:_WRAPPER_BYTES]
        try:
            return self._stream.decompress(data, most)
        except zlib.error:
            self._stream = zlib.decompressobj(_RAW_DEFLATE)
            return self._stream.decompress(first + data, most)

    @property
    def is_complete(self) -> bool:
        """The stream came to its own end, and the body with it (or never began: an empty body)."""
        return (self._stream.eof and not self._stream.unused_data) or not self._first
