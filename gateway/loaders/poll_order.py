"""Which list is polled next, where there are more of them than an interval has room for.

A list is due an interval after its last poll. Those that changed or were looked at within `LIVELY` seconds wait in one
queue, quiet ones in another, each in the order in which they came due. While both wait, each has half of the time: so a
quiet list is late, but within `PollOrder.bound`. Times are seconds of any clock.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Generic, TypeVar

LIVELY = 300.0

ListT = TypeVar("ListT")


@dataclass(eq=False, slots=True)
class Turn(Generic[ListT]):
    """When a list is due, how long its last poll took, and its entry in a queue (0: none; older ones are skipped)."""

    watch: ListT
    due: float
    took: float
    lively_until: float
    entry: int = 0


class PollOrder(Generic[ListT]):
    """One per process. `interval` is the shortest between two polls of a list, in seconds."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._turns: set[Turn[ListT]] = set()
        self.polled: set[Turn[ListT]] = set()
        self._lively: list[tuple[float, int, Turn[ListT]]] = []
        self._quiet: list[tuple[float, int, Turn[ListT]]] = []
        self._numbers = count(1)
        self._round = 0.0  # what one poll of each list takes, one after the other
        self._ahead = 0.0  # seconds of polling that lively lists had more than quiet ones while both waited

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, watch: ListT, now: float) -> Turn[ListT]:
        """Have a list polled. Until its first poll is done, that counts as taking the mean."""
        turn = Turn(watch, now, self._round / max(1, len(self)), now + LIVELY)
        self._turns.add(turn)
        self._round += turn.took
        self._queue(turn, now)
        return turn

    def remove(self, turn: Turn[ListT]) -> None:
        self._turns.remove(turn)
        self._round -= turn.took
        turn.entry = 0

    def notice(self, turn: Turn[ListT], now: float, *, at_once: bool = False) -> None:
        """The list has changed, or is looked at. `at_once`: the next poll would find something."""
        is_news, turn.lively_until = turn.lively_until <= now, now + LIVELY
        if at_once and turn.due > now:
            is_news, turn.due = True, now
        if is_news and turn.entry:
            self._queue(turn, now)

    def begin(self, now: float) -> Turn[ListT] | None:
        """The list to poll now, if one is due."""
        lively, quiet = (turn if turn and turn.due <= now else None for turn in self._heads())
        turn = lively if quiet is None or (lively and self._ahead <= 0) else quiet
        if turn is not None:
            self._ahead = self._ahead + (turn.took if turn is lively else -turn.took) if lively and quiet else 0.0
            self.polled.add(turn)
            turn.entry = 0
        return turn

    def end(self, turn: Turn[ListT], now: float, took: float, pause: float) -> None:
        """The poll is over; the next one is due after the pause."""
        self.polled.remove(turn)
        if turn in self._turns:
            self._round += took - turn.took
            turn.took, turn.due = took, now + pause
            self._queue(turn, now)

    def next_due(self) -> float:
        """When the next list that waits is due; `inf` where none waits."""
        return min((turn.due for turn in self._heads() if turn), default=inf)

    def lateness(self, now: float) -> float:
        """For how many seconds the most overdue poll has been due, without coming to its end."""
        return max(0.0, now - min((turn.due for turn in self.polled), default=inf), now - self.next_due())

    def bound(self, at_once: int) -> float:
        """What the lateness stays within: the interval, or the time that two polls of every list take, so many at once.
        A list waits for each other one of its queue at most once, and its queue has half of the time at least.
        """
        return max(self._interval, 2 * self._round / at_once)

    def _heads(self) -> list[Turn[ListT] | None]:
        for queue in (self._lively, self._quiet):
            while queue and queue[0][2].entry != queue[0][1]:
                heappop(queue)
        return [queue[0][2] if queue else None for queue in (self._lively, self._quiet)]

    def _queue(self, turn: Turn[ListT], now: float) -> None:
        turn.entry = next(self._numbers)
        heappush(self._lively if turn.lively_until > now else self._quiet, (turn.due, turn.entry, turn))
