import asyncio
from collections.abc import Mapping, Sequence

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from structlog.testing import capture_logs

from gateway.errors import JournalError
from gateway.http import probes
from gateway.http.probes import Check, ReadBacklog, health_routes, metrics_routes, share
from gateway.journal.journal import Backlog
from gateway.normalise.vocabulary import DeliveryState
from gateway.ops.metrics import Metrics
from gateway.wording.faults import FaultWording


def routed(routes: Sequence[BaseRoute]) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


def client(checks: Mapping[str, Check]) -> httpx.AsyncClient:
    return routed(health_routes(share(checks, Metrics())))


def metrics_client(read_backlog: ReadBacklog) -> httpx.AsyncClient:
    return routed(metrics_routes(Metrics(), read_backlog, {}))


async def get(path: str, checks: Mapping[str, Check]) -> httpx.Response:
    async with client(checks) as asking:
        return await asking.get(path)


async def passes() -> None:
    pass


async def fails() -> None:
    raise ConnectionError("postgres://user:secret@host")


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_healthz_ignores_checks() -> None:
    response = await get("/healthz", {"journal": fails})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_readyz_is_ready_when_every_check_passes() -> None:
    response = await get("/readyz", {"journal": passes, "sessions": passes})
    assert response.status_code == 200
    assert response.json() == {"ready": True, "checks": {"journal": True, "sessions": True}}
    assert response.headers["cache-control"] == "no-store"


async def test_readyz_names_failed_check_without_its_error() -> None:
    with capture_logs() as logs:
        response = await get("/readyz", {"journal": fails, "sessions": passes})
    assert response.status_code == 503
    assert response.json() == {"ready": False, "checks": {"journal": False, "sessions": True}}
    assert logs == [
        {"event": "readiness check failed", "log_level": "warning", "check": "journal", "error": "ConnectionError"}
    ]


async def test_hanging_check_counts_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "CHECK_TIMEOUT", 0.05)
    response = await get("/readyz", {"journal": hangs})
    assert response.json()["checks"] == {"journal": False}


async def test_concurrent_probes_share_one_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "FRESH", 3.0)
    made = 0

    async def counts() -> None:
        nonlocal made
        made += 1
        await asyncio.sleep(0.01)

    async with client({"journal": counts}) as asking:
        for times in (1, 2):
            answers = [await asyncio.gather(*(asking.get("/readyz") for _ in range(10))) for _ in range(2)]
            assert {answer.status_code for round_ in answers for answer in round_} == {200}
            assert made == times
            await asyncio.sleep(3.1 if times == 1 else 0)


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


async def test_concurrent_scrapes_count_payments_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "FRESH", 0.5)
    counted = 0

    async def counts() -> Backlog:
        nonlocal counted
        counted += 1
        await asyncio.sleep(0.01)
        return Backlog({DeliveryState.DEAD: counted}, 0.0, 0)

    async with metrics_client(counts) as asking:
        for times in (1, 2):
            answers = [await asyncio.gather(*(asking.get("/metrics") for _ in range(10))) for _ in range(2)]
            texts = {answer.text for round_ in answers for answer in round_}
            assert all(f'gateway_payments{{state="DEAD"}} {times}.0' in text for text in texts)
            assert counted == times
            await asyncio.sleep(0.6)


async def test_metrics_report_last_payment_counts_on_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "FRESH", 0)
    works = True

    async def counts() -> Backlog:
        if works:
            return Backlog({DeliveryState.DEAD: 3}, 0.0, 0)
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    async with metrics_client(counts) as asking:
        await asking.get("/metrics")
        await asyncio.sleep(0.01)
        works = False
        answer = await asking.get("/metrics")

    assert (answer.status_code, 'gateway_payments{state="DEAD"} 3.0' in answer.text) == (200, True)
