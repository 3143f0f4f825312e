"""An answer of a platform before it is judged, and its body while it is read: shared by all transports."""

import zlib

import httpx
import msgspec

from gateway.platforms.large_answers import LARGE, LargeAnswers, Reader, count_values

_CODINGS = (b"gzip", b"x-gzip", b"deflate")
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
_RAW_DEFLATE = -zlib.MAX_WBITS
_WRAPPER_BYTES = 2


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


class Body:
    """The body of one answer while it is read: decompressed, capped, counted. `release` ends it.

    All methods but `release` raise BodyError.
    """

    __slots__ = ("_chunks", "_large_answers", "_reader", "_size", "_values", "inflate", "is_large")

    def __init__(self, large_answers: LargeAnswers, reader: Reader, headers: list[tuple[bytes, bytes]]) -> None:
        self.is_large = False
        self._large_answers = large_answers
        self._reader = reader
        self._chunks: list[bytes] = []
        self._size = 0
        self._values = 0
        self.inflate: _Inflate | None = None
        for name, value in headers:
            if name == b"content-length" and int(value) > large_answers.max_bytes:
                raise AnswerTooLargeError("The body of the answer is too large.")
            if name == b"content-encoding" and value.lower() != b"identity":
                if value.lower() not in _CODINGS:
                    raise BodyError("The body is in a coding that nobody asked for.")
                self.inflate = _Inflate()

    def feed(self, data: bytes) -> None:
        most = self._large_answers.max_bytes
        if self.inflate is not None:
            try:
                data = self.inflate.feed(data, most - self._size + 1)
            except zlib.error:
                raise BodyError("The body cannot be decompressed.") from None
        self._size += len(data)
        if self._size > most:
            raise AnswerTooLargeError("The body of the answer is too large.")
        self._chunks.append(data)
        if self._size > LARGE:
            self._hold(data)

    def finish(self) -> bytes:
        """The whole body."""
        if self.inflate is not None and not self.inflate.is_complete:
            raise BodyError("The compressed body is cut.")
        chunks, self._chunks = self._chunks, []
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def release(self) -> None:
        """The answer is parsed, or of no more use."""
        self._chunks = []
        if self.is_large:
            self.is_large = False
            self._large_answers.release(self._reader)

    def _hold(self, data: bytes) -> None:
        """The answer is a large one, and these bytes of it have come."""
        if not self.is_large:
            self.is_large = True
            data = b"".join(self._chunks)
        self._large_answers.hold(self._reader, len(data))
        self._values += count_values(data)
        if self._values > self._large_answers.max_values:
            raise AnswerTooLargeError("The answer holds more values than any that is documented.")


class _Inflate:
    """A gzip or deflate stream; "deflate" comes with or without its zlib wrapper (RFC 9110, 8.4.1.2)."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_ZLIB_OR_GZIP)
        self._first = b""  # two bytes, which show whether there is a wrapper

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
