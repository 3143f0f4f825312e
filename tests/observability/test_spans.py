"""Spans at a receiver of OTLP: one trace across caller, gateway and platforms."""

import sys

import pytest
from otlp_receiver import otlp_receiver
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from gateway.ops.trace import Trace, open_export
from gateway.sandbox.faults import Fault, FaultKind
from gateway.settings import SettingsError

SERVER, CLIENT = 2, 3
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01"}
NO_PARENT = {"traceparent": "00-broken"}
NOT_SAMPLED = {"traceparent": f"00-{TRACE_ID}-{CALLER}-00"}

QUERY = 'query Owners { orders(communityCode: "10002", first: 5) { nodes { number house { owner { phone } } } } }'


@pytest.fixture
def receiver(monkeypatch):
    with otlp_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        yield receiver


@pytest.fixture
def spans_of(receiver, serve, environ):
    """The spans after a gateway has answered all of this, and ended. Each is a query, its variables and headers."""

    async def spans_of(*asked, **settings):
        async with serve(environ | settings) as served:
            for query, variables, headers in asked:
                body = {"query": query, "variables": variables}
                await served.client.post("/graphql", json=body, headers=headers)
        return receiver.spans

    return spans_of


async def test_one_trace_spans_caller_gateway_and_platforms(spans_of, sandbox):
    spans = await spans_of((QUERY, {}, SAMPLED))

    assert {span.trace_id for span in spans} == {TRACE_ID}
    assert {span.service for span in spans} == {"wanjia-gateway"}
    by_id = {span.span_id: span for span in spans}
    [root] = [span for span in spans if span.kind == SERVER]
    assert (root.name, root.parent_id) == ("query Owners", CALLER)
    assert root.attributes["graphql.operation.name"] == "Owners"
    assert root.attributes["http.response.status_code"] == 200
    calls = [span for span in spans if span.kind == CLIENT]
    for call in calls:
        level = by_id[call.parent_id]
        assert level.parent_id == root.span_id
        assert level.start <= call.start <= call.end <= level.end
        assert root.start <= level.start <= level.end <= root.end
    where = {(by_id[call.parent_id].name, call.name) for call in calls}
    assert where >= {("level 1", "POST order/list"), ("level 2", "POST owner")}
    sent = {call.headers["traceparent"] for call in sandbox.log.calls}
    assert sent == {f"00-{TRACE_ID}-{call.span_id}-01" for call in calls}


async def test_failed_call_and_operation_are_marked_and_logged(spans_of, sandbox):
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HTTP_500))
    with capture_logs(processors=[merge_contextvars]) as lines:
        spans = await spans_of((QUERY, {}, SAMPLED), ("{ nothing }", {}, {}))
    [call] = [span for span in spans if span.name == "POST order/list"]
    assert call.failed
    assert call.attributes["error.type"].startswith("UPSTREAM_")
    [root] = [span for span in spans if span.kind == SERVER and not span.failed]
    [line] = [line for line in lines if line["event"] == "call to a platform failed"]
    assert (line["trace_id"], line["span_id"]) == (TRACE_ID, root.span_id)
    [refused] = [span for span in spans if span.kind == SERVER and span.failed]
    assert refused.attributes["error.type"] == "GRAPHQL_VALIDATION_FAILED"
    assert (refused.parent_id, refused.trace_id == TRACE_ID) == ("", False)  # its caller has no trace


@pytest.mark.parametrize(
    ("sampler", "exported"),
    [
        ({}, [NO_PARENT, SAMPLED]),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, [NO_PARENT, SAMPLED, NOT_SAMPLED]),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, []),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, [SAMPLED]),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1"}, [NO_PARENT, SAMPLED]),
    ],
)
async def test_sampler_of_the_environment_decides(spans_of, monkeypatch, sampler, exported):
    for name, value in sampler.items():
        monkeypatch.setenv(name, value)
    spans = await spans_of(*(("{ __typename }", {}, headers) for headers in (NO_PARENT, SAMPLED, NOT_SAMPLED)))
    assert len([span for span in spans if span.kind == SERVER]) == len(exported)


def test_collector_without_the_extra_is_a_settings_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "gateway.ops.spans", None)
    with pytest.raises(SettingsError, match=r"OTEL_EXPORTER_OTLP_ENDPOINT: needs the extra otel"):
        open_export({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})


def test_phase_that_is_entered_again_goes_on():
    trace = Trace(None)
    for phase in ("execute", "plan", "execute"):
        trace.enter(phase)
    trace.finish()
    phases = trace.phases()
    assert [name for name, _, _ in phases] == ["authenticate", "plan", "execute"]
    assert sum(duration for _, _, duration in phases) == pytest.approx(trace.duration)


OPEN_METRICS = {"accept": "application/openmetrics-text; version=1.0.0"}


@pytest.mark.parametrize(("flags", "lines"), [("01", 1), ("00", 0)])
async def test_exported_request_is_an_exemplar(receiver, environ, serve, flags, lines):
    async with serve(environ | {"GATEWAY_METRICS_OPERATIONS": "Traced"}) as gateway:
        headers = {"traceparent": f"00-{TRACE_ID}-{CALLER}-{flags}", "x-trace": "1"}
        await gateway.client.post("/graphql", json={"query": "query Traced { __typename }"}, headers=headers)
        text = (await gateway.client.get("/metrics", headers=OPEN_METRICS)).text
    found = [line for line in text.splitlines() if f'# {{trace_id="{TRACE_ID}"}}' in line]
    assert len(found) == lines
    assert all(line.startswith("gateway_request_seconds_bucket{") and 'operation="Traced"' in line for line in found)
