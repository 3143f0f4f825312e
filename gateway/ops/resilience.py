"""Circuit breakers: they keep a dead platform from taking the gateway with it.

The document names no limits (quirk 172); these are the gateway's own.
"""

import time
from collections.abc import Callable

from gateway.normalise.states import CircuitState

Clock = Callable[[], float]
"""Seconds that only go forward."""


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
