"""Gauges of slots, connections, the event loop, the process and the journal, and the formats of `/metrics`."""

import asyncio
import time

import httpx
import pytest
from exposed import value
from scraped import scrape

from gateway.normalise.states import Outcome
from gateway.sandbox.faults import Fault, FaultKind


class TestGauges:
    @pytest.mark.parametrize("extra", [{"GATEWAY_WJDH_CONCURRENCY": "1"}])
    async def test_slots_and_waiting_calls_are_exposed(self, gateway, sandbox):
        await gateway.ask('{ modules(communityCode: "00001") { name } }')
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
        queries = [f'{{ modules(communityCode: "1000{number}") {{ name }} }}' for number in (2, 3, 4)]
        asking = [asyncio.create_task(gateway.ask(query)) for query in queries]

        async def figures() -> tuple[float | None, ...]:
            series = await scrape(gateway)
            names = ("gateway_upstream_slots", "gateway_upstream_slots_taken", "gateway_upstream_calls_waiting")
            return tuple(value(series, name, platform="WJDH") for name in names)

        async with asyncio.timeout(60):
            while await figures() != (1, 1, 2):  # noqa: ASYNC110 # there is no event
                await asyncio.sleep(0.01)
        for task in asking:
            task.cancel()
        async with asyncio.timeout(60):
            while await figures() != (1, 0, 0):  # noqa: ASYNC110 # there is no event
                await asyncio.sleep(0.01)

    async def test_open_connections_are_exposed(self, gateway):
        before = value(await scrape(gateway), "gateway_open_connections") or 0
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as other:
            await other.get("/healthz")
            assert value(await scrape(gateway), "gateway_open_connections") == before + 1

    async def test_blocked_event_loop_is_exposed(self, gateway):
        await asyncio.sleep(0.25)
        time.sleep(0.4)  # noqa: ASYNC251 # the gateway runs in this event loop
        await asyncio.sleep(0.25)

        series = await scrape(gateway)
        assert (value(series, "gateway_event_loop_lag_max_seconds") or 0) >= 0.25
        late = value(series, "gateway_event_loop_lag_seconds_bucket", le="0.25")
        assert (value(series, "gateway_event_loop_lag_seconds_count") or 0) > (late or 0)

    async def test_process_figures_are_exposed(self, gateway):
        series = await scrape(gateway)

        for name in (
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "process_start_time_seconds",
        ):
            assert (value(series, name, worker="1") or 0) > 0, name


class TestJournal:
    @pytest.mark.parametrize("extra", [{"GATEWAY_SECURITY_CALLBACK_PATH": ""}])
    async def test_undelivered_payment_has_an_age(self, gateway):
        assert value(await scrape(gateway), "gateway_undelivered_payment_age_seconds") == 0
        await gateway.parts.journal.payments.receive("1", "2", "3", subject="test")
        await asyncio.sleep(1.2)

        series = await scrape(gateway)
        assert 1 <= (value(series, "gateway_undelivered_payment_age_seconds") or 0) < 60
        assert value(series, "gateway_payments", state="QUEUED") == 1

    async def test_unclear_operation_is_counted(self, gateway):
        operations = gateway.parts.journal.operations
        reservation = await operations.reserve(
            key=None, subject="test", mutation="approveShenhe", fingerprint="", community_code="10002"
        )
        await operations.mark_sent(reservation.operation.id)
        assert value(await scrape(gateway), "gateway_unclear_operations") == 0
        await operations.finish(reservation.operation.id, Outcome.UNKNOWN)
        await asyncio.sleep(1.1)

        assert value(await scrape(gateway), "gateway_unclear_operations") == 1

    async def test_last_journal_success_is_exposed(self, gateway):
        await gateway.client.get("/readyz")

        last = value(await scrape(gateway), "gateway_journal_last_success_timestamp_seconds")
        assert abs((last or 0) - time.time()) < 60


class TestOpenMetrics:
    ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3"

    async def test_format_is_negotiated(self, gateway):
        plain = await gateway.client.get("/metrics")
        open_metrics = await gateway.client.get("/metrics", headers={"accept": self.ACCEPT})

        assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert open_metrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        assert open_metrics.text.endswith("# EOF\n")
