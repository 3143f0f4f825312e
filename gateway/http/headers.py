"""The headers of an answer in their two forms: as ASGI has them, and as the lines that are sent.

Lines are what our own server writes, so that what all answers have is put together once and not for each.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


def lines_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Each as a line with its end."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def headers_of(lines: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of such lines."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines.split(b"\r\n")[:-1])]
