"""How long calls to the platforms take and how they end, by endpoint, and which circuits are open.

For Prometheus; and log lines for a slow call, for failing ones, now and then, and for a circuit that opens or closes.
"""

import time
from collections import defaultdict, deque
from contextvars import Context
from math import inf

import msgspec
import structlog

from gateway.errors import PlatformError
from gateway.normalise.vocabulary import Availability, CircuitState, PlatformName
from gateway.ops.logs import Clock, LogThrottle
from gateway.ops.metrics import Metrics


class EndpointState(msgspec.Struct, frozen=True):
    """One endpoint, by its name in the document ("order/list")."""

    name: str
    availability: Availability
    circuit: CircuitState = CircuitState.CLOSED


class PlatformStatus(msgspec.Struct, frozen=True):
    """A platform and its endpoints."""

    name: PlatformName
    healthy: bool
    endpoints: tuple[EndpointState, ...]


WINDOW = 10.0  # seconds whose calls count
BUCKETS = 10  # parts of the window: so exact is its beginning
MIN_CALLS = 8  # fewer calls within the window open no circuit
FAILURE_RATE = 0.5  # the share of the calls within the window that opens a circuit when they fail
COOLDOWN = 5.0  # seconds from the last failure until one call is tried
MOST_UNCOUNTED = 1000  # calls with one outcome that wait to be counted; a scrape counts all
SLOW_SHARE = 0.25  # a call that took more than this share of the time that it may take is slow
# Outcomes; the others are the codes of the errors that calls end in
OK = "OK"
REFUSED = "UPSTREAM_REFUSED"
CANCELLED = "CANCELLED"

log = structlog.get_logger(__name__)


class EndpointCalls:
    """The calls to one endpoint, and its circuit. `call_timeout` is how many seconds a call may take.

    The circuit fails calls at once while too many of them fail, until one call after a cooldown succeeds. Only what
    shows that the endpoint cannot be reached is a failure: never an answer, whatever it says (quirk 28). Every call
    that it `allows` must `end`.
    """

    def __init__(
        self, platform: str, endpoint: str, call_timeout: float, metrics: Metrics, clock: Clock = time.monotonic
    ) -> None:
        self.is_tripped = False  # the circuit is not closed: it does not allow each call
        self._clock = clock
        self._metrics = metrics
        self._slow = call_timeout * SLOW_SHARE
        self._throttle = LogThrottle(clock)
        self._ended: dict[str, list[float]] = defaultdict(list)  # seconds of calls that are not counted yet, by outcome
        self._where = {"platform": platform, "endpoint": endpoint}
        self._calls = 0  # that have ended in this bucket
        self._failures = 0  # of these
        self._turns_at = clock() + WINDOW / BUCKETS
        self._past: deque[tuple[float, int, int]] = deque()  # when a bucket ended, its calls and failures
        self._opened_at = 0.0  # inf: the one call that is let through is under way
        metrics.watch(metrics.circuit_open.labels(platform, endpoint), self.count)

    @property
    def circuit(self) -> CircuitState:
        if not self.is_tripped:
            return CircuitState.CLOSED
        return CircuitState.HALF_OPEN if self.retry_after in (None, 0.0) else CircuitState.OPEN

    @property
    def retry_after(self) -> float | None:
        """Seconds until a call is let through again; None while one is, since all depends on how it ends."""
        return None if self._opened_at == inf else round(max(self._opened_at + COOLDOWN - self._clock(), 0.0), 3)

    def allows(self) -> bool:
        """Whether a call may go; in a half-open circuit the first one takes the only place."""
        if not self.is_tripped:
            return True
        if self._clock() < self._opened_at + COOLDOWN:
            return False
        self._opened_at = inf
        return True

    def end(
        self,
        outcome: str,
        started: float,
        context: Context,
        error: PlatformError | None = None,
        *,
        reached: bool | None = True,
    ) -> None:
        """A call that began at `started` has ended like this, without an answer that can be judged if in an error.

        `reached`: an answer came; None: the call says nothing of the endpoint. Lines are logged in the context that the
        call was sent in: that of a connection is of no request.
        """
        seconds = self._clock() - started
        ended = self._ended[outcome]
        ended.append(seconds)
        if len(ended) == MOST_UNCOUNTED:
            self.count()
        if reached and not self.is_tripped:
            self._calls += 1
        elif reached:
            self.is_tripped, self._calls, self._failures = False, 0, 0
            self._past.clear()
            context.run(log.warning, "circuit of a platform closed", **self._where)
        elif reached is None and self._opened_at == inf:
            self._opened_at = self._clock() - COOLDOWN
        if error is not None:
            context.run(self.failed, error)
            if reached is False and self._fail():
                reason = {"code": error.code, "reason": error.message}
                context.run(log.error, "circuit of a platform opened", **self._where, **reason)
        if seconds > self._slow:
            what = self._where | {"outcome": outcome}
            context.run(log.warning, "slow call to a platform", **what, seconds=round(seconds, 3))

    def failed(self, error: PlatformError) -> None:
        """A call has ended in this error. It is logged, once a minute for each code."""
        left_out = self._throttle.left_out(error.code)
        if left_out is not None:
            what = self._where | {"code": error.code, "reason": error.message}
            log.warning("call to a platform failed", **what, left_out=left_out)

    def count(self) -> bool:
        """Have Prometheus count the calls that have ended, all at once. Whether the circuit is open."""
        for outcome, ended in self._ended.items():
            if ended:
                self._metrics.calls.labels(*self._where.values(), outcome).observe_all(ended)
                ended.clear()
        now = self._clock()
        if now >= self._turns_at:  # another bucket begins, and those that are out of the window are forgotten
            self._past.append((self._turns_at, self._calls, self._failures))
            self._calls = self._failures = 0
            self._turns_at = now + WINDOW / BUCKETS
            while self._past and self._past[0][0] <= now - WINDOW:
                self._past.popleft()
        return self.is_tripped

    def _fail(self) -> bool:
        """Count a call that did not reach the endpoint. Whether that opens the circuit: a trial leaves it open."""
        self.count()
        self._opened_at = self._clock()
        if self.is_tripped:
            return False
        self._calls += 1
        self._failures += 1
        calls = self._calls + sum(calls for _, calls, _ in self._past)
        failures = self._failures + sum(failures for _, _, failures in self._past)
        self.is_tripped = calls >= MIN_CALLS and failures >= FAILURE_RATE * calls
        return self.is_tripped
