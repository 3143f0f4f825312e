"""One HTTP/1.1 connection that carries one exchange at a time (RFC 9112), on httptools' parser.

Errors are httpx's, so that callers need not know this engine. `gateway.platforms.transport` has the table of what each
says about the fate of the request.
"""

import asyncio
from math import inf
from typing import Protocol, TypeAlias, cast

import httptools
import httpx

from gateway.header_block import HeaderBlock, cache_header_block
from gateway.ops.calls import CallTrace
from gateway.platforms.answer import AnswerTooLargeError, Body, BodyError, Head, RawAnswer, StaleConnectionError
from gateway.platforms.large_answers import LARGE, LargeAnswers

MAX_HEAD_BYTES = 64 * 1024
"""Status line and headers together, with those of the interim answers (1xx) before them."""

FRAMING = 2
"""A chunked answer may be so many times as long as the body it frames."""

_FIRST_FINAL_STATUS = 200
_BODILESS = (204, 304)

Outcome: TypeAlias = RawAnswer | httpx.TransportError
"""A complete answer; or a StaleConnectionError, ReadError, ReadTimeout or RemoteProtocolError."""


class HeadCache:
    """The head of the last answer from one origin, by any of its connections."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: HeaderBlock[Head] | None = None


class Requester(Protocol):
    """Whose request a connection carries. `request` is complete; `deadline` is a time of the loop's clock."""

    request: bytes
    deadline: float
    trace: CallTrace | None

    def complete(self, outcome: Outcome, /) -> None:
        """The exchange has ended. The connection is free, for a next request from within this call too."""


class Connection(asyncio.Protocol):
    """`send` carries one request; `reusable` says whether another may follow.

    An exchange that does not end in a complete and clean answer (an error, the deadline, cancellation) leaves a
    connection that is not reusable and is to be closed, so that no later request can ever read what is left of an
    earlier one. `idle_since`: a time of the loop's clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, heads: HeadCache, large_answers: LargeAnswers) -> None:
        self.reusable = False
        self.idle_since = 0.0
        self._loop = loop
        self._heads = heads
        self._large_answers = large_answers
        self._most_at_once = min(LARGE, large_answers.max_bytes)
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._requester: Requester | None = None
        self._outcome: Outcome | None = None  # until the requester has it
        self._body: Body | None = None
        self._served = 0
        self._received = 0
        self._is_preceded = False  # by interim answers
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._begin_answer()

    def _begin_answer(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_is_complete = False
        self._until_close = False

    def send(self, requester: Requester) -> None:
        """Send a request; the requester gets the outcome. Raises httpx.ConnectError: nothing was sent."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise httpx.ConnectError("The connection closed before the request was sent.")
        self.reusable = False
        self._received = 0
        self._is_preceded = False
        self._requester = requester
        self._deadline = deadline = requester.deadline
        if deadline < self._timer_at:
            self._set_timer()
        transport.write(requester.request)
        if requester.trace is not None:
            requester.trace.note_sent()

    def cancel(self) -> None:
        """Nobody waits for the answer any more."""
        self._requester = self._outcome = None
        self.close()
        self._release_body()

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
        if self._requester is None:
            return
        if deadline < self._deadline:
            self._set_timer()
        else:
            self._outcome = None  # a large answer that waits to be parsed
            self._fail(httpx.ReadTimeout("The answer did not come in time."))
            self.hand_over()

    def _fail(self, error: httpx.TransportError) -> None:
        if self._outcome is None:
            self._outcome = error
        self.close()

    def _release_body(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.release()

    def _read_by_cached_head(self, data: bytes) -> RawAnswer | None:
        """The answer, if it is one whole answer with the head of the last one."""
        cached = self._heads.last
        if cached is None or self._received:
            return None
        body = cached.get_body(data)
        if body is None or len(body) > self._most_at_once:
            return None
        self._served += 1
        self.idle_since = self._loop.time()
        self.reusable = True
        return RawAnswer(cached.made, body)

    def _cache_head(self, data: bytes) -> None:
        """The next answer will most likely have the head of this one, if it is one whole answer.

        Except where a length in it is not that of the body: after an interim answer, or with a status without a body.
        """
        status, body = self._parser.get_status_code(), self._body
        has_length = not self._is_preceded and status not in _BODILESS
        if self._received == len(data) and self.reusable and has_length and body is not None and body.inflate is None:
            head = Head(status, self._headers)
            self._heads.last = cache_header_block(data, self._headers, head) or self._heads.last

    # What the large answers call.

    def pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def hand_over(self) -> None:
        """Complete the exchange, outside of the parser: bytes left in it are not of the next answer."""
        requester, outcome, body = self._requester, self._outcome, self._body
        self._requester = self._outcome = self._body = None
        if requester is not None and outcome is not None:
            requester.complete(outcome)
        if body is not None:
            body.release()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        requester = self._requester
        if requester is None or self._outcome is not None:  # bytes that nobody asked for
            self.close()
            return
        if requester.trace is not None:
            requester.trace.note_byte()
        answer = self._read_by_cached_head(data)
        if answer is not None:
            self._requester = None
            requester.complete(answer)
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
            self._cache_head(data)
            self._end()

    def _end(self) -> None:
        """Complete the exchange; with a large answer, in its turn."""
        if self._body is not None and self._body.is_large and type(self._outcome) is RawAnswer:
            self._large_answers.queue(self)
        else:
            self.hand_over()

    def _require_bounded(self) -> None:
        if not self._head_is_complete:
            self._fail(AnswerTooLargeError("The head of the answer is too large."))
        elif self._received > MAX_HEAD_BYTES + FRAMING * self._large_answers.max_bytes:
            self._fail(AnswerTooLargeError("The answer has too much beside its body."))

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        self._cancel_timer()
        if self._requester is not None and self._outcome is None:
            if self._until_close and exc is None:
                self.on_message_complete()
            elif self._received or not self._served:
                self._fail(httpx.ReadError("The connection closed before the answer was complete."))
            else:
                self._fail(StaleConnectionError("A kept connection closed before the answer."))
            self._end()
        del self._parser  # it refers back to this

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._begin_answer()
        if self._outcome is not None:  # bytes after the end of an answer: nobody asked for them
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser leaves the blanks after a value to it; they are no part of it (RFC 9110, 5.5).

        Trailers are ignored: they may not say what a header says (RFC 9110, 6.5.1).
        """
        if not self._head_is_complete:
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        if self._outcome is not None:  # the head of an answer that nobody asked for
            return
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            self._is_preceded = True
            return
        self._head_is_complete = True
        self._until_close = status not in _BODILESS
        for name, value in self._headers:
            if name == b"content-length":
                self._until_close = False
            elif name == b"transfer-encoding":
                self._until_close = not value.lower().endswith(b"chunked")
        try:
            self._body = Body(self._large_answers, self, self._headers)
        except BodyError as error:
            self._fail(error)

    def on_body(self, data: bytes) -> None:
        if self._outcome is None and self._body is not None:
            try:
                self._body.feed(data)
            except BodyError as error:
                self._fail(error)

    def on_message_complete(self) -> None:
        if self._outcome is not None or self._body is None:  # failed, or the end of an interim answer
            return
        try:
            body = self._body.finish()
        except BodyError as error:
            self._fail(error)
            return
        self._outcome = RawAnswer(Head(self._parser.get_status_code(), self._headers), body)
        self._served += 1
        self.idle_since = self._loop.time()
        self.reusable = self._parser.should_keep_alive()
