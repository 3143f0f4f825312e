"""How long calls to the platforms take and how they end, by endpoint, and which circuits are open.

For Prometheus; and log lines for a slow call, for failing ones, now and then, and for a circuit that opens or closes.

One histogram of its own kind, since a call should cost next to nothing here: no locks, for only the event loop's thread
writes and reads it, and labels are put on when somebody looks.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator
from contextvars import Context

import structlog
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.errors import PlatformError
from gateway.normalise.states import CircuitState
from gateway.ops.log_throttle import LogThrottle
from gateway.ops.resilience import CircuitBreaker, Clock

log = structlog.get_logger(__name__)

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of the buckets, in seconds."""

SLOW_SHARE = 0.25
"""A call is slow when it took more than this share of the time that it may take."""

OK = "OK"
REFUSED = "UPSTREAM_REFUSED"
CANCELLED = "CANCELLED"
"""Outcomes; the others are the codes of the errors that calls end in."""


class Times:
    """The durations of calls with one outcome: how many fell into each bucket, the last one open, and their sum."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.total = 0.0


class EndpointCalls:
    """The calls to one endpoint, and its circuit. `slow` is how many seconds are many."""

    __slots__ = ("_throttle", "_where", "breaker", "by_outcome", "endpoint", "platform", "slow")

    def __init__(self, platform: str, endpoint: str, slow: float, clock: Clock) -> None:
        self.platform = platform
        self.endpoint = endpoint
        self.slow = slow
        self.breaker = CircuitBreaker(clock=clock)
        self.by_outcome: dict[str, Times] = {}
        self._throttle = LogThrottle(clock)
        self._where = {"platform": platform, "endpoint": endpoint}

    def note(self, outcome: str, seconds: float, context: Context) -> None:
        """A call ended like this after so long. A slow one is logged in the context that it was sent in."""
        times = self.by_outcome.get(outcome)
        if times is None:
            times = self.by_outcome[outcome] = Times()
        times.buckets[bisect_left(BOUNDS, seconds)] += 1
        times.total += seconds
        if seconds > self.slow:
            context.run(self._tell, outcome, seconds)

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

    def _tell(self, outcome: str, seconds: float) -> None:
        log.warning("slow call to a platform", **self._where, outcome=outcome, seconds=round(seconds, 3))


class Calls(Collector):
    """The calls to all endpoints. `call_timeout` is how many seconds a call may take."""

    def __init__(self, call_timeout: float) -> None:
        self._slow = call_timeout * SLOW_SHARE
        self._endpoints: list[EndpointCalls] = []

    def to(self, platform: str, endpoint: str, clock: Clock = time.monotonic) -> EndpointCalls:
        """Where the calls to this endpoint are noted; asked for once."""
        calls = EndpointCalls(platform, endpoint, self._slow, clock)
        self._endpoints.append(calls)
        return calls

    def collect(self) -> Iterator[Metric]:
        times = HistogramMetricFamily(
            "gateway_upstream_call_seconds",
            "Calls to the platforms: how long they took, by how they ended",
            labels=("platform", "endpoint", "outcome"),
        )
        circuits = GaugeMetricFamily(
            "gateway_upstream_circuit_open",
            "Whether calls to an endpoint of a platform fail at once, as it could not be reached: 1, else 0",
            labels=("platform", "endpoint"),
        )
        for calls in self._endpoints:
            where = calls.platform, calls.endpoint
            circuits.add_metric(where, calls.breaker.state is not CircuitState.CLOSED)
            for outcome, taken in calls.by_outcome.items():
                times.add_metric((*where, outcome), _cumulated(taken), taken.total)
        yield times
        yield circuits


def _cumulated(times: Times) -> list[tuple[str, int]]:
    """Each bucket with all below it, as Prometheus wants them."""
    counts = []
    count = 0
    for bound, more in zip((*map(str, BOUNDS), "+Inf"), times.buckets, strict=True):
        count += more
        counts.append((bound, count))
    return counts
