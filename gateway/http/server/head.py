"""What is asked of the head of a request, besides being well-formed: its size, and that it can be read in one way only.

llhttp, the parser, has seen to lengths and chunk sizes, to chunked as the last transfer coding, to line ends, folded
lines and control characters.
"""

from itertools import chain
from typing import Final

import httptools

from gateway.errors import QueryTooComplexError, UserInputError
from gateway.http.headers import Headers
from gateway.http.refusal import Refusal
from gateway.http.server.limits import LONGEST_HEAD, LONGEST_URL, MOST_HEADERS

SINGLE: Final = (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"origin")
"""Headers that are refused when they are there twice: who looks at the first must see what others see in the last."""


def require_short(headers: Headers) -> None:
    """Raises Refusal."""
    if len(headers) > MOST_HEADERS or sum(map(len, chain.from_iterable(headers))) > LONGEST_HEAD:
        raise Refusal(431, QueryTooComplexError("The headers are too many or too long", "headers", MOST_HEADERS))


def require_short_url(url: bytes) -> None:
    """Raises Refusal."""
    if len(url) > LONGEST_URL:
        raise Refusal(414, QueryTooComplexError("The address is too long: use POST", "bytes", LONGEST_URL))


def require_unambiguous(version: str, headers: Headers, fields: dict[bytes, bytes]) -> None:
    """Refuse what two servers in a row could take for different requests (RFC 9112, 3.2, 6.1 and 11.2).

    `fields` are the headers by name. Raises Refusal.
    """
    if version not in ("1.1", "1.0"):
        raise Refusal(505, UserInputError("request", "The server speaks HTTP/1.1"))
    if len(fields) != len(headers):
        names = [name for name, _value in headers]
        for name in SINGLE:
            if names.count(name) > 1:
                raise Refusal(400, UserInputError(name.decode(), f"The header {name.decode()} is there twice"))
    if version == "1.1" and b"host" not in fields:
        raise Refusal(400, UserInputError("host", "The header host is missing"))
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or coding.lower() != b"chunked"):
        raise Refusal(400, UserInputError("transfer-encoding", "The only transfer coding is chunked"))


def split_target(url: bytes, host: bytes | None) -> tuple[bytes, bytes]:
    """The path and the query string (RFC 9112, 3.2). Raises Refusal, or httptools' HttpParserError."""
    if not url.isascii():
        raise Refusal(400, UserInputError("url", "The address has bytes beyond ASCII"))
    if url.startswith(b"/"):
        path, _, query = url.partition(b"?")
        return path, query
    address = httptools.parse_url(url)
    authority = address.host if address.port is None else b"%b:%d" % (address.host, address.port)
    if authority != host:
        raise Refusal(400, UserInputError("host", "The header host is not that of the address"))
    return address.path or b"/", address.query or b""
