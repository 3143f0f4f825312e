"""Circuit breakers: they keep a dead platform from taking the gateway with it.

The document names no limits (quirk 172); these are the gateway's own.
"""

import time
from collections import deque
from collections.abc import Callable

import msgspec

from gateway.normalise.states import Availability, CircuitState


class EndpointState(msgspec.Struct, frozen=True):
    """One endpoint, by its name in the document ("order/list")."""

    name: str
    availability: Availability
    circuit: CircuitState

    @property
    def healthy(self) -> bool:
        """An endpoint that nobody set up or offers is not ill."""
        return self.circuit is CircuitState.CLOSED


Clock = Callable[[], float]
"""Seconds that only go forward."""


FAILURE_RATE = 0.5
"""The share of the calls within the window that opens a circuit when they fail."""

BUCKETS = 10
"""Parts of the window: so exact is its beginning."""


class CircuitBreaker:
    """Fails calls to one endpoint at once while too many of them fail, until one call after a cooldown succeeds.

    Only what shows that the endpoint cannot be reached is a failure: never an answer, whatever it says (quirk 28).
    Every call that `allows` let through must end in `succeeded`, `failed` or `abandoned`. While it is not `is_tripped`,
    it allows each call, and a success need only be counted in `calls`; the caller then calls `turn` when it is time.
    """

    def __init__(
        self, *, window: float = 10.0, min_calls: int = 8, cooldown: float = 5.0, clock: Clock = time.monotonic
    ) -> None:
        """Fewer than `min_calls` within `window` seconds open nothing; after `cooldown` seconds one call is tried."""
        self._window = window
        self._min_calls = min_calls
        self._cooldown = cooldown
        self._clock = clock
        self.is_tripped = False
        """Whether the circuit is not closed."""
        self.calls = 0
        """Calls that have ended since the last `turn`."""
        self.turns_at = clock() + window / BUCKETS
        """When `turn` is to be called next."""
        self._failures = 0  # of `calls`
        self._past: deque[tuple[float, int, int]] = deque()  # when a bucket ended, its calls and failures
        self._opened_at = 0.0
        self._trying = False

    @property
    def state(self) -> CircuitState:
        if not self.is_tripped:
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
        if not self.is_tripped:
            return True
        if self._trying or self._rest > 0:
            return False
        self._trying = True
        return True

    def succeeded(self) -> bool:
        """Returns whether that closed the circuit."""
        if not self.is_tripped:
            self.calls += 1
            return False
        self.is_tripped = self._trying = False
        self._forget()
        return True

    def failed(self) -> bool:
        """Returns whether that opened the circuit: a trial that fails leaves it open."""
        now = self._clock()
        if self.is_tripped:
            self._trying = False
            self._opened_at = now
            return False
        if now >= self.turns_at:
            self.turn(now)
        self.calls += 1
        self._failures += 1
        calls = self.calls + sum(calls for _, calls, _ in self._past)
        failures = self._failures + sum(failures for _, _, failures in self._past)
        self.is_tripped = calls >= self._min_calls and failures >= FAILURE_RATE * calls
        self._opened_at = now
        return self.is_tripped

    def abandoned(self) -> None:
        """The call ended without saying anything about the endpoint: cancelled, or never begun."""
        self._trying = False

    def turn(self, now: float) -> None:
        """Begin another bucket, and forget those that are out of the window."""
        self._past.append((self.turns_at, self.calls, self._failures))
        self.calls = self._failures = 0
        self.turns_at = now + self._window / BUCKETS
        while self._past and self._past[0][0] <= now - self._window:
            self._past.popleft()

    def _forget(self) -> None:
        self._past.clear()
        self.calls = self._failures = 0
