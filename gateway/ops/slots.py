"""Bounded concurrency of the calls to a platform, shared fairly by the callers who want them.

While slots are free, a call takes one and nothing else happens. When all are taken, calls wait in a queue for each
caller, and a slot that comes free goes to the callers in turn (deficit round robin, where each call costs 1). Reads and
single writes go before bulk writes and the gateway's own work, which still get one turn in `BACKGROUND_TURN`.

Round robin alone cannot help a caller who comes while calls of a second hold every slot. So one slot in
`RESERVE_SHARE` is kept for callers who hold few: the reserve.
"""

import asyncio
from collections import deque
from math import inf
from typing import Protocol

RESERVE_SHARE = 16
"""One slot in so many is kept for callers who hold no more than the reserve: 2 of 32."""

LEAST_WITH_RESERVE = 8
"""Of fewer slots none is kept: it would cost a single caller more than an eighth of them."""

BACKGROUND_TURN = 4
"""While both wait, one slot in so many goes to background work."""

MOST_IDLE = 1000
"""Callers that are remembered while they have no call; each is some 200 bytes."""

_BACKGROUND = "\0"


def background(name: str) -> str:
    """The caller of bulk writes, by the name of who wants them, or of the gateway's own work, by its name."""
    return _BACKGROUND + name


GATEWAY = background("gateway")
"""The caller of work that nobody has named."""


class Lane:
    """The calls of one caller: how many it has under way, and those that wait for a slot."""

    __slots__ = ("held", "is_background", "waiting")

    def __init__(self, *, is_background: bool) -> None:
        self.held = 0
        self.is_background = is_background
        self.waiting: deque[Waiter] = deque()


class Waiter(Protocol):
    """Somebody who waits for a slot in this lane until `deadline`, a time of the loop's clock."""

    lane: Lane
    deadline: float

    def take_turn(self) -> None:
        """A slot is taken for it."""

    def give_up(self) -> None:
        """The deadline has passed."""


class _Turn:
    """A waiter whose `comes` is whether it has its turn."""

    def __init__(self, lane: Lane, deadline: float) -> None:
        self.lane = lane
        self.deadline = deadline
        self.comes = asyncio.get_running_loop().create_future()

    def take_turn(self) -> None:
        self.comes.set_result(True)

    def give_up(self) -> None:
        self.comes.set_result(False)


class Slots:
    """A bound on how many calls are under way at once.

    `free` slots are for any caller: to take one, count it down and the lane's `held` up. `spare` ones, of `reserve`,
    are for callers who hold fewer than `reserve`, never for background work. While anybody waits, none is free; what is
    spare then is for nobody who waits. Each slot comes back by `release`.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.reserve = max(1, limit // RESERVE_SHARE) if limit >= LEAST_WITH_RESERVE else 0
        self.free = limit - self.reserve
        self.spare = self.reserve
        self.waiting = 0
        """How many calls wait for a slot."""
        self.lanes: dict[str, Lane] = {}
        """By caller: a name, or what `background` makes of one."""
        self._most_lanes = MOST_IDLE
        self._interactive: deque[Lane] = deque()  # those with calls that wait, in the order of their turns
        self._background: deque[Lane] = deque()
        self._turns = 0  # in a row that were not of background work, while some of it waited
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    @property
    def taken(self) -> int:
        """How many calls are under way."""
        return self.limit - self.free - self.spare

    def open_lane(self, caller: str) -> Lane:
        """The lane of a caller, who has none in `lanes`."""
        if len(self.lanes) >= self._most_lanes:
            self.lanes = {name: lane for name, lane in self.lanes.items() if lane.held or lane.waiting}
            self._most_lanes = MOST_IDLE + 2 * len(self.lanes)
        lane = self.lanes[caller] = Lane(is_background=caller.startswith(_BACKGROUND))
        return lane

    def take(self, lane: Lane) -> bool:
        """Take a slot that this lane may have, if there is one."""
        if self.free:
            self.free -= 1
        elif self.spare and lane.held < self.reserve and not lane.is_background:
            self.spare -= 1
        else:
            return False
        lane.held += 1
        return True

    def queue(self, waiter: Waiter) -> None:
        """Wait for a slot, when there is none to take."""
        lane = waiter.lane
        if not lane.waiting:
            self._ring(lane).append(lane)
        lane.waiting.append(waiter)
        self.waiting += 1
        if waiter.deadline < self._timer_at:
            self._set_timer(asyncio.get_running_loop(), waiter.deadline)

    async def acquire(self, deadline: float, caller: str = GATEWAY) -> Lane:
        """Take a slot, when there is one; for who would rather await it. Raises TimeoutError."""
        lane = self.lanes.get(caller) or self.open_lane(caller)
        if self.take(lane):
            return lane
        turn = _Turn(lane, deadline)
        self.queue(turn)
        try:
            if not await turn.comes:
                raise TimeoutError
        except asyncio.CancelledError:
            if turn in lane.waiting:
                self.leave(turn)
            elif turn.comes.done() and not turn.comes.cancelled() and turn.comes.result():
                self.release(lane)
            raise
        return lane

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        lane = waiter.lane
        lane.waiting.remove(waiter)
        self.waiting -= 1
        if not lane.waiting:
            self._ring(lane).remove(lane)

    def release(self, lane: Lane) -> None:
        """Give a slot of this lane back: to the caller whose turn it is, if there is one, who has it at once."""
        lane.held -= 1
        is_spare = self.spare < self.reserve and lane.held < self.reserve and not lane.is_background
        following = self._next(is_spare=is_spare) if self.waiting else None
        if following is not None:
            self.waiting -= 1
            following.lane.held += 1
            following.take_turn()
        elif is_spare:
            self.spare += 1
        else:
            self.free += 1

    def _next(self, *, is_spare: bool) -> Waiter | None:
        """Whose turn it is, taken from the queue. A spare slot is only for callers who hold few."""
        if is_spare:
            lane = next((lane for lane in self._interactive if lane.held < self.reserve), None)
            if lane is None:
                return None
            self._interactive.remove(lane)
        elif self._interactive and (not self._background or self._turns < BACKGROUND_TURN - 1):
            self._turns += bool(self._background)
            lane = self._interactive.popleft()
        else:
            self._turns = 0
            lane = self._background.popleft()
        waiter = lane.waiting.popleft()
        if lane.waiting:
            self._ring(lane).append(lane)
        return waiter

    def _ring(self, lane: Lane) -> "deque[Lane]":
        return self._background if lane.is_background else self._interactive

    def _set_timer(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """One timer, of the earliest deadline: hardly anybody waits that long, so it costs a waiter nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = loop.call_at(deadline, self._expire, loop), deadline

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._timer_at = None, inf
        now = loop.time()
        waiters = [waiter for lane in (*self._interactive, *self._background) for waiter in lane.waiting]
        late = [waiter for waiter in waiters if waiter.deadline <= now]
        for waiter in late:
            self.leave(waiter)
        if self.waiting:
            self._set_timer(loop, min(waiter.deadline for waiter in waiters if waiter.deadline > now))
        for waiter in late:
            waiter.give_up()
