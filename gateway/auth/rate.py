"""The budgets of a caller per minute: operations, calls to the platforms, and look-ups of people."""

from collections import OrderedDict
from math import ceil, inf
from time import monotonic_ns

import msgspec

from gateway.auth.principal import Principal
from gateway.errors import RateLimitedError
from gateway.ops.trace import METER
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


class Admission:
    """Who may ask for how much a minute. One per process.

    An operation counts as one before it is read. The calls that it may cause at most are counted before it runs; what
    it did not call is given back when it has ended. `lookups` are counted one by one while it runs.
    """

    def __init__(self, operations: int, calls: int, lookups: int) -> None:
        self.operations = RateLimiter(operations)
        self.calls = RateLimiter(calls, RequestWording.TOO_MANY_CALLS, "calls")
        self.lookups = RateLimiter(lookups, RequestWording.TOO_MANY_LOOKUPS, "lookups")

    def admit(self, principal: Principal) -> "Budget":
        """An operation of this caller, whose platform calls wait in their name. Raises RateLimitedError."""
        meter = METER.get()
        if meter is not None:
            meter.caller = principal.subject
        return Budget(self, principal, self.operations.check(principal))


class Budget:
    """What one operation costs its caller."""

    __slots__ = ("_admission", "_allowance", "_charged", "_most", "_principal")

    def __init__(self, admission: Admission, principal: Principal, allowance: Allowance) -> None:
        self._admission = admission
        self._principal = principal
        self._allowance = allowance
        self._charged = 0
        self._most = inf

    def charge(self, calls: int, most: float) -> None:
        """The operation may make so many calls, and never makes more than `most`, or for each event of a subscription.
        Raises RateLimitedError when the caller cannot pay for them now.

        One that may make more than the whole limit waits for the whole limit.
        """
        self._most = most
        self._bound(0)
        if calls:
            limiter = self._admission.calls
            calls = min(calls, limiter.limit)
            try:
                limiter.check(self._principal, calls)
            except RateLimitedError as error:
                error.limit = None  # the answer shows all `allowances`
                raise
            self._charged += calls

    def settle(self, calls: int, *, refund: bool = True) -> tuple[Allowance, ...]:
        """The operation has made so many calls so far. Without `refund` it may go on to those it is charged with.

        What the caller has left: operations when this one came, calls now.
        """
        self._bound(calls)
        difference = calls - self._charged
        if difference < 0 and not refund:
            difference = 0
        self._charged += difference
        return self._allowance, self._admission.calls.add(self._principal, difference)

    def _bound(self, calls: int) -> None:
        """So many were made before what comes now."""
        if (meter := METER.get()) is not None:
            meter.limit = calls + self._most

    def count_lookup(self, overdraft: int) -> None:
        """Raises RateLimitedError."""
        self._admission.lookups.check(self._principal, overdraft=overdraft)
