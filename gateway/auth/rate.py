"""The budgets of a caller per minute: operations, calls to the platforms, and look-ups of people.

Time is counted in whole nanoseconds: a sum of floats would refuse the last of those that may come at once.
"""

from functools import lru_cache
from math import ceil, inf
from time import monotonic_ns
from typing import TypeAlias

from gateway.errors import RateLimitedError
from gateway.ops.trace import METER, Meter
from gateway.wording.requests import RequestWording
from gateway.wording.wording import Wording

WINDOW = 60  # seconds that the number is for
SECOND = 1_000_000_000  # nanoseconds
REMEMBERED = 10_000  # callers; the least recently seen one starts afresh

RateHeaders: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Those of an answer (draft-ietf-httpapi-ratelimit-headers-10): the caller's policies, and what is left by each."""


def refused_headers(error: RateLimitedError) -> RateHeaders:
    """The rate headers of a refusal; none where it was for no bound on a minute."""
    if error.limit is None:
        return ()
    name, wait = error.policy.encode(), ceil(error.retry_after)
    return (b"ratelimit-policy", _POLICY % (name, error.limit)), (b"ratelimit", b'"%b";r=0;t=%d' % (name, wait))


_POLICY = b'"%%b";q=%%d;w=%d' % WINDOW
_STATES = b'"caller";r=%d;t=%d, "calls";r=%d;t=%d'


class Rate:
    """So many a minute may come at once; after that one more is earned every 60 / per_minute seconds."""

    def __init__(
        self, per_minute: int, refusal: Wording = RequestWording.TOO_MANY_REQUESTS, policy: str = "caller"
    ) -> None:
        self.limit = per_minute
        self.name = policy
        self.refusal = refusal
        self.interval = WINDOW * SECOND // per_minute
        self.window = self.interval * per_minute

    def left(self, ahead: int) -> tuple[int, int]:
        """How many are left where the whole limit is earned again in so many nanoseconds, and that in seconds."""
        return max(self.window - ahead, 0) // self.interval, -(-ahead // SECOND)


class Bucket:
    """What one caller has used of a rate, whatever tokens the caller has. Counts are those of this process alone."""

    __slots__ = ("_rate", "full_at")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self.full_at = 0  # when the whole limit is earned again, in nanoseconds

    def take(self, cost: int = 1, *, overdraft: int = 0) -> int:
        """Count what costs this much, at most the limit: in how many nanoseconds the whole limit is earned again.

        So many as `overdraft` may be counted before they are earned. Raises RateLimitedError, which says when the cost
        can be paid.
        """
        now, full_at, rate = monotonic_ns(), self.full_at, self._rate
        ahead = (full_at - now if full_at > now else 0) + cost * rate.interval
        late = ahead - rate.window - overdraft * rate.interval
        if late > 0:
            raise RateLimitedError(rate.refusal(), ceil(late / 1e6) / 1e3, rate.limit, policy=rate.name)
        self.full_at = now + ahead
        return ahead


class Admission:
    """Who may ask for how much a minute. One per process.

    An operation counts before it is read, and the calls that it may cause before it runs; what it did not call is given
    back when it has ended. `lookups` are counted one by one while it runs.
    """

    def __init__(self, operations: int, calls: int, lookups: int) -> None:
        self.operations = Rate(operations)
        self.calls = Rate(calls, RequestWording.TOO_MANY_CALLS, "calls")
        rates = self.operations, self.calls, Rate(lookups, RequestWording.TOO_MANY_LOOKUPS, "lookups")
        policies = b", ".join(_POLICY % (rate.name.encode(), rate.limit) for rate in rates[:2])
        self.policies = b"ratelimit-policy", policies
        self.buckets = lru_cache(REMEMBERED)(lambda _subject: tuple(map(Bucket, rates)))


class Budget:
    """What one operation costs its caller, by their subject: its platform calls wait in their name."""

    __slots__ = ("_admission", "_ahead", "_calls", "_charged", "_meter", "_most", "lookups")

    def __init__(self, admission: Admission, subject: str) -> None:
        """Counts the operation. Raises RateLimitedError."""
        self._meter = METER.get() or Meter()
        self._meter.caller = subject
        operations, self._calls, self.lookups = admission.buckets(subject)
        self._ahead = operations.take()
        self._admission = admission
        self._charged = 0
        self._most = inf

    def charge(self, calls: int, most: float) -> None:
        """The operation may make so many calls, and never makes more than `most`, or for each event of a subscription.

        One that may make more than the whole limit waits for the whole limit. Raises RateLimitedError when the caller
        cannot pay now.
        """
        self._most = self._meter.limit = most
        if calls:
            calls = min(calls, self._admission.calls.limit)
            try:
                self._calls.take(calls)
            except RateLimitedError as error:
                error.limit = None  # the answer shows all policies
                raise
            self._charged += calls

    def settle(self, calls: int, *, refund: bool = True) -> RateHeaders:
        """The operation has made so many calls so far. Without `refund` it may go on to those it is charged with.

        The headers have what is left to the caller: operations when this one came, calls now.
        """
        difference = calls - self._charged
        if not refund:
            self._meter.limit = calls + self._most
            difference = max(difference, 0)
        admission, bucket, now = self._admission, self._calls, monotonic_ns()
        ahead = bucket.full_at - now if bucket.full_at > now else 0
        if difference:
            self._charged += difference
            ahead = max(ahead + difference * admission.calls.interval, 0)
            bucket.full_at = now + ahead
        states = _STATES % (*admission.operations.left(self._ahead), *admission.calls.left(ahead))
        return admission.policies, (b"ratelimit", states)
