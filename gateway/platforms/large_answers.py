"""What large answers of a platform may cost: values in one, bytes of all that are held, one parsed in a turn."""

import asyncio
from collections import deque
from typing import Final, Protocol

from gateway.turn import is_spent

LARGE: Final = 64 * 1024
"""Bytes; an answer of no more than that is never counted, paused or kept waiting."""

ANSWERS_HELD: Final = 4
"""So many answers of the largest size fit into the budget."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of an answer, after decompression."""

MOST_VALUES: Final = 50_000
"""Texts, numbers, objects and lists. That of `modules-sync` has the most: one for each module of each community."""

_BEFORE_VALUES: Final = b",[{"


def count_values(json: bytes) -> int:
    """At most how many values a piece of JSON holds, and the JSON in its texts: bytes that stand before one.

    Without a look at the rest: 5 ms for 8 MiB. An escape such as ``\\u002c`` may hide one of these bytes.
    """
    return len(json) - len(json.translate(None, _BEFORE_VALUES)) + json.count(b"\\u00")


class Reader(Protocol):
    """What reads an answer."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def hand_over(self) -> None:
        """The answer is complete, and is parsed now."""


class LargeAnswers:
    """The large answers of one platform, from when they turn out to be large until they are parsed.

    An answer has at most `max_bytes` and `max_values`. `ANSWERS_HELD` times `max_bytes` are the budget. Beyond it all
    readers pause, except the one that began first when none waits to be parsed: so one always comes to its end, and at
    most the budget and one answer more are held. Complete ones are handed over in the order of their coming, one in a
    turn of the loop: parsing blocks everything else.

    `held` and `most_held`: bytes, now and at most so far.
    """

    def __init__(self, max_bytes: int = MOST_BYTES, max_values: int = MOST_VALUES) -> None:
        self.max_bytes = max_bytes
        self.max_values = max_values
        self.held = 0
        self.most_held = 0
        self._budget = ANSWERS_HELD * max_bytes
        self._sizes: dict[Reader, int] = {}
        self._reading: dict[Reader, None] = {}  # in the order of their beginning
        self._complete: deque[Reader] = deque()
        self._is_scheduled = False

    def hold(self, reader: Reader, size: int) -> None:
        """So many more bytes of an answer have come, which is not complete yet."""
        self._reading.setdefault(reader)
        self._sizes[reader] = self._sizes.get(reader, 0) + size
        was_beyond = self.held > self._budget
        self.held += size
        self.most_held = max(self.held, self.most_held)
        if self.held > self._budget:
            going_on = self._going_on
            for other in (reader,) if was_beyond else self._reading:
                if other is not going_on:
                    other.pause()

    def queue(self, reader: Reader) -> None:
        """Its answer is complete."""
        del self._reading[reader]
        reader.resume()  # the next answer may be a small one
        self._complete.append(reader)
        self._schedule()
        self._resume()

    def release(self, reader: Reader) -> None:
        """Its answer is parsed, or of no more use."""
        self.held -= self._sizes.pop(reader)
        self._reading.pop(reader, None)
        if reader in self._complete:
            self._complete.remove(reader)
        self._resume()

    @property
    def _going_on(self) -> Reader | None:
        """Who reads on beyond the budget: nobody while there is something to parse, which makes room."""
        return None if self._complete else next(iter(self._reading), None)

    def _resume(self) -> None:
        if self.held <= self._budget:
            for reader in self._reading:
                reader.resume()
        elif going_on := self._going_on:
            going_on.resume()

    def _schedule(self) -> None:
        if self._complete and not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._is_scheduled = False
        if is_spent(0):
            self._schedule()
        elif self._complete:
            reader = self._complete.popleft()
            self._schedule()
            reader.hand_over()
