"""Bounded concurrency of the calls to a platform, shared fairly by the callers who want them.

While slots are free, a call takes one and nothing else happens. When all are taken, calls wait, and a slot that comes
free goes to the callers in turn. Reads and single writes go before bulk writes and the gateway's own work, which still
get one turn in `BACKGROUND_TURN`.

Turns alone cannot help a caller who comes while calls of another hold every slot. So one caller holds at most `most` of
them, and so does all background work together.
"""

import asyncio
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

KEPT_SHARE = 16  # one slot in so many is kept from a caller who has all others: 2 of 32
LEAST_WITH_KEPT = 8  # of fewer slots none is kept: it would cost a single caller more than an eighth of them
BACKGROUND_TURN = 4  # while both wait, one slot in so many goes to background work
_BACKGROUND = "\0"


def background(name: str) -> str:
    """The caller of bulk writes, by the name of who wants them, or of the gateway's own work, by its name."""
    return _BACKGROUND + name


GATEWAY = background("gateway")
"""The caller of work that nobody has named."""


class Waiter(Protocol):
    """A call that waits for a slot in the lane of its caller until `deadline`, a time of the loop's clock."""

    deadline: float
    lane: "Lane"

    def take_turn(self) -> None:
        """A slot is taken for it."""

    def give_up(self) -> None:
        """The deadline has passed."""


@dataclass(slots=True, eq=False)
class Lane:
    """The calls of one caller: how many slots they have, and those that wait, in the order of their coming."""

    caller: str
    is_background: bool
    held: int = 0
    waiting: dict[Waiter, None] = field(default_factory=dict)


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
    """Bounds the calls under way: each that enters is to leave. Gateways divide the `total`; `limit` is this one's."""

    limit: int
    most: int

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = 0
        self.waiting = 0
        self.lanes: dict[str, Lane] = {}
        """Of the callers who have a call, in the order of their turns."""
        self._in_background = 0  # of those that are taken
        self._waiting_in_background = 0  # of those that wait
        self._turns = 0  # in a row that were not of background work, while some of it waited
        self._timer: asyncio.TimerHandle | None = None
        self._expires_at = inf
        self.divide(1)

    def divide(self, gateways: int) -> None:
        """Have so many gateways share them. Calls under way go on; where there is room now, calls that wait begin."""
        limit = self.limit = max(1, self.total // gateways)
        self.most = limit - max(1, limit // KEPT_SHARE) if limit >= LEAST_WITH_KEPT else limit
        while self._give_turn():
            pass

    def enter(self, waiter: Waiter, caller: str) -> None:
        """Have a call of this caller take its turn: at once, if there is a slot that it may have."""
        lane = self.lanes.get(caller)
        if lane is None:
            lane = self.lanes[caller] = Lane(caller, caller.startswith(_BACKGROUND))
        waiter.lane = lane
        if self.taken < self.limit and (self._in_background if lane.is_background else lane.held) < self.most:
            lane.held += 1
            self.taken += 1
            if lane.is_background:
                self._in_background += 1
            waiter.take_turn()
        else:
            lane.waiting[waiter] = None
            self.waiting += 1
            self._waiting_in_background += lane.is_background
            if waiter.deadline < self._expires_at:
                self._expire_at(waiter.deadline)

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer, or give the slot back. The caller whose turn it is has it at once."""
        lane = waiter.lane
        is_waiting = waiter in lane.waiting
        if is_waiting:
            self._remove(waiter)
        else:
            lane.held -= 1
            self.taken -= 1
            if lane.is_background:
                self._in_background -= 1
        if not lane.held and not lane.waiting:
            del self.lanes[lane.caller]
        if self.waiting and not is_waiting:
            self._give_turn()

    def _give_turn(self) -> bool:
        """Have the caller whose turn it is begin a call that waits. Whether one did."""
        if self.taken >= self.limit or (following := self._next()) is None:
            return False
        self.lanes[following.caller] = self.lanes.pop(following.caller)  # the last in turn
        first = next(iter(following.waiting))
        self._remove(first)
        self.enter(first, following.caller)
        return True

    def _remove(self, waiter: Waiter) -> None:
        """It is in no queue any more."""
        del waiter.lane.waiting[waiter]
        self.waiting -= 1
        self._waiting_in_background -= waiter.lane.is_background

    def move(self, waiter: Waiter, caller: str) -> None:
        """This caller wants what it may wait for as well: let it wait where fewer do."""
        own, lane = waiter.lane, self.lanes.get(caller)
        if waiter in own.waiting and len(lane.waiting if lane else ()) < len(own.waiting):
            self.leave(waiter)
            self.enter(waiter, caller)

    async def acquire(self, deadline: float, caller: str) -> Waiter:
        """Take a slot, when there is one; for a task that is not cancelled. Raises TimeoutError."""
        turn = _Turn(deadline)
        self.enter(turn, caller)
        await turn
        return turn

    def _next(self) -> Lane | None:
        """Whose turn it is, of those who may have another slot."""
        most, lanes = self.most, self.lanes.values()
        caller = next((lane for lane in lanes if lane.waiting and lane.held < most and not lane.is_background), None)
        work = None
        if self._waiting_in_background and self._in_background < most:
            work = next(lane for lane in lanes if lane.waiting and lane.is_background)
        if caller is None or (work is not None and self._turns == BACKGROUND_TURN - 1):
            self._turns = 0
            return work
        self._turns += work is not None
        return caller

    def _expire_at(self, deadline: float) -> None:
        """One timer lasts for many calls, since nearly all of them have their turn long before their deadline."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._expires_at = asyncio.get_running_loop().call_at(deadline, self._expire, deadline), deadline

    def _expire(self, deadline: float) -> None:
        """This deadline has passed: that of calls that wait, or of one that had its turn in time."""
        self._timer, self._expires_at = None, inf
        waiting = [waiter for lane in self.lanes.values() for waiter in lane.waiting]
        for waiter in waiting:
            if waiter.deadline <= deadline:
                self.leave(waiter)
                waiter.give_up()
        if left := [waiter.deadline for waiter in waiting if waiter.deadline > deadline]:
            self._expire_at(min(left))
