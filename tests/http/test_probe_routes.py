import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from standing_clock import Clock
from starlette.applications import Starlette
from structlog.testing import capture_logs
from waiting import until

from gateway.http import probes
from gateway.http.probes import Check, health_routes, metrics_routes, share
from gateway.journal.journal import Backlog
from gateway.normalise.vocabulary import DeliveryState
from gateway.ops.metrics import Metrics


async def passes() -> None:
    pass


async def fails() -> None:
    raise ConnectionError("postgres://user:secret@host")


async def hangs() -> None:
    await asyncio.Event().wait()


def client(checks: Mapping[str, Check], backlog: Any = passes) -> httpx.AsyncClient:
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
    """Also where the first one leaves."""
    monkeypatch.setattr(probes, "monotonic", clock := Clock())
    made, go = 0, asyncio.Event()

    async def counts() -> Backlog:
        nonlocal made
        made += 1
        await go.wait()
        return Backlog({DeliveryState.DEAD: made}, 0.0, 0)

    async with client({"journal": counts} if path == "/readyz" else {}, counts) as asking:
        for times in (1, 2):
            leaving, *staying = [asyncio.create_task(asking.get(path)) for _ in range(10)]
            await until(lambda: made == times)  # noqa: B023 # within the round
            leaving.cancel()
            go.set()
            assert {answer.status_code for answer in await asyncio.gather(*staying)} == {200}
            assert (await asking.get(path)).status_code == 200
            assert made == times
            go.clear()
            clock.now += probes.FRESH
