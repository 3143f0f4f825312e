"""The head of an HTTP message that came before: most peers send the same one again, but for the length of the body.

What is the same to the byte needs no second reading. That saves the parser, the look at the headers and all that was
made of them. It is so of the requests of a connection, and of the answers of a platform.
"""

import re
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

MadeT = TypeVar("MadeT")

LONGEST_KNOWN: Final = 8 * 1024
"""Bytes of a head that is remembered."""

LONGEST_LENGTH: Final = 9
"""Digits of a length that is read here."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)\r\n", re.IGNORECASE)


class KnownHead(Generic[MadeT]):
    """A head, in two parts: what is before the digits of its length, and what comes after them, with its end.

    `made` is what was made of it. In a message as long as the last one the digits are the same, too.
    """

    __slots__ = ("_after", "_before", "_last", "_last_size", "made")

    def __init__(self, before: bytes, after: bytes, made: MadeT) -> None:
        self._before = before
        self._after = after
        self._last = b""  # the head as it came the last time, digits and all
        self._last_size = -1  # of that message
        self.made = made

    def body_of(self, data: bytes) -> bytes | None:
        """The body, if this is one whole message with this head, and nothing else."""
        last = self._last
        if len(data) == self._last_size and data.startswith(last):
            return data[len(last) :]
        before = self._before
        if not data.startswith(before):
            return None
        start = len(before)
        end = data.find(b"\r", start, start + LONGEST_LENGTH + 1)
        length = data[start:end]
        if end < 0 or not length.isdigit() or not data.startswith(self._after, end):
            return None
        end += len(self._after)
        if len(data) - end != int(length):
            return None
        self._last, self._last_size = data[:end], len(data)
        return data[end:]


def known_head(data: bytes, headers: Sequence[object], made: MadeT) -> KnownHead[MadeT] | None:
    """Of data that is one whole message, in which the parser has found these headers; None for any other data.

    The data has to begin where a message does: what is in a body is the word of whoever sent that.

    A head is a line for the request or the status, one for each header, and an empty one. What has other lines or line
    breaks was read more kindly than to the letter, and what has no length has no body that could be told by it. After
    one whole message the parser waits for the next: nothing is lost when that never comes to it.
    """
    end = data.find(b"\r\n\r\n", 0, LONGEST_KNOWN) + 4
    lines = len(headers) + 2
    length = _LENGTH.search(data, 0, end)
    if length is None or data.count(b"\n", 0, end) != lines or data.count(b"\r", 0, end) != lines:
        return None
    head = KnownHead(data[: length.start(1)], data[length.end(1) : end], made)
    return None if head.body_of(data) is None else head
