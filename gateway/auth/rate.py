"""How often a principal may ask: a number per minute, spread by the generic cell rate algorithm (GCRA)."""

from time import monotonic

import msgspec
from throttled import RateLimiterType, rate_limiter, store

from gateway.auth.principal import Principal
from gateway.errors import RateLimitedError

WINDOW = 60
"""Seconds that the number is for."""

_REMEMBERED = 10_000  # principals; the least recently seen one starts afresh


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """What is left to a principal: `remaining` of `limit` operations, all of them again after `reset_after` seconds."""

    limit: int
    remaining: int
    reset_after: float


class _Portion:
    """Operations that are counted already: `left` of them, good `until` a moment of the monotonic clock.

    `remaining` and `reset_after` are what the caller had besides, when it was taken.
    """

    __slots__ = ("left", "remaining", "reset_after", "until")

    def __init__(self, left: int, until: float, remaining: int, reset_after: float) -> None:
        self.left = left
        self.until = until
        self.remaining = remaining
        self.reset_after = reset_after


class RateLimiter:
    """Counts operations per subject, whatever tokens the subject has, in this process.

    `per_minute` may come at once; after that one more is earned every 60 / per_minute seconds.

    The library's count costs seven microseconds in a request. So it counts a second's worth at once where a second
    earns several. What a caller leaves of such a portion is forfeited when it has been earned anew: nobody gets more
    than the rate, and whoever stays below it is never refused.
    """

    def __init__(self, per_minute: int, refusal: str = "Too many requests") -> None:
        self._limit = per_minute
        self._refusal = refusal
        self._portion = max(1, per_minute // WINDOW)
        self._lasts = self._portion * WINDOW / per_minute
        self._portions: dict[str, _Portion] = {}
        # The algorithm itself: what the library's Throttled adds, waiting and hooks, costs half as much again.
        gcra = rate_limiter.RateLimiterRegistry.get(RateLimiterType.GCRA.value)
        self._gcra = gcra(rate_limiter.per_min(per_minute), store.MemoryStore(options={"MAX_SIZE": _REMEMBERED}))

    def check(self, principal: Principal) -> Allowance:
        """Count one operation. Raises RateLimitedError that says when the next one is welcome."""
        portion = self._portions.get(principal.subject)
        if portion is None or not portion.left or monotonic() > portion.until:
            portion = self._take(principal.subject)
        portion.left -= 1
        return Allowance(self._limit, portion.remaining + portion.left, portion.reset_after)

    def _take(self, subject: str) -> _Portion:
        """A new portion: of one operation, where no larger one is to be had."""
        size = self._portion
        result = self._gcra.limit(subject, size)
        if result.limited and size > 1:
            size = 1
            result = self._gcra.limit(subject, size)
        state = result.state
        if result.limited:
            raise RateLimitedError(self._refusal, round(state.retry_after, 3), self._limit)
        if len(self._portions) >= _REMEMBERED:
            self._portions.clear()
        portion = _Portion(size, monotonic() + self._lasts, state.remaining, state.reset_after)
        self._portions[subject] = portion
        return portion
