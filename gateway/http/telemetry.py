"""What is recorded of operations when they end: metrics, a line of the access log, and a trace where one is wanted.

Each request is counted once, where it ends, over whatever transport. Nothing that a caller makes up becomes a label:
names of operations are those that operators list, and the first clients that name themselves in good form. The rest is
`other`.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import orjson
from prometheus_client import Counter, Histogram
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from gateway.errors import GatewayError, QueryTooComplexError, RateLimitedError, RequestTimeoutError
from gateway.execution.documents import DocumentError
from gateway.execution.run import Response
from gateway.http.errors import get_cause, get_code
from gateway.http.request import OTHER, Client, RequestHead
from gateway.ops.metrics import Metrics
from gateway.ops.slots import GATEWAY
from gateway.ops.trace import Trace

if TYPE_CHECKING:
    from gateway.http.operation import Operation
    from gateway.ops.spans import SpanExport

Transport: TypeAlias = Literal["http", "sse", "websocket", "callback"]

OK: Final = "ok"
PARTIAL: Final = "partial"
CANCELLED: Final = "cancelled"
"""Outcomes; the others are the codes of errors."""

ERROR: Final = "error"  # the outcome in the access log where there is no data; then there is a code
UNKNOWN: Final = "unknown"  # the type of an operation that was not admitted

MOST_OPERATIONS: Final = 500
MOST_CLIENTS: Final = 100
MOST_OF_CALLER: Final = 10
"""Names that become labels, and those of clients in the requests of one caller."""

TRACE_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}trace_id")
SPAN_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}span_id")
"""Those of the request under way, if it has a trace: each line of the log has them, by these names."""

MOST_CALLERS: Final = 4096  # whose hashes are remembered
OTHERS: Final[Client] = (OTHER, OTHER)


class Telemetry:
    """What one gateway records. The first `MOST_OPERATIONS` of the `operations` become labels. `export` sends spans of
    requests that it samples. `subscriptions` and `websockets` are the gauges of those that are open.
    """

    def __init__(
        self, metrics: Metrics, operations: Iterable[str], export: "SpanExport | None", access_log: "AccessLog | None"
    ) -> None:
        self.subscriptions, self.websockets = metrics.subscriptions, metrics.websockets
        self.access_log = access_log
        self.failed = partial(count_failure, metrics)
        self._metrics = metrics
        self._operations = frozenset(islice(dict.fromkeys(operations), MOST_OPERATIONS))
        self._requests: dict[tuple[str, str, str], Histogram] = {}
        self._clients: dict[Client, Counter] = {}
        self._named: defaultdict[str, int] = defaultdict(int)
        self._export = export

    def begin(self, head: RequestHead) -> Trace | None:
        """The trace of a request with this head; None where neither the request nor the sample wants one."""
        if self._export is None and not head.wants_trace:
            return None
        trace = Trace(head.trace_parent)
        trace.is_exported = self._export is not None and self._export.samples(trace)
        if not trace.is_exported and not head.wants_trace:
            return None
        TRACE_ID.set(trace.trace_id)
        SPAN_ID.set(trace.span_id)
        return trace

    def end(self, operation: "Operation", status: int | None = None) -> None:
        """Record the operation, and export its trace. Without a `status` it has not been answered by HTTP."""
        head, trace, trace_id, exemplar = operation.head, operation.meter.trace, None, None
        if head is not None and status is not None:
            trace_id = None if head.trace_parent is None else head.trace_parent.trace_id
            if trace is not None:
                trace_id = trace.trace_id
                if not trace.duration:
                    trace.finish()
                if trace.is_exported and self._export is not None:
                    exemplar = {"trace_id": trace_id}
                    failure = None if operation.outcome in (OK, PARTIAL) else operation.outcome
                    about: dict[str, str | int] = {
                        "http.request.method": head.method,
                        "http.response.status_code": status,
                    }
                    self._export.send(trace, about, failure)
        name = operation.name
        key = (name if name in self._operations else OTHER, operation.kind, operation.outcome)
        requests = self._requests.get(key)
        if requests is None:
            requests = self._requests[key] = self._metrics.requests.labels(*key)
        requests.observe(perf_counter() - operation.started, exemplar)
        (self._clients.get(operation.client) or self._find_client(operation)).inc()
        if self.access_log is not None:
            self.access_log.operation(operation, status, trace_id)

    def answered(self, response: Response, errors: Sequence[Mapping[str, Any]]) -> str:
        """The outcome of an executed response with these errors, formatted; they are counted."""
        for error in errors:
            code = error["extensions"]["code"]
            self._metrics.errors.labels(code).inc()
            if response.data is not None and "path" in error and response.data.get(error["path"][0]) is None:
                self._metrics.failed_fields.labels(code).inc()
        return PARTIAL if response.data is not None else str(errors[0]["extensions"]["code"])

    def closed(self, reason: str, limit: str = "") -> None:
        """The gateway ends a WebSocket for this reason, or as a client went beyond this limit."""
        self._metrics.websocket_closes.labels(reason).inc()
        if limit:
            self._metrics.refused.labels(QueryTooComplexError.code, limit).inc()

    def _find_client(self, operation: "Operation") -> Counter:
        """The counter of a client that is not known yet: its own, if it was answered and there are not too many."""
        client, caller = operation.client, operation.meter.caller
        is_answered = operation.outcome in (OK, PARTIAL)
        if is_answered and len(self._clients) < MOST_CLIENTS and self._named[caller] < MOST_OF_CALLER:
            self._named[caller] += 1
        else:
            client = OTHERS
        if client not in self._clients:
            self._clients[client] = self._metrics.clients.labels(*client)
        return self._clients[client]


def count_failure(metrics: Metrics, error: Exception) -> str:
    """Count what a request ended in instead of an answer. Returns its code, that of the first error of several."""
    errors: Sequence[Exception] = error.errors if isinstance(error, DocumentError) else (error,)
    codes = [get_code(each) for each in errors]
    for code in codes:
        metrics.errors.labels(code).inc()
    if codes[0] != GatewayError.code and not isinstance(error, RequestTimeoutError):
        cause, limit = get_cause(errors[0]), ""  # the name of the limit, where it was refused for one
        if isinstance(cause, QueryTooComplexError):
            limit = cause.limit
        elif isinstance(cause, RateLimitedError):
            limit = cause.subject
        metrics.refused.labels(codes[0], limit).inc()
    return codes[0]


_NAME: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")
_NUMBER: Final = re.compile(r"\d{6}")  # so many digits in a row may be the number of a person

_ABSENT: Final[dict[str, object]] = {
    "event": "access",
    **dict.fromkeys(("timestamp", "transport", "operation", "type", "outcome", "code", "status", "ms", "caller")),
    **dict.fromkeys(("calls", "cached", "bytes"), 0),
    **dict.fromkeys(("trace_id", "request_id")),
}
"""The members of a line, in their order, each as it is where there is nothing to say."""


class AccessLog:
    """One JSON line on standard error for each operation and callback, when it has been answered.

    docs/observability.md has the members of a line, which are always there, in one order. None is a value that a caller
    or a platform sent, but for well-formed names of operations. `hash_caller` makes a keyed hash of a subject.
    """

    def __init__(self, hash_caller: Callable[[str], str]) -> None:
        self._hash = lru_cache(MOST_CALLERS)(hash_caller)
        self._write = sys.stderr.write

    def operation(self, operation: "Operation", status: int | None, trace_id: str | None) -> None:
        outcome, meter = operation.outcome, operation.meter
        is_error = outcome not in (OK, PARTIAL, CANCELLED)
        self._print(
            operation.transport,
            operation.started,
            operation=log_name(operation.name),
            type=operation.kind,
            outcome=ERROR if is_error else outcome,
            code=outcome if is_error else operation.code,
            status=status,
            caller=None if meter.caller == GATEWAY else self._hash(meter.caller),
            calls=meter.calls,
            cached=meter.kept,
            bytes=operation.size,
            trace_id=trace_id,
            request_id=operation.id,
        )

    def callback(self, path: str, started: float, status: int, code: int | None = None, size: int = 0) -> None:
        """Log a callback that has been answered with this `code` of its protocol, or without one."""
        outcome, shown = OK if code == 0 else ERROR, str(code) if code else None
        self._print(
            "callback", started, operation=path, type="callback", outcome=outcome, code=shown, status=status, bytes=size
        )

    def _print(self, transport: Transport, started: float, **members: object) -> None:
        times = {"timestamp": datetime.now(UTC).isoformat(), "ms": round((perf_counter() - started) * 1e3, 3)}
        line = {**_ABSENT, "transport": transport, **times, **members}
        self._write(orjson.dumps(line).decode() + "\n")


def log_name(name: str | None) -> str | None:
    """A name as the log has it: None for what is no name of GraphQL, is long, or may hold the number of a person."""
    is_fit = name is not None and _NAME.fullmatch(name) and not _NUMBER.search(name)
    return name if is_fit else None
