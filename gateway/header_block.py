"""The header block of an HTTP message, cached: most peers send the same one again, but for the length of the body.

A block that is the same to the byte is not parsed again. It serves the requests of a connection in
`gateway.http.server`, and the answers of a platform in `gateway.platforms.connection`. What it saves is in
docs/adr/0006-connections.md.
"""

import re
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

MadeT = TypeVar("MadeT")

LONGEST_BLOCK: Final = 8 * 1024  # bytes of a header block that is cached
LONGEST_LENGTH: Final = 9  # digits of a length that is read here

_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)\r\n", re.IGNORECASE)


class HeaderBlock(Generic[MadeT]):
    """A header block: what is before the digits of its length, and what comes after them. `made` is made of it."""

    __slots__ = ("_after", "_before", "_last", "_last_size", "length", "made")

    def __init__(self, before: bytes, after: bytes, made: MadeT) -> None:
        self._before = before
        self._after = after
        self._last = b""  # the block as it came the last time, digits and all
        self._last_size = -1  # of that message
        self.length = -1  # of the body that `made` speaks of; -1: not known
        self.made = made

    def get_body(self, data: bytes) -> bytes | None:
        """The body, if this is one whole message with this header block, and nothing else."""
        block = self._last
        if len(data) != self._last_size or not data.startswith(block):
            before, after = self._before, self._after
            start = len(before)
            end = data.find(b"\r", start, start + LONGEST_LENGTH + 1) + len(after)
            block = b"%b%d%b" % (before, len(data) - end, after)  # as it has to be
            if not data.startswith(block):
                return None
            self._last, self._last_size = block, len(data)
        return data[len(block) :]


def cache_header_block(data: bytes, headers: Sequence[object], made: MadeT) -> HeaderBlock[MadeT] | None:
    """Of data that is one whole message, in which the parser found these headers; None for any other data. It has to
    begin where a message does: a body may hold any bytes, those of a header block included.

    A block has a line for the request or the status, one for each header, and an empty one. The parser tolerates other
    lines and line breaks; such a block is not cached, nor is one without a length, as its body has no end. After one
    whole message the parser waits for the next: it need not see that one.
    """
    end = data.find(b"\r\n\r\n", 0, LONGEST_BLOCK) + 4
    lines = len(headers) + 2
    length = _LENGTH.search(data, 0, end)
    if length is None or data.count(b"\n", 0, end) != lines or data.count(b"\r", 0, end) != lines:
        return None
    block = HeaderBlock(data[: length.start(1)], data[length.end(1) : end], made)
    return None if block.get_body(data) is None else block
