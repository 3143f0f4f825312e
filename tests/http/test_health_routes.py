import asyncio
from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from gateway.http import probes
from gateway.http.probes import Check, health_routes, share
from gateway.ops.metrics import Metrics


def client(checks: Mapping[str, Check]) -> httpx.AsyncClient:
    app = Starlette(routes=health_routes(share(checks, Metrics())))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


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
