"""Gauges of slots, connections, the event loop, the process and the journal, and the formats of `/metrics`."""

import asyncio
import time

import httpx
import pytest
from broken_journal import broken
from exposed import scrape, value

from gateway.journal.records import NewOperation
from gateway.normalise.vocabulary import Outcome
from gateway.sandbox.faults import Fault, FaultKind


@pytest.mark.settings(WJDH_CONCURRENCY="1")
async def test_slots_and_waiting_calls_are_exposed(gateway, sandbox):
    await gateway.ask('{ modules(communityCode: "00001") { name } }')
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
    queries = [f'{{ modules(communityCode: "1000{number}") {{ name }} }}' for number in (2, 3, 4)]
    asking = [asyncio.create_task(gateway.ask(query)) for query in queries]

    async def figures():
        series = await scrape(gateway)
        names = ("slots", "slots_taken", "calls_waiting")
        return tuple(value(series, f"gateway_upstream_{name}", platform="WJDH") for name in names)

    for expected in ((1, 1, 2), (1, 0, 0)):
        async with asyncio.timeout(60):
            while await figures() != expected:  # noqa: ASYNC110 # there is no event
                await asyncio.sleep(0.01)
        for task in asking:
            task.cancel()


async def test_process_connections_and_journal_are_exposed(gateway):
    series = await scrape(gateway)
    assert (value(series, "gateway_journal_bytes", table="journal") or 0) > 100_000
    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"):
        assert (value(series, f"process_{name}", worker="1") or 0) > 0, name
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as other:
        await other.get("/healthz")
        before = value(series, "gateway_open_connections") or 0
        assert value(await scrape(gateway), "gateway_open_connections") == before + 1


async def test_blocked_event_loop_is_exposed(gateway):
    await asyncio.sleep(0.25)
    time.sleep(0.4)  # noqa: ASYNC251 # the gateway runs in this event loop
    await asyncio.sleep(0.25)
    series = await scrape(gateway)
    assert (value(series, "gateway_event_loop_lag_max_seconds") or 0) >= 0.25
    late = value(series, "gateway_event_loop_lag_seconds_bucket", le="0.25")
    assert (value(series, "gateway_event_loop_lag_seconds_count") or 0) > (late or 0)


@pytest.mark.settings(SECURITY_CALLBACK_PATH="")
async def test_what_waits_in_the_journal_is_counted(gateway, monkeypatch):
    """An undelivered payment, an unclear operation; and when the journal worked last."""
    monkeypatch.setattr("gateway.http.probes.FRESH", 0)
    journal = gateway.parts.journal
    new = NewOperation(
        idempotency_key=None, subject="test", mutation="approveShenhe", fingerprint="", community_code="10002"
    )
    operation, _ = await journal.operations.reserve(new)
    await journal.operations.mark_sent(operation)
    series = await scrape(gateway)
    assert value(series, "gateway_undelivered_payment_age_seconds") == 0
    assert value(series, "gateway_unclear_operations") == 0
    await journal.operations.finish(operation.id, Outcome.UNKNOWN)
    await journal.payments.receive("1", "2", "3", subject="test")

    series = await scrape(gateway)
    assert 0 < (value(series, "gateway_undelivered_payment_age_seconds") or 0) < 60
    assert value(series, "gateway_payments", state="QUEUED") == 1
    assert value(series, "gateway_unclear_operations") == 1
    await gateway.client.get("/readyz")
    with broken(journal.database, "read"):
        series = await scrape(gateway)
    assert value(series, "gateway_payments", state="QUEUED") == 1
    assert abs((value(series, "gateway_journal_last_success_timestamp_seconds") or 0) - time.time()) < 60


async def test_format_is_negotiated(gateway):
    accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3"
    plain = await gateway.client.get("/metrics")
    open_metrics = await gateway.client.get("/metrics", headers={"accept": accept})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.text.endswith("# EOF\n")
