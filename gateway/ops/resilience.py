"""What keeps one slow or dead platform from taking the gateway with it: bounded concurrency, circuit breakers.

The document names no limits (quirk 172); these are the gateway's own.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Protocol

from gateway.normalise.states import CircuitState

Clock = Callable[[], float]
"""Seconds that only go forward."""


class Waiter(Protocol):
    """Somebody who waits for a slot until `deadline`, a time of the loop's clock."""

    deadline: float

    def take_turn(self) -> None:
        """A slot is taken for it."""

    def give_up(self) -> None:
        """The deadline has passed."""


class _Turn:
    """A waiter whose `comes` is whether it has its turn."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.comes = asyncio.get_running_loop().create_future()

    def take_turn(self) -> None:
        self.comes.set_result(True)

    def give_up(self) -> None:
        self.comes.set_result(False)


class Slots:
    """A bound on how many calls are under way at once; those that wait are served in the order of coming.

    `free` slots are there for the taking: the taker counts it down, and gives it back by `release`. While
    anybody is in the queue, none is free.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.free = limit
        self._queue: deque[Waiter] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    @property
    def taken(self) -> int:
        """How many are not free."""
        return self.limit - self.free

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._queue)

    def queue(self, waiter: Waiter) -> None:
        """Wait for a slot, when none is free."""
        self._queue.append(waiter)
        if waiter.deadline < self._timer_at:
            self._set_timer(asyncio.get_running_loop(), waiter.deadline)

    async def acquire(self, deadline: float) -> None:
        """Take a slot, when there is one; for who would rather await it. Raises TimeoutError."""
        if self.free:
            self.free -= 1
            return
        turn = _Turn(deadline)
        self.queue(turn)
        try:
            if not await turn.comes:
                raise TimeoutError
        except asyncio.CancelledError:
            if turn in self._queue:
                self.leave(turn)
            elif turn.comes.done() and not turn.comes.cancelled() and turn.comes.result():
                self.release()
            raise

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        self._queue.remove(waiter)

    def release(self) -> None:
        """Give a slot back: to the next in the queue, if there is one, who has its turn at once."""
        if self._queue:
            self._queue.popleft().take_turn()
        else:
            self.free += 1

    def _set_timer(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """One timer, of the earliest deadline: hardly anybody waits that long, so it costs a waiter nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = loop.call_at(deadline, self._expire, loop), deadline

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._timer_at = None, inf
        now = loop.time()
        late = [waiter for waiter in self._queue if waiter.deadline <= now]
        for waiter in late:
            self._queue.remove(waiter)
        if self._queue:
            self._set_timer(loop, min(waiter.deadline for waiter in self._queue))
        for waiter in late:
            waiter.give_up()


class CircuitBreaker:
    """Fails calls to one endpoint at once after `threshold` failures in a row, until one call after `cooldown` seconds
    succeeds.

    Only what shows that the endpoint cannot be reached is a failure: never an answer, whatever it says (quirk 28).
    Every call that `allows` let through must end in `succeeded`, `failed` or `abandoned`. While it is not `troubled`,
    it allows each call, and a success changes nothing.
    """

    def __init__(self, *, threshold: int = 8, cooldown: float = 5.0, clock: Clock = time.monotonic) -> None:
        self._threshold = threshold
        self._cooldown = cooldown
        self._clock = clock
        self.troubled = False
        self._failures = 0
        self._opened_at = 0.0
        self._trying = False

    @property
    def state(self) -> CircuitState:
        if self._failures < self._threshold:
            return CircuitState.CLOSED
        return CircuitState.HALF_OPEN if self._trying or self._rest <= 0 else CircuitState.OPEN

    @property
    def retry_after(self) -> float | None:
        """Seconds until a call is let through again; None while one is, since all depends on how it ends."""
        return None if self._trying else round(max(self._rest, 0.0), 3)

    @property
    def _rest(self) -> float:
        return self._opened_at + self._cooldown - self._clock()

    def allows(self) -> bool:
        """Whether a call may go; in a half-open circuit the first one takes the only place."""
        if self._failures < self._threshold:
            return True
        if self._trying or self._rest > 0:
            return False
        self._trying = True
        return True

    def succeeded(self) -> bool:
        """Returns whether that closed the circuit."""
        was_open = self._failures >= self._threshold
        self.troubled = False
        self._failures = 0
        self._trying = False
        return was_open

    def failed(self) -> bool:
        """Returns whether that opened the circuit: a trial that fails leaves it open."""
        self.troubled = True
        self._failures += 1
        self._trying = False
        if self._failures >= self._threshold:
            self._opened_at = self._clock()
        return self._failures == self._threshold

    def abandoned(self) -> None:
        """The call ended without saying anything about the endpoint: cancelled, or never begun."""
        self._trying = False
