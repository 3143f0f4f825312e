import asyncio
from collections.abc import Mapping

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from gateway.http import health
from gateway.http.health import Check, health_routes


async def get(path: str, checks: Mapping[str, Check]) -> httpx.Response:
    app = Starlette(routes=health_routes(checks))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        return await client.get(path)


async def passes() -> None:
    pass


async def fails() -> None:
    raise ConnectionError("postgres://user:secret@host")


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_a_process_that_answers_is_alive_whatever_its_checks_say() -> None:
    response = await get("/healthz", {"journal": fails})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_it_is_ready_when_every_check_passes() -> None:
    response = await get("/readyz", {"journal": passes, "sessions": passes})
    assert response.status_code == 200
    assert response.json() == {"ready": True, "checks": {"journal": True, "sessions": True}}
    assert response.headers["cache-control"] == "no-store"


async def test_a_failed_check_is_named_and_its_error_kept_back() -> None:
    with capture_logs() as logs:
        response = await get("/readyz", {"journal": fails, "sessions": passes})
    assert response.status_code == 503
    assert response.json() == {"ready": False, "checks": {"journal": False, "sessions": True}}
    assert logs == [
        {"event": "readiness_check_failed", "log_level": "warning", "check": "journal", "error": "ConnectionError"}
    ]


async def test_a_check_that_hangs_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.05)
    response = await get("/readyz", {"journal": hangs})
    assert response.json()["checks"] == {"journal": False}
