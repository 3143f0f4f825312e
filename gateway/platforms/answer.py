"""An answer of a platform before it is judged: its body while it is read, and what large ones may cost."""

import asyncio
import zlib
from typing import TYPE_CHECKING, Final

import httpx
import msgspec

from gateway.futures import is_spent

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


class StaleConnectionError(httpx.ReadError):
    """A kept connection was closed by the server before a byte of the answer came (quirk 193)."""


class BodyError(httpx.RemoteProtocolError):
    """The body cannot be decompressed."""


class AnswerTooLargeError(BodyError):
    """The answer is beyond a cap; reading stopped there."""


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
    """The body of one answer while it is read: decompressed, capped, counted. Raises BodyError."""

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
                raise AnswerTooLargeError("The body of the answer is too large.")
            if name == b"content-encoding" and value.lower() != b"identity":
                if value.lower() not in _CODINGS:
                    raise BodyError("The body is in a coding that nobody asked for.")
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
            raise AnswerTooLargeError("The body of the answer is too large.")
        self._chunks.append(data)
        if self.is_large:
            if not was_large:
                data = b"".join(self._chunks)
            self._large_answers.hold(self._connection, len(data))
            self._values += count_values(data)
            if self._values > self._large_answers.max_values:
                raise AnswerTooLargeError("The answer holds more values than any that is documented.")

    def _decompress(self, data: bytes, most: int) -> bytes:
        """What the data decompresses to, cut after `most` bytes. More behind the end is an error: zlib would keep that,
        and copy all of it for each piece.
        """
        try:
            if self._inflate is None or self._inflate.eof:
                raise zlib.error
            return self._inflate.decompress(data, most)
        except zlib.error:
            raise BodyError("The body cannot be decompressed.") from None

    def finish(self) -> bytes:
        """The whole body."""
        chunks, self._chunks = self._chunks, []
        inflate = self._inflate
        if inflate is not None and chunks and (not inflate.eof or inflate.unused_data):
            raise BodyError("The compressed body is cut.")
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
        self._is_scheduled = False

    def hold(self, connection: "Connection", size: int) -> None:
        """So many more bytes of an answer have come, which is not complete yet."""
        self._reading[connection] = self._reading.get(connection, 0) + size
        self.held += size
        if self.held > self._budget:
            self._balance()

    def queue(self, connection: "Connection") -> None:
        """Its answer is complete."""
        self._complete[connection] = self._reading.pop(connection)
        connection.resume()  # the next answer may be a small one
        self._balance()
        self._schedule()

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
            if self.held > self._budget and connection is not first:
                connection.pause()
            else:
                connection.resume()

    def _schedule(self) -> None:
        if self._complete and not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._is_scheduled = False
        connection = next(iter(self._complete), None)
        if connection is not None and not is_spent(0):
            connection.hand_over()
        self._schedule()
