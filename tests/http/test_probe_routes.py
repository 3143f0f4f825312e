import asyncio
from collections.abc import Awaitable, Callable, Mapping

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from gateway.errors import JournalError
from gateway.http import probes
from gateway.http.probes import Check, health_routes, metrics_routes, share
from gateway.journal.journal import Backlog
from gateway.normalise.vocabulary import DeliveryState
from gateway.ops.metrics import Metrics
from gateway.wording.faults import FaultWording


async def passes() -> None:
    pass


async def fails() -> None:
    raise ConnectionError("postgres://user:secret@host")


async def hangs() -> None:
    await asyncio.Event().wait()


async def none_waits() -> Backlog:
    return Backlog({}, 0.0, 0)


def client(checks: Mapping[str, Check], backlog: Callable[[], Awaitable[Backlog]] = none_waits) -> httpx.AsyncClient:
    metrics = Metrics()
    app = Starlette(routes=[*health_routes(share(checks, metrics)), *metrics_routes(metrics, backlog, {})])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


async def test_readyz_names_failed_check_without_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "CHECK_TIMEOUT", 0.05)
    with capture_logs() as logs:
        async with client({"journal": fails, "sessions": passes, "keys": hangs}) as asking:
            response, alive = await asking.get("/readyz"), await asking.get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "checks": {"journal": False, "sessions": True, "keys": False}}
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert {answer.headers["cache-control"] for answer in (response, alive)} == {"no-store"}
    warning = {"event": "readiness check failed", "log_level": "warning"}
    assert logs == [
        {**warning, "check": "journal", "error": "ConnectionError"},
        {**warning, "check": "keys", "error": "TimeoutError"},
    ]


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
async def test_concurrent_probes_share_one_check(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "FRESH", 0.5)
    made = 0

    async def counts() -> Backlog:
        nonlocal made
        made += 1
        await asyncio.sleep(0.01)
        return Backlog({DeliveryState.DEAD: made}, 0.0, 0)

    async with client({"journal": counts} if path == "/readyz" else {}, counts) as asking:
        for times in (1, 2):
            answers = [await asyncio.gather(*(asking.get(path) for _ in range(10))) for _ in range(2)]
            assert {answer.status_code for round_ in answers for answer in round_} == {200}
            assert made == times
            await asyncio.sleep(0.6)


async def test_cancelled_probe_does_not_cancel_shared_check() -> None:
    begun = asyncio.Event()
    go = asyncio.Event()

    async def waits() -> None:
        begun.set()
        await go.wait()

    async with client({"journal": waits}) as asking:
        leaving, staying = (asyncio.create_task(asking.get("/readyz")) for _ in range(2))
        await begun.wait()
        leaving.cancel()
        go.set()
        assert (await staying).status_code == 200


async def test_metrics_report_last_payment_counts_on_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "FRESH", 0)
    results = [Backlog({DeliveryState.DEAD: 3}, 0.0, 0)]

    async def counts() -> Backlog:
        if results:
            return results.pop()
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    async with client({}, counts) as asking:
        for _ in range(2):
            answer = await asking.get("/metrics")
            assert (answer.status_code, 'gateway_payments{state="DEAD"} 3.0' in answer.text) == (200, True)
