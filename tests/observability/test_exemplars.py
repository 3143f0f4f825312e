"""Exemplars of `/metrics`: from a bucket to the trace of a request in it."""

import pytest
from otlp_receiver import otlp_receiver

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
OPEN_METRICS = {"accept": "application/openmetrics-text; version=1.0.0"}


@pytest.mark.parametrize(("flags", "lines"), [("01", 1), ("00", 0)])
async def test_exported_request_is_an_exemplar(monkeypatch, environ, serve, flags, lines):
    with otlp_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        async with serve(environ | {"GATEWAY_METRICS_OPERATIONS": "Traced"}) as gateway:
            headers = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-{flags}", "x-trace": "1"}
            await gateway.client.post("/graphql", json={"query": "query Traced { __typename }"}, headers=headers)

            text = (await gateway.client.get("/metrics", headers=OPEN_METRICS)).text
    found = [line for line in text.splitlines() if f'# {{trace_id="{TRACE_ID}"}}' in line]
    assert len(found) == lines
    assert all(line.startswith("gateway_request_seconds_bucket{") and 'operation="Traced"' in line for line in found)
