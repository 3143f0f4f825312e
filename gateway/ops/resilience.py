"""What keeps one slow or dead platform from taking the gateway with it: bounded concurrency, circuit breakers.

The document names no limits (quirk 172); these are the gateway's own.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from schema.normalise.states import CircuitState

Clock = Callable[[], float]
"""Seconds that only go forward."""


class Slots:
    """A bound on how many calls are under way at once; whoever waits is served in the order of coming."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    def try_acquire(self) -> bool:
        """Take a slot if one is free and nobody waits."""
        if self.taken >= self.limit or self._queue:
            return False
        self.taken += 1
        return True

    async def acquire(self) -> None:
        """Take a slot, waiting for one as long as it takes. A cancelled waiter leaves no trace."""
        if self.try_acquire():
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the slot came in the same moment
                self.release()
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    def release(self) -> None:
        """Give a slot back: to the next in the queue, if there is one."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.taken -= 1


class CircuitBreaker:
    """Fails calls to one endpoint at once after `threshold` failures in a row, until one call after `cooldown` seconds
    succeeds.

    Only what shows that the endpoint cannot be reached is a failure: never an answer, whatever it says (quirk 28).
    Every call that `allows` let through must end in `succeeded`, `failed` or `abandoned`.
    """

    def __init__(self, *, threshold: int = 8, cooldown: float = 5.0, clock: Clock = time.monotonic) -> None:
        self._threshold = threshold
        self._cooldown = cooldown
        self._clock = clock
        self._failures = 0
        self._opened_at = 0.0
        self._trying = False

    @property
    def state(self) -> CircuitState:
        if self._failures < self._threshold:
            return CircuitState.CLOSED
        if self._trying or self._clock() - self._opened_at >= self._cooldown:
            return CircuitState.HALF_OPEN
        return CircuitState.OPEN

    def allows(self) -> bool:
        """Whether a call may go; in a half-open circuit the first one takes the only place."""
        if self._failures < self._threshold:
            return True
        if self._trying or self._clock() - self._opened_at < self._cooldown:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._trying = False

    def failed(self) -> None:
        self._failures += 1
        self._trying = False
        if self._failures >= self._threshold:
            self._opened_at = self._clock()

    def abandoned(self) -> None:
        """The call ended without telling anything of the endpoint: cancelled, or never begun."""
        self._trying = False
