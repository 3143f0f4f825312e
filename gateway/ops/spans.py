"""Traces as OpenTelemetry spans, sent to a collector by OTLP over HTTP. Needs the extra `otel`: see `gateway.ops.otel`.

Spans follow the semantic conventions of GraphQL servers and of HTTP. They are made of the finished trace, so that an
operation pays for no library while it runs.
"""

import os
from importlib.metadata import version
from typing import Final

from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, StatusCode

from gateway.ops.calls import CallTrace, new_span_id
from gateway.ops.otel import Attributes
from gateway.ops.trace import Trace, TraceParent

SERVICE: Final = "wanjia-gateway"


class _GivenIds(IdGenerator):
    """Ids that were given out before the spans were made: the platforms have been sent them. 0 stands for any."""

    trace_id = 0
    span_id = 0

    def generate_span_id(self) -> int:
        return self.span_id or int(new_span_id(), 16)

    def generate_trace_id(self) -> int:
        return self.trace_id

    def is_trace_id_random(self) -> bool:
        return True


class SpanExport:
    """Exports finished traces in the background. Where to is said by the standard `OTEL_*` variables."""

    def __init__(self) -> None:
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": SERVICE}
        resource = Resource.create({"service.version": version(SERVICE)} | named)
        self._ids = _GivenIds()
        # What comes here is to be sent: sampled it was before.
        self._provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(SERVICE, version(SERVICE))

    def send(self, trace: Trace, attributes: Attributes, failure: str | None) -> None:
        """Queue the spans of a finished trace: of the operation, its phases, its levels and their calls.

        `attributes` are of its request; `failure` is the code that it ended with, if it failed.
        """
        clock = trace.started_at.timestamp() - trace.began  # from the trace's clock to Unix time
        began, ended = clock + trace.began, clock + trace.began + trace.duration
        about = {"graphql.operation.type": trace.operation_type, **attributes}
        if trace.operation_name:
            about["graphql.operation.name"] = trace.operation_name
        name = " ".join(filter(None, (trace.operation_type, trace.operation_name)))
        self._add(trace, name, trace.parent, began, ended, SpanKind.SERVER, about, failure, trace.span_id)
        root = TraceParent(trace.trace_id, trace.span_id, is_sampled=True)
        for phase, start, duration in trace.phases():
            self._add(trace, f"graphql.{phase}", root, began + start, began + start + duration)
        by_level: dict[int, list[CallTrace]] = {}
        for call, level in zip(trace.calls, trace.levels(), strict=True):
            by_level.setdefault(level, []).append(call)
        for level, calls in by_level.items():
            ends = [clock + call.ended if call.ended else ended for call in calls]
            first = min(clock + call.began for call in calls)
            id_ = self._add(trace, f"level {level}", root, first, max(ends))
            parent = TraceParent(trace.trace_id, id_, is_sampled=True)
            for call, end in zip(calls, ends, strict=True):
                self._add_call(trace, call, parent, clock + call.began, end)

    def close(self) -> None:
        """Send what is left, and end. Blocks until then."""
        self._provider.shutdown()

    def _add_call(self, trace: Trace, call: CallTrace, parent: TraceParent, start: float, end: float) -> None:
        is_own = call.source == "own"
        about: dict[str, str | int] = {
            "gateway.platform": call.platform,
            "gateway.endpoint": call.endpoint,
            "gateway.call.kind": call.kind,
            "gateway.call.source": call.source,
        }
        if is_own:
            about |= {"http.request.method": "POST", "http.request.resend_count": max(0, call.attempts - 1)}
        if call.rows is not None:
            about["gateway.call.rows"] = call.rows
        if call.bytes is not None:
            about["http.response.body.size"] = call.bytes
        name = f"{'POST' if is_own else call.source} {call.endpoint}"
        kind = SpanKind.CLIENT if is_own else SpanKind.INTERNAL
        failure = None if call.outcome == "OK" else call.outcome
        self._add(trace, name, parent, start, end, kind, about, failure, call.span_id)

    def _add(
        self,
        trace: Trace,
        name: str,
        parent: TraceParent | None,
        start: float,
        end: float,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        failure: str | None = None,
        id_: str = "",
    ) -> str:
        """A span from start to end, in Unix seconds; its id, which is this one or a new one."""
        self._ids.trace_id, self._ids.span_id = int(trace.trace_id, 16), int(id_ or "0", 16)
        context = None
        if parent is not None:
            flags = api.TraceFlags(api.TraceFlags.SAMPLED)
            above = api.SpanContext(
                int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags
            )
            context = api.set_span_in_context(api.NonRecordingSpan(above))
        span = self._tracer.start_span(name, context, kind, attributes, start_time=_nanoseconds(start))
        if failure is not None:
            span.set_attribute("error.type", failure)
            span.set_status(StatusCode.ERROR)
        span.end(_nanoseconds(end))
        return f"{span.get_span_context().span_id:016x}"


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
