"""The budgets of a caller: operations, calls to the platforms, and look-ups of people."""

from gateway.auth.principal import Principal
from gateway.auth.rate import Allowance, RateLimiter
from gateway.errors import RateLimitedError
from gateway.ops.trace import METER
from gateway.wording.requests import RequestWording


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

    __slots__ = ("_admission", "_allowance", "_charged", "_principal")

    def __init__(self, admission: Admission, principal: Principal, allowance: Allowance) -> None:
        self._admission = admission
        self._principal = principal
        self._allowance = allowance
        self._charged = 0

    def charge(self, calls: int) -> None:
        """The operation may make so many calls. Raises RateLimitedError when the caller cannot pay for them now.

        One that may make more than the whole limit waits for the whole limit.
        """
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
        difference = calls - self._charged
        if difference < 0 and not refund:
            difference = 0
        self._charged += difference
        return self._allowance, self._admission.calls.add(self._principal, difference)

    def count_lookup(self, overdraft: int) -> None:
        """Raises RateLimitedError."""
        self._admission.lookups.check(self._principal, overdraft=overdraft)
