"""Whether the process lives, and whether it can do its work: for orchestrators and load balancers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeAlias

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.shared import Shared
from gateway.ops.state_log import StateLog

Check: TypeAlias = Callable[[], Awaitable[object]]
"""Passes by returning. What it raises is logged by type, once until it passes again, and never shown."""

CHECK_TIMEOUT = 2.0
"""Seconds. A check that hangs has failed."""


def health_routes(checks: Mapping[str, Check]) -> list[Route]:
    """`/healthz` answers 200 while the event loop runs, `/readyz` 200 when every check passes, else 503.

    Checks run side by side, each once for all who ask meanwhile, and `/readyz` tells of each by its name.
    """
    shared = {name: Shared(partial(_passes, check, _state(name))) for name, check in checks.items()}

    async def alive(request: Request) -> Response:
        return _json(200, {"status": "ok"})

    async def ready(request: Request) -> Response:
        passed = await asyncio.gather(*(check.succeeds() for check in shared.values()))
        results = dict(zip(shared, passed, strict=True))
        return _json(200 if all(passed) else 503, {"ready": all(passed), "checks": results})

    return [Route("/healthz", alive), Route("/readyz", ready)]


def _state(name: str) -> StateLog:
    return StateLog("readiness check failed", "readiness check passes again", check=name)


async def _passes(check: Check, state: StateLog) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check()
    except Exception as error:  # noqa: BLE001 # whatever goes wrong in a check is its answer
        state.failed(error=type(error).__name__)
        return False
    state.worked()
    return True


def _json(status: int, content: Mapping[str, object]) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json", headers={"cache-control": "no-store"})
