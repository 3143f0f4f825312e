"""How long calls to the platforms take and how they end, by endpoint, and which circuits are open.

For Prometheus; and log lines for a slow call, for failing ones, now and then, and for a circuit that opens or closes.
"""

import time
from collections.abc import Callable, Sequence
from contextvars import Context, ContextVar
from random import getrandbits
from typing import Any, Literal, TypeAlias

import structlog
from prometheus_client import Histogram

from gateway.errors import GatewayError, PlatformError
from gateway.normalise.states import CircuitState
from gateway.ops.logs import LogThrottle
from gateway.ops.metrics import Metrics
from gateway.ops.resilience import CircuitBreaker, Clock

Path: TypeAlias = tuple[str | int, ...]
"""A place in the response."""

Source: TypeAlias = Literal["own", "joined", "kept"]
"""A call made for this operation; one in flight for another operation; an answer from the cache."""

ASKING: ContextVar[tuple[Path, ...]] = ContextVar("asking", default=())
"""The response paths that whatever is running now is for."""


class CallTrace:
    """One platform call, or the use of another operation's. Times are of the trace's clock; None: not known."""

    __slots__ = (
        "age", "arguments", "attempts", "began", "bytes", "connected", "connecting", "data_issues", "ended", "endpoint",
        "first_byte", "has_slot", "has_token", "kind", "level", "outcome", "paths", "platform", "retryable",
        "rows", "sent", "source", "span_id", "token_renewals", "trace_id",
    )  # fmt: skip

    def __init__(self, source: Source, platform: str, endpoint: str, kind: str, level: int, trace_id: str) -> None:
        self.source = source
        self.platform = platform
        self.endpoint = endpoint
        self.kind = kind
        self.level = level
        self.began = time.perf_counter()
        self.paths: tuple[Path, ...] = ASKING.get()
        self.arguments: list[tuple[str, str]] = []
        self.age: float | None = None
        self.has_token: float | None = None
        self.has_slot: float | None = None
        self.connecting: float | None = None
        self.connected: float | None = None
        self.sent: float | None = None
        self.first_byte: float | None = None
        self.ended: float | None = None
        self.attempts = 0
        self.token_renewals = 0
        self.outcome = "OK"
        self.retryable: bool | None = None
        self.bytes: int | None = None
        self.rows: int | None = None
        self.data_issues = 0
        self.trace_id = trace_id
        self.span_id = new_span_id()

    @property
    def traceparent(self) -> bytes:
        """The header that names this call to the platform (W3C Trace Context)."""
        return f"00-{self.trace_id}-{self.span_id}-01".encode()

    def before(self, on_done: Callable[[Any], None]) -> Callable[[Any], None]:
        """The same callback, after this call has taken note of the outcome."""

        def end(outcome: Any) -> None:
            self.end(outcome)
            on_done(outcome)

        return end

    # What the connection engine notes, if the call has a trace.

    def note_token(self) -> None:
        self.has_token = time.perf_counter()

    def note_slot(self) -> None:
        self.has_slot = time.perf_counter()

    def note_connecting(self) -> None:
        self.connecting = time.perf_counter()

    def note_sent(self) -> None:
        self.attempts += 1
        self.sent = time.perf_counter()
        self.first_byte = None
        if self.connecting is not None:
            self.connected = self.sent

    def note_byte(self) -> None:
        if self.first_byte is None:
            self.first_byte = time.perf_counter()

    def end(self, outcome: object) -> None:
        """What it came to: a value, or an error with the contract's code."""
        self.ended = time.perf_counter()
        if isinstance(outcome, BaseException):
            described = outcome.extensions() if isinstance(outcome, GatewayError) else {}
            self.outcome = str(described.get("code", "INTERNAL"))
            self.retryable = described.get("retryable") is True
            return
        items = getattr(outcome, "items", outcome)
        self.rows = len(items) if isinstance(items, tuple) else 0 if outcome is None else 1
        self.data_issues = sum(len(_issues(each)) for each in (items if isinstance(items, tuple) else (outcome,)))


def _issues(record: object) -> Sequence[Any]:
    issues = getattr(record, "data_issues", ())
    return issues if isinstance(issues, tuple) else ()


class Completion:
    """Stands among those who wait for a read, to note when it is completed."""

    __slots__ = ("_call", "_read", "left", "woken")

    def __init__(self, call: CallTrace, read: Any) -> None:
        self.left = 1
        self.woken = self
        self._call = call
        self._read = read

    def done(self) -> bool:
        return False

    def cancel(self) -> None:
        self._call.outcome = "CANCELLED"

    def set_result(self, _result: None) -> None:
        self._call.end(self._read.outcome)


def new_span_id() -> str:
    return f"{getrandbits(64) or 1:016x}"


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
