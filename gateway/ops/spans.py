"""Traces as OpenTelemetry spans, sent to a collector by OTLP over HTTP. Needs the extra `otel`.

Spans follow the semantic conventions of GraphQL servers and of HTTP. They are made of the finished trace, so that an
operation pays for no library while it runs.
"""

import os
from collections.abc import Mapping
from typing import Final, TypeAlias

from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import SpanKind, StatusCode

from gateway.ops.trace import CallTrace, Trace, random_id
from gateway.settings import VERSION

SERVICE: Final = "wanjia-gateway"

Attributes: TypeAlias = Mapping[str, str | int]


class _GivenIds(IdGenerator):
    """Ids that were given out, and sent to the platforms, before the spans were made. 0 stands for any."""

    trace_id = 0
    span_id = 0

    def generate_span_id(self) -> int:
        return self.span_id or int(random_id(), 16)

    def generate_trace_id(self) -> int:
        return self.trace_id

    def is_trace_id_random(self) -> bool:
        return True


class SpanExport:
    """Exports finished traces in the background. Where to is said by the standard `OTEL_*` variables."""

    def __init__(self) -> None:
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": SERVICE}
        resource = Resource.create({"service.version": VERSION} | named)
        self._ids = _GivenIds()
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=self._ids)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(SERVICE, VERSION)

    def samples(self, trace: Trace) -> bool:
        """Whether the sampler of `OTEL_TRACES_SAMPLER` takes this trace."""
        parent, trace_id = trace.parent, int(trace.trace_id, 16)
        context = None if parent is None else _make_context(trace_id, parent.span_id, parent.is_sampled)
        return self._provider.sampler.should_sample(context, trace_id, SERVICE).decision is Decision.RECORD_AND_SAMPLE

    def send(self, trace: Trace, attributes: Attributes, failure: str | None) -> None:
        """Queue the spans of a finished trace. `attributes` are of its request; `failure` is the code of its error."""
        self._ids.trace_id = int(trace.trace_id, 16)
        clock = trace.started_at.timestamp() - trace.began  # from the trace's clock to Unix time
        began, ended = clock + trace.began, clock + trace.began + trace.duration
        about = {"graphql.operation.type": trace.operation_type, **attributes}
        if trace.operation_name:
            about["graphql.operation.name"] = trace.operation_name
        name = " ".join(filter(None, (trace.operation_type, trace.operation_name)))
        root, parent = trace.span_id, trace.parent.span_id if trace.parent else ""
        self._add(name, parent, began, ended, SpanKind.SERVER, about, failure, root)
        for phase, start, duration in trace.phases():
            self._add(f"graphql.{phase}", root, began + start, began + start + duration)
        by_level: dict[int, list[CallTrace]] = {}
        for call, level in zip(trace.calls, trace.levels(), strict=True):
            by_level.setdefault(level, []).append(call)
        for level, calls in by_level.items():
            spans = [(call, clock + call.began, clock + call.ended if call.ended else ended) for call in calls]
            above = self._add(f"level {level}", root, min(span[1] for span in spans), max(span[2] for span in spans))
            for span in spans:
                self._add_call(above, *span)

    def close(self) -> None:
        """Send what is left, and end. Blocks until then."""
        self._provider.shutdown()

    def _add_call(self, parent: str, call: CallTrace, start: float, end: float) -> None:
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
        if call.size is not None:
            about["http.response.body.size"] = call.size
        name = f"{'POST' if is_own else call.source} {call.endpoint}"
        kind = SpanKind.CLIENT if is_own else SpanKind.INTERNAL
        failure = None if call.outcome == "OK" else call.outcome
        self._add(name, parent, start, end, kind, about, failure, call.span_id)

    def _add(
        self,
        name: str,
        parent: str,
        start: float,
        end: float,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        failure: str | None = None,
        id_: str = "",
    ) -> str:
        """A span from start to end, in Unix seconds, below that with the id `parent`. Returns its id: `id_`, or new."""
        self._ids.span_id = int(id_ or "0", 16)
        context = _make_context(self._ids.trace_id, parent) if parent else None
        span = self._tracer.start_span(name, context, kind, attributes, start_time=int(start * 1e9))
        if failure is not None:
            span.set_attribute("error.type", failure)
            span.set_status(StatusCode.ERROR)
        span.end(int(end * 1e9))
        return f"{span.get_span_context().span_id:016x}"


def _make_context(trace_id: int, span_id: str, is_sampled: bool = True) -> Context:
    """Where a span is below the one with this id."""
    flags = api.TraceFlags(api.TraceFlags.SAMPLED if is_sampled else api.TraceFlags.DEFAULT)
    above = api.SpanContext(trace_id, int(span_id, 16), is_remote=True, trace_flags=flags)
    return api.set_span_in_context(api.NonRecordingSpan(above))
