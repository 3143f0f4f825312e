"""Checks of a request's head: its size, and that two servers in a row read it in the same way.

llhttp, the parser, checks lengths and chunk sizes, chunked as the last transfer coding, line ends, folded lines and
control characters.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final, TypeAlias

import httptools

from gateway.http.server.limits import LONGEST_HEAD, MOST_HEADERS

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

SINGLE: Final = (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"origin")
"""Headers that must not repeat: one server would read the first value, another the last."""


class RequestError(Exception):
    """The server refuses a request with this status.

    `subject` names the part of the request that is wrong, `bound` the limit that it exceeds, if it exceeds one.
    """

    def __init__(self, status: int, subject: str, message: str, bound: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.subject = subject
        self.message = message
        self.bound = bound


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Each header as a line with its end."""
    return b"\r\n".join([*map(b": ".join, headers), b""])


def require_short(headers: Headers) -> None:
    """Raises RequestError."""
    if len(headers) > MOST_HEADERS or sum(map(len, chain.from_iterable(headers))) > LONGEST_HEAD:
        raise RequestError(431, "headers", "The headers are too many or too long", MOST_HEADERS)


def require_unambiguous(version: str, headers: Headers, fields: dict[bytes, bytes]) -> None:
    """Refuse what two servers in a row could read as different requests (RFC 9112, 3.2, 6.1 and 11.2).

    `fields` are the headers by name. Raises RequestError.
    """
    if version not in ("1.1", "1.0"):
        raise RequestError(505, "request", "The server speaks HTTP/1.1")
    if len(fields) != len(headers):
        names = [name for name, _value in headers]
        for name in SINGLE:
            if names.count(name) > 1:
                raise RequestError(400, name.decode(), f"The header {name.decode()} is there twice")
    if version == "1.1" and b"host" not in fields:
        raise RequestError(400, "host", "The header host is missing")
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or coding.lower() != b"chunked"):
        raise RequestError(400, "transfer-encoding", "The only transfer coding is chunked")


def split_target(url: bytes, host: bytes | None) -> tuple[bytes, bytes]:
    """The path and the query string (RFC 9112, 3.2). Raises RequestError, or httptools' HttpParserError."""
    if not url.isascii():
        raise RequestError(400, "url", "The address has bytes beyond ASCII")
    if url.startswith(b"/"):
        path, _, query = url.partition(b"?")
        return path, query
    address = httptools.parse_url(url)
    authority = address.host if address.port is None else b"%b:%d" % (address.host, address.port)
    if authority != host:
        raise RequestError(400, "host", "The header host is not that of the address")
    return address.path or b"/", address.query or b""
