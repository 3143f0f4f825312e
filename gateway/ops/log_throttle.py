"""Log lines that others would be lost among: one of a kind a minute, with how many were left out."""

import time
from collections.abc import Callable

QUIET_SECONDS = 60.0
"""So long after a line no other one of its kind is written."""


class _Line:
    """The last line of its kind: when it was written, and how many have been left out since."""

    __slots__ = ("at", "left_out")

    def __init__(self, at: float) -> None:
        self.at = at
        self.left_out = 0


class LogThrottle:
    """Says which lines to write. Kinds are few: each is remembered. `clock` is in seconds and never goes back."""

    __slots__ = ("_clock", "_lines")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lines: dict[str, _Line] = {}

    def left_out(self, kind: str) -> int | None:
        """How many lines of this kind were left out before this one; None where this one is to be left out, too."""
        now = self._clock()
        last = self._lines.get(kind)
        if last is not None and now - last.at < QUIET_SECONDS:
            last.left_out += 1
            return None
        self._lines[kind] = _Line(now)
        return 0 if last is None else last.left_out
