"""How long calls to the platforms take and how they end, by endpoint, and which circuits are open.

For Prometheus; and log lines for a slow call, for failing ones, now and then, and for a circuit that opens or closes.
"""

import time
from contextvars import Context

import structlog
from prometheus_client import Histogram

from gateway.errors import PlatformError
from gateway.normalise.states import CircuitState
from gateway.ops.logs import LogThrottle
from gateway.ops.metrics import Metrics
from gateway.ops.resilience import CircuitBreaker, Clock

log = structlog.get_logger(__name__)

SLOW_SHARE = 0.25
"""A call is slow when it took more than this share of the time that it may take."""

OK = "OK"
REFUSED = "UPSTREAM_REFUSED"
CANCELLED = "CANCELLED"
"""Outcomes; the others are the codes of the errors that calls end in."""


class EndpointCalls:
    """The calls to one endpoint, and its circuit. `slow` is how many seconds are many."""

    __slots__ = ("_clock", "_metrics", "_throttle", "_where", "breaker", "by_outcome", "endpoint", "platform", "slow")

    def __init__(self, platform: str, endpoint: str, slow: float, clock: Clock, metrics: Metrics) -> None:
        self.platform = platform
        self.endpoint = endpoint
        self.slow = slow
        self.breaker = CircuitBreaker(clock=clock)
        self.by_outcome: dict[str, Histogram] = {}
        self._clock = clock
        self._metrics = metrics
        self._throttle = LogThrottle(clock)
        self._where = {"platform": platform, "endpoint": endpoint}

    def note(self, outcome: str, started: float, context: Context) -> None:
        """A call that began at `started` has ended like this. A slow one is logged in the context that it was sent in:
        that of a connection is of no request.
        """
        now = self._clock()
        if now >= self.breaker.turns_at:
            self.breaker.turn(now)
        seconds = now - started
        times = self.by_outcome.get(outcome)
        if times is None:
            times = self._metrics.calls.labels(self.platform, self.endpoint, outcome)
            self.by_outcome[outcome] = times
        times.observe(seconds)
        if seconds > self.slow:
            context.run(self._log_slow, outcome, seconds)

    def answered(self) -> None:
        """An answer came: the endpoint can be reached."""
        if self.breaker.succeeded():
            log.warning("circuit of a platform closed", **self._where)

    def unreachable(self, error: PlatformError) -> None:
        """No answer came, as it does from an endpoint that cannot be reached."""
        if self.breaker.failed():
            log.error("circuit of a platform opened", **self._where, code=error.code, reason=error.message)

    def failed(self, error: PlatformError) -> None:
        """A call came to this. It is logged, one a minute with the same code."""
        left_out = self._throttle.left_out(error.code)
        if left_out is not None:
            log.warning(
                "call to a platform failed", **self._where, code=error.code, reason=error.message, left_out=left_out
            )

    def _log_slow(self, outcome: str, seconds: float) -> None:
        log.warning("slow call to a platform", **self._where, outcome=outcome, seconds=round(seconds, 3))


class Calls:
    """The calls to all endpoints. `call_timeout` is how many seconds a call may take."""

    def __init__(self, call_timeout: float, metrics: Metrics | None = None) -> None:
        self._slow = call_timeout * SLOW_SHARE
        self.metrics = Metrics() if metrics is None else metrics

    def to(self, platform: str, endpoint: str, clock: Clock = time.monotonic) -> EndpointCalls:
        """Where the calls to this endpoint are noted; asked for once."""
        calls = EndpointCalls(platform, endpoint, self._slow, clock, self.metrics)
        is_open = self.metrics.circuit_open.labels(platform, endpoint)
        self.metrics.watch(is_open, lambda: calls.breaker.state is not CircuitState.CLOSED)
        return calls
