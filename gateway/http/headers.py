"""Headers in their forms: as ASGI has them, by their names, and as the lines of an answer that are sent.

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


def fields_of(headers: Headers) -> dict[bytes, bytes]:
    """The values by name. Several lines of one name are one list, in their order (RFC 9110, 5.3)."""
    fields = dict(headers)
    if len(fields) != len(headers):  # which is rare
        fields = {name: list_of(name, headers) for name in fields}
    return fields


def list_of(name: bytes, headers: Headers) -> bytes:
    """The value of one header, all of its lines; empty where there is none."""
    return b", ".join([value for header, value in headers if header == name])
