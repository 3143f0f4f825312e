"""How often a principal may ask: a number per minute, spread by the generic cell rate algorithm (GCRA)."""

from typing import NamedTuple

from throttled import RateLimiterType, Throttled, rate_limiter, store

from gateway.auth.principal import Principal
from gateway.errors import RateLimitedError

_REMEMBERED = 10_000  # principals; the least recently seen one starts afresh


class Allowance(NamedTuple):
    """What is left to a principal: `remaining` of `limit` requests, all of them again after `reset_after` seconds."""

    limit: int
    remaining: int
    reset_after: float


class RateLimiter:
    """Counts requests per subject, whatever tokens the subject has, in this process.

    `per_minute` may come at once; after that one more is earned every 60 / per_minute seconds.
    """

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        self._throttle = Throttled(
            using=RateLimiterType.GCRA.value,
            quota=rate_limiter.per_min(per_minute),
            store=store.MemoryStore(options={"MAX_SIZE": _REMEMBERED}),
        )

    def check(self, principal: Principal) -> Allowance:
        """Count one request. Raises RateLimitedError that says when the next one is welcome."""
        result = self._throttle.limit(principal.subject)
        if result.limited:
            raise RateLimitedError("Too many requests", round(result.state.retry_after, 3))
        return Allowance(self._limit, result.state.remaining, result.state.reset_after)
