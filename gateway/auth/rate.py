"""How often a principal may ask: a number per minute, spread by the generic cell rate algorithm (GCRA)."""

from typing import NamedTuple

from throttled import RateLimiterType, rate_limiter, store

from gateway.auth.principal import Principal
from gateway.errors import RateLimitedError

WINDOW = 60
"""Seconds that the number is for."""

_REMEMBERED = 10_000  # principals; the least recently seen one starts afresh


class Allowance(NamedTuple):
    """What is left to a principal: `remaining` of `limit` operations, all of them again after `reset_after` seconds."""

    limit: int
    remaining: int
    reset_after: float


class RateLimiter:
    """Counts operations per subject, whatever tokens the subject has, in this process.

    `per_minute` may come at once; after that one more is earned every 60 / per_minute seconds.
    """

    def __init__(self, per_minute: int, refusal: str = "Too many requests") -> None:
        self._limit = per_minute
        self._refusal = refusal
        # The algorithm itself: what the library's Throttled adds, waiting and hooks, costs half as much again.
        gcra = rate_limiter.RateLimiterRegistry.get(RateLimiterType.GCRA.value)
        self._gcra = gcra(rate_limiter.per_min(per_minute), store.MemoryStore(options={"MAX_SIZE": _REMEMBERED}))

    def check(self, principal: Principal) -> Allowance:
        """Count one operation. Raises RateLimitedError that says when the next one is welcome."""
        result = self._gcra.limit(principal.subject)
        state = result.state
        if result.limited:
            raise RateLimitedError(self._refusal, round(state.retry_after, 3), self._limit)
        return Allowance(self._limit, state.remaining, state.reset_after)
