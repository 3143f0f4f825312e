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
    """What is left to a principal: `remaining` of `limit` a minute, all of it again after `reset_after` seconds."""

    limit: int
    remaining: int
    reset_after: float
    policy: str = "caller"


class RateLimiter:
    """Counts operations, or their cost, per subject, whatever tokens the subject has.

    `per_minute` may come at once; after that one more is earned every 60 / per_minute seconds. Time is counted in
    whole nanoseconds: a sum of floats would refuse the last of the operations that may come at once.

    Counts are those of this process alone.
    """

    def __init__(
        self, per_minute: int, refusal: Wording = RequestWording.TOO_MANY_REQUESTS, policy: str = "caller"
    ) -> None:
        self.policy = policy
        self.limit = per_minute
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
            raise RateLimitedError(self._refusal(), ceil(-spare / 1e6) / 1e3, self.limit, policy=self.policy)
        self._full_at[subject] = full_at
        self._full_at.move_to_end(subject)
        if len(self._full_at) > _REMEMBERED:
            self._full_at.popitem(last=False)
        return self._allowance(full_at - now)

    def add(self, principal: Principal, cost: int) -> Allowance:
        """Count what was done already, earned or not; less than 0 gives back what was counted too much. What is left
        then.
        """
        subject, now = principal.subject, monotonic_ns()
        full_at = self._full_at.get(subject, 0)
        full_at = max(now, (full_at if full_at > now else now) + cost * self._interval)
        if cost:
            self._full_at[subject] = full_at
        return self._allowance(full_at - now)

    def _allowance(self, ahead: int) -> Allowance:
        """What is left where the whole limit is earned again in so many nanoseconds."""
        return Allowance(self.limit, max(0, self._window - ahead) // self._interval, ahead / _SECOND, self.policy)
