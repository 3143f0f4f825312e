"""Which requests get a trace, and what becomes of it: a part of the answer, spans, or both."""

from contextvars import ContextVar
from random import random

from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from gateway.execution.documents import Prepared
from gateway.execution.response import Response
from gateway.http.access_log import operation_name
from gateway.http.request import RequestHead
from gateway.ops.otel import Export
from gateway.ops.trace import Trace

TRACE_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}trace_id")
SPAN_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}span_id")
"""Those of the request under way, if it has a trace: each line of the log has them, by these names."""


class Tracing:
    """`export` sends spans, where there is a collector: of requests whose caller records them, and of a random share of
    all others.
    """

    def __init__(self, export: Export | None = None, share: float = 0.0) -> None:
        self.export = export
        self._share = share

    def begin(self, head: RequestHead) -> Trace | None:
        """The trace of a request with this head; None where nobody wants one."""
        parent = head.trace_parent
        is_sampled = self.export is not None and ((parent is not None and parent.is_sampled) or random() < self._share)  # noqa: S311 # no secret
        if not is_sampled and not head.wants_trace:
            return None
        trace = Trace(parent, is_exported=is_sampled)
        TRACE_ID.set(trace.trace_id)
        SPAN_ID.set(trace.span_id)
        return trace

    def send(self, trace: Trace, head: RequestHead, status: int, failure: str | None) -> None:
        """Export a trace, now that the answer is made; `failure` is the code of an answer without data."""
        if not trace.duration:
            trace.finish()
        if trace.is_exported and self.export is not None:
            attributes: dict[str, str | int] = {"http.request.method": head.method, "http.response.status_code": status}
            self.export.send(trace, attributes, failure)


def finish(trace: Trace, result: Response, prepared: Prepared, request_id: str) -> None:
    """End a trace. How long the answer takes to be written is found out by writing its data once more."""
    trace.request_id = request_id
    trace.operation_name, trace.operation_type = operation_name(prepared.name), prepared.operation.operation.value
    trace.enter("serialise")
    result.to_bytes(errors=())
    trace.finish()
