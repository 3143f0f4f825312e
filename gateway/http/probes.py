"""Routes for machines: `/healthz` and `/readyz` for orchestrators, `/metrics` for Prometheus (counts only)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeAlias

import orjson
from prometheus_client import Gauge
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.errors import GatewayError
from gateway.futures import join
from gateway.journal.journal import Backlog
from gateway.journal.metrics import set_backlog
from gateway.ops.logs import StateLog
from gateway.ops.metrics import Metrics

Check: TypeAlias = Callable[[], Awaitable[object]]
"""Passes by returning. What it raises is logged by type, once until it passes again, and never shown."""

ReadBacklog: TypeAlias = Callable[[], Awaitable[Backlog]]

CHECK_TIMEOUT = 2.0
"""Seconds. A check that hangs has failed."""

FRESH = 1.0
"""Seconds for which a success holds: nobody can have the same work done more often by asking."""


class SharedCheck:
    """Work that is done once for all who ask meanwhile, and not again for `FRESH` seconds after it succeeded."""

    def __init__(self, work: Callable[[], Awaitable[bool]]) -> None:
        self._work = work
        self._result: asyncio.Task[bool] | None = None

    async def succeeds(self) -> bool:
        if self._result is None:
            self._result = asyncio.create_task(self._do())
        return await join(self._result)

    async def _do(self) -> bool:
        succeeded = False
        try:
            succeeded = await self._work()
        finally:
            asyncio.get_running_loop().call_later(FRESH if succeeded else 0, self._forget)
        return succeeded

    def _forget(self) -> None:
        self._result = None


def share(checks: Mapping[str, Check], metrics: Metrics) -> dict[str, SharedCheck]:
    """What `/readyz` and `/metrics` make of these checks. Results are metrics, too."""
    return {
        name: SharedCheck(partial(_passes, check, _state_log(name), metrics.ready.labels(name)))
        for name, check in checks.items()
    }


def health_routes(checks: Mapping[str, SharedCheck]) -> list[Route]:
    """`/healthz` answers 200 while the event loop runs, `/readyz` 200 when every check passes, else 503.

    Checks run side by side, and `/readyz` gives the result of each by its name.
    """

    async def alive(request: Request) -> Response:
        return _json(200, {"status": "ok"})

    async def ready(request: Request) -> Response:
        passed = await asyncio.gather(*(check.succeeds() for check in checks.values()))
        results = dict(zip(checks, passed, strict=True))
        return _json(200 if all(passed) else 503, {"ready": all(passed), "checks": results})

    return [Route("/healthz", alive), Route("/readyz", ready)]


def metrics_routes(metrics: Metrics, backlog: ReadBacklog, checks: Mapping[str, SharedCheck]) -> list[Route]:
    """`/metrics`. Checks are made and the backlog is read at each request; while the journal is down its last figures
    stand.
    """

    async def read() -> bool:
        try:
            set_backlog(metrics, await backlog())
        except GatewayError:  # which the journal logs
            return False
        return True

    reading = SharedCheck(read)

    async def show(request: Request) -> Response:
        await asyncio.gather(*(each.succeeds() for each in (reading, *checks.values())))
        body, content_type = await metrics.expose(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return [Route("/metrics", show)]


def _state_log(name: str) -> StateLog:
    return StateLog("readiness check failed", "readiness check passes again", check=name)


async def _passes(check: Check, state: StateLog, passed: Gauge) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check()
    except Exception as error:  # noqa: BLE001 # whatever goes wrong in a check is its answer
        state.failed(error=type(error).__name__)
        passed.set(0)
        return False
    state.worked()
    passed.set(1)
    return True


def _json(status: int, content: Mapping[str, object]) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json", headers={"cache-control": "no-store"})
