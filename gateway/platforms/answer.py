"""An answer of a platform before it is judged: its body while it is read, and what large ones may cost."""

import asyncio
import zlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.errors import PlatformError, ProtocolError
from gateway.futures import is_spent
from gateway.wording.faults import FaultWording
from gateway.wording.wording import Text

if TYPE_CHECKING:
    from gateway.platforms.connection import Connection

LARGE: Final = 64 * 1024  # bytes; an answer of no more than that is never counted, paused or kept waiting
ANSWERS_HELD: Final = 4  # so many answers of the largest size fit into the budget
MOST_BYTES: Final = 8 * 1024 * 1024  # of an answer, after decompression
MOST_VALUES: Final = 50_000
"""Texts, numbers, objects and lists. That of `modules-sync` has the most: one for each module of each community."""

_BEFORE_VALUES: Final = b",[{"
_CODINGS = (b"gzip", b"x-gzip", b"deflate")
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32


class CallError(Exception):
    """A call came to no answer, or to one that cannot be judged. `kind` is the class of the error that callers get, and
    says whether the platform may have executed the request; `about` are its further arguments.
    """

    def __init__(self, kind: type[PlatformError], message: Text, **about: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self._message = message
        self._about = about

    def at(self, platform: str, endpoint: str) -> PlatformError:
        """The error that callers of this endpoint get."""
        return self.kind(platform, endpoint, self._message, **self._about)


class Head:
    """Status and headers of an answer, the names in lower case. `declares_gbk`: it is in GBK or a relative of it."""

    __slots__ = ("declares_gbk", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.headers = headers
        self.declares_gbk = b"charset=gb" in (self.header(b"content-type") or b"").lower()

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header; `name` in lower case."""
        return next((value for header, value in self.headers if header == name), None)


class RawAnswer(msgspec.Struct, frozen=True, gc=False):
    """A complete answer, its body decompressed. Many may have the very same head."""

    head: Head
    body: bytes

    def __repr__(self) -> str:
        return f"RawAnswer(status={self.head.status})"


class Body:
    """The body of one answer while it is read: decompressed, capped, counted. Raises CallError."""

    __slots__ = ("_chunks", "_connection", "_inflate", "_large_answers", "_size", "_values")

    def __init__(
        self, large_answers: "LargeAnswers", connection: "Connection", headers: list[tuple[bytes, bytes]]
    ) -> None:
        self._large_answers = large_answers
        self._connection = connection
        self._chunks: list[bytes] = []
        self._size = 0
        self._values = 0
        self._inflate = None
        for name, value in headers:
            if name == b"content-length" and int(value) > large_answers.max_bytes:
                raise CallError(ProtocolError, FaultWording.ANSWER_BODY())
            if name == b"content-encoding" and value.lower() != b"identity":
                if value.lower() not in _CODINGS:
                    raise CallError(ProtocolError, FaultWording.ANSWER_CODING())
                self._inflate = zlib.decompressobj(_ZLIB_OR_GZIP)

    @property
    def is_large(self) -> bool:
        return self._size > LARGE

    @property
    def is_plain(self) -> bool:
        """It is as it came."""
        return self._inflate is None

    def feed(self, data: bytes) -> None:
        most = self._large_answers.max_bytes
        if self._inflate is not None:
            data = self._decompress(data, most - self._size + 1)
        was_large = self.is_large
        self._size += len(data)
        if self._size > most:
            raise CallError(ProtocolError, FaultWording.ANSWER_BODY())
        self._chunks.append(data)
        if self.is_large:
            if not was_large:
                data = b"".join(self._chunks)
            self._large_answers.hold(self._connection, len(data))
            self._values += count_values(data)
            if self._values > self._large_answers.max_values:
                raise CallError(ProtocolError, FaultWording.ANSWER_VALUES())

    def _decompress(self, data: bytes, most: int) -> bytes:
        """The decompressed data, cut after `most` bytes. More behind the end is an error: zlib would copy it anew."""
        try:
            if self._inflate is None or self._inflate.eof:
                raise zlib.error
            return self._inflate.decompress(data, most)
        except zlib.error:
            raise CallError(ProtocolError, FaultWording.NOT_INFLATED()) from None

    def finish(self) -> bytes:
        """The whole body."""
        chunks, self._chunks = self._chunks, []
        inflate = self._inflate
        if inflate is not None and chunks and (not inflate.eof or inflate.unused_data):
            raise CallError(ProtocolError, FaultWording.BODY_CUT())
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def count_values(json: bytes) -> int:
    """At most how many values a piece of JSON holds, and the JSON in its texts: bytes that stand before one, as such or
    in an escape such as ``\\u002c``. That takes 5 ms for 8 MiB.
    """
    return len(json) - len(json.translate(None, _BEFORE_VALUES)) + json.count(b"\\u00")


class LargeAnswers:
    """The large answers of one platform, from when they turn out to be large until they are parsed.

    An answer has at most `max_bytes` and `max_values`. `ANSWERS_HELD` times `max_bytes` are the budget. Beyond it all
    connections pause, except the one that began first when none waits to be parsed: so one always comes to its end,
    and at most the budget and one answer more are held. Complete ones are handed over in the order of their coming, one
    in a turn of the loop: parsing blocks everything else. `held` is in bytes.
    """

    def __init__(self, max_bytes: int = MOST_BYTES, max_values: int = MOST_VALUES) -> None:
        self.max_bytes = max_bytes
        self.max_values = max_values
        self.held = 0
        self._budget = ANSWERS_HELD * max_bytes
        self._reading: dict[Connection, int] = {}  # bytes of each, in the order of their beginning
        self._complete: dict[Connection, int] = {}

    def hold(self, connection: "Connection", size: int) -> None:
        """So many more bytes of an answer have come, which is not complete yet."""
        self._reading[connection] = self._reading.get(connection, 0) + size
        self.held += size
        if self.held > self._budget:
            self._balance()

    def queue(self, connection: "Connection") -> None:
        """Its answer is complete."""
        if not self._complete:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._complete[connection] = self._reading.pop(connection)
        connection.pause(False)  # the next answer may be a small one
        self._balance()

    def release(self, connection: "Connection") -> None:
        """Its answer is parsed, or of no more use."""
        size = self._reading.pop(connection, 0) + self._complete.pop(connection, 0)
        if size:
            self.held -= size
            self._balance()

    def _balance(self) -> None:
        """Pause who is to pause; those who go on are not always new to it."""
        first = None if self._complete else next(iter(self._reading), None)
        for connection in self._reading:
            connection.pause(self.held > self._budget and connection is not first)

    def _hand_over(self) -> None:
        connection = next(iter(self._complete), None)
        if connection is not None and not is_spent(0):
            connection.hand_over()
        if self._complete:
            asyncio.get_running_loop().call_soon(self._hand_over)
