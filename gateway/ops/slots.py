"""Bounded concurrency of the calls to a platform, shared fairly by the callers who want them.

While slots are free, a call takes one and nothing else happens. When all are taken, calls wait in a queue for each
caller, and a slot that comes free goes to the callers in turn. Reads and single writes go before bulk writes and the
gateway's own work, which still get one turn in `BACKGROUND_TURN`.

Turns alone cannot help a caller who comes while calls of others hold every slot. So the last slots, one in
`RESERVE_SHARE`, are for callers who hold few: the reserve. It caps what all others hold, one caller or several.
"""

import asyncio
from collections import deque
from typing import Protocol

RESERVE_SHARE = 16  # one slot in so many is kept for callers who hold no more than the reserve: 2 of 32
LEAST_WITH_RESERVE = 8  # of fewer slots none is kept: it would cost a single caller more than an eighth of them
BACKGROUND_TURN = 4  # while both wait, one slot in so many goes to background work
_BACKGROUND = "\0"


def background(name: str) -> str:
    """The caller of bulk writes, by the name of who wants them, or of the gateway's own work, by its name."""
    return _BACKGROUND + name


GATEWAY = background("gateway")
"""The caller of work that nobody has named."""


class Lane:
    """The calls of one caller: how many it has under way, and those that wait for a slot."""

    __slots__ = ("caller", "held", "is_background", "waiting")

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.held = 0
        self.is_background = caller.startswith(_BACKGROUND)
        self.waiting: deque[Waiter] = deque()


class Waiter(Protocol):
    """A call that waits for a slot in the lane of its caller until `deadline`, a time of the loop's clock."""

    deadline: float
    lane: Lane

    def take_turn(self) -> None:
        """A slot is taken for it."""

    def give_up(self) -> None:
        """The deadline has passed."""


class _Turn(asyncio.Future[None]):
    """A waiter that is awaited."""

    lane: Lane

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline

    def take_turn(self) -> None:
        self.set_result(None)

    def give_up(self) -> None:
        self.set_exception(TimeoutError())


class Slots:
    """A bound on how many calls are under way at once.

    While more than `reserve` are `free`, a call of any caller takes one. The last ones are for callers who hold fewer
    than `reserve`, never for background work. Each comes back by `release`.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reserve = max(1, limit // RESERVE_SHARE) if limit >= LEAST_WITH_RESERVE else 0
        self.free = limit
        self.lanes: dict[str, Lane] = {}
        """Of the callers who have a call: by name, or by what `background` makes of one."""
        self._timers: dict[Waiter, asyncio.TimerHandle] = {}  # of those that wait
        self._interactive: deque[Lane] = deque()  # those with calls that wait, in the order of their turns
        self._background: deque[Lane] = deque()
        self._turns = 0  # in a row that were not of background work, while some of it waited

    @property
    def taken(self) -> int:
        """How many calls are under way."""
        return self.limit - self.free

    @property
    def waiting(self) -> int:
        """How many calls wait for a slot."""
        return len(self._timers)

    def enter(self, waiter: Waiter, caller: str) -> None:
        """Have a call of this caller take its turn: at once, if there is a slot that it may have."""
        lane = self.lanes.get(caller)
        if lane is None:
            lane = self.lanes[caller] = Lane(caller)
        waiter.lane = lane
        if self.free > self.reserve or self._is_for_reserve(lane):
            self.free -= 1
            lane.held += 1
            waiter.take_turn()
            return
        if not lane.waiting:
            self._ring(lane).append(lane)
        lane.waiting.append(waiter)
        self._timers[waiter] = asyncio.get_running_loop().call_at(waiter.deadline, self._expire, waiter)

    def _is_for_reserve(self, lane: Lane) -> bool:
        return self.free > 0 and lane.held < self.reserve and not lane.is_background

    async def acquire(self, deadline: float, caller: str) -> Lane:
        """Take a slot, when there is one; for a task that is not cancelled. Raises TimeoutError."""
        turn = _Turn(deadline)
        self.enter(turn, caller)
        await turn
        return turn.lane

    def move(self, waiter: Waiter, caller: str) -> None:
        """This caller wants what it waits for as well: let it wait where fewer do."""
        lane = self.lanes.get(caller)
        if len(lane.waiting if lane else ()) < len(waiter.lane.waiting):
            self.leave(waiter)
            self.enter(waiter, caller)

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        lane = waiter.lane
        lane.waiting.remove(waiter)
        self._timers.pop(waiter).cancel()
        if not lane.waiting:
            self._ring(lane).remove(lane)
            if not lane.held:
                del self.lanes[lane.caller]

    def release(self, lane: Lane) -> None:
        """Give a slot of this lane back: to the caller whose turn it is, if there is one, who has it at once."""
        lane.held -= 1
        self.free += 1
        if not lane.held and not lane.waiting:
            del self.lanes[lane.caller]
        following = self._next() if self._timers else None
        if following is not None:
            waiter = following.waiting.popleft()
            if following.waiting:
                self._ring(following).append(following)
            self._timers.pop(waiter).cancel()
            self.free -= 1
            following.held += 1
            waiter.take_turn()

    def _next(self) -> Lane | None:
        """Whose turn it is, taken from the ring."""
        if self.free <= self.reserve:
            lane = next(filter(self._is_for_reserve, self._interactive), None)
            if lane is not None:
                self._interactive.remove(lane)
            return lane
        if self._interactive and (not self._background or self._turns < BACKGROUND_TURN - 1):
            self._turns += bool(self._background)
            return self._interactive.popleft()
        self._turns = 0
        return self._background.popleft()

    def _ring(self, lane: Lane) -> "deque[Lane]":
        return self._background if lane.is_background else self._interactive

    def _expire(self, waiter: Waiter) -> None:
        self.leave(waiter)
        waiter.give_up()
