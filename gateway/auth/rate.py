"""How much a principal may ask of the gateway: so much a minute, by the generic cell rate algorithm (GCRA)."""

from collections import OrderedDict
from math import ceil
from time import monotonic_ns

import msgspec

from gateway.auth.principal import Principal
from gateway.errors import RateLimitedError
from gateway.wording.requests import RequestWording
from gateway.wording.wording import Wording

WINDOW = 60
"""Seconds that the number is for."""

_SECOND = 1_000_000_000  # nanoseconds
_REMEMBERED = 10_000  # principals; the least recently seen one starts afresh


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """What is left to a principal: `remaining` of `limit` operations, all of them again after `reset_after` seconds."""

    limit: int
    remaining: int
    reset_after: float


class RateLimiter:
    """Counts operations, or their cost, per subject, whatever tokens the subject has, in this process.

    `per_minute` may come at once; after that one more is earned every 60 / per_minute seconds. Time is counted in
    whole nanoseconds: a sum of floats would refuse the last of the operations that may come at once.
    """

    def __init__(self, per_minute: int, refusal: Wording = RequestWording.TOO_MANY_REQUESTS) -> None:
        self._limit = per_minute
        self._refusal = refusal
        self._interval = WINDOW * _SECOND // per_minute
        self._window = self._interval * per_minute
        self._full_at: OrderedDict[str, int] = OrderedDict()  # by subject: when the whole limit is earned again

    def check(self, principal: Principal, cost: int = 1, *, overdraft: int = 0) -> Allowance:
        """Count what costs this much, at most the limit. Raises RateLimitedError that says when it can be paid for.

        So many as `overdraft` may be counted before they are earned; until they are, a check without it fails.
        """
        subject, now = principal.subject, monotonic_ns()
        full_at = self._full_at.get(subject, 0)
        full_at = (full_at if full_at > now else now) + cost * self._interval
        spare = now + self._window + overdraft * self._interval - full_at
        if spare < 0:
            raise RateLimitedError(self._refusal(), ceil(-spare / 1e6) / 1e3, self._limit)
        self._full_at[subject] = full_at
        self._full_at.move_to_end(subject)
        if len(self._full_at) > _REMEMBERED:
            self._full_at.popitem(last=False)
        return Allowance(self._limit, max(0, spare // self._interval - overdraft), (full_at - now) / _SECOND)
