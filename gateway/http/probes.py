"""Routes for machines: `/healthz` and `/readyz` for orchestrators, `/metrics` for Prometheus (counts only)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from time import monotonic
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import GatewayError
from gateway.futures import join
from gateway.journal.journal import Backlog
from gateway.ops.logs import StateLog
from gateway.ops.metrics import Metrics

Check: TypeAlias = Callable[[], Awaitable[object]]
"""Passes by returning. What it raises is logged by type, once until it passes again, and never shown."""

SharedCheck: TypeAlias = Callable[[], Awaitable[bool]]
ReadBacklog: TypeAlias = Callable[[], Awaitable[Backlog]]

METRICS_PATH = "/metrics"

CHECK_TIMEOUT = 2.0  # seconds; a check that hangs has failed
FRESH = 1.0  # seconds for which a success holds: asking more often does not have the same work done more often


class Shared:
    """Work that is done once for all who ask meanwhile, and not again for `FRESH` seconds after it succeeded."""

    def __init__(self, work: SharedCheck) -> None:
        self._work = work
        self._result: asyncio.Task[bool] | None = None
        self._fresh_until = 0.0

    async def __call__(self) -> bool:
        if self._result is None or (self._result.done() and monotonic() >= self._fresh_until):
            self._result = asyncio.create_task(self._do())
        return await join(self._result)

    async def _do(self) -> bool:
        succeeded = await self._work()
        self._fresh_until = monotonic() + (FRESH if succeeded else 0)
        return succeeded


def share(checks: Mapping[str, Check], metrics: Metrics) -> dict[str, SharedCheck]:
    """These checks, each made once for all who ask at `/readyz` and `/metrics`. Results are metrics, too."""

    async def passes(name: str, check: Check, state: StateLog) -> bool:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await check()
        except Exception as error:  # noqa: BLE001 # whatever goes wrong in a check is its answer
            state.failed(error=type(error).__name__)
            metrics.ready.labels(name).set(0)
            return False
        state.worked()
        metrics.ready.labels(name).set(1)
        return True

    logs = {name: StateLog("readiness check failed", "readiness check passes again", check=name) for name in checks}
    return {name: Shared(partial(passes, name, check, logs[name])) for name, check in checks.items()}


def health_routes(checks: Mapping[str, SharedCheck]) -> list[Route]:
    """`/healthz` answers 200 while the event loop runs, `/readyz` 200 when every check passes, else 503. Checks run
    side by side, and `/readyz` gives the result of each by its name.
    """
    headers = {"cache-control": "no-store"}

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=headers)

    async def ready(_request: Request) -> Response:
        passed = await asyncio.gather(*(succeeds() for succeeds in checks.values()))
        results = dict(zip(checks, passed, strict=True))
        return JSONResponse({"ready": all(passed), "checks": results}, 200 if all(passed) else 503, headers)

    return [Route("/healthz", alive), Route("/readyz", ready)]


def metrics_routes(metrics: Metrics, backlog: ReadBacklog, checks: Mapping[str, SharedCheck]) -> list[Route]:
    """`/metrics`. Checks are made and the backlog is read at each request; while the journal is down its last figures
    stand.
    """

    async def read() -> bool:
        try:
            found = await backlog()
        except GatewayError:  # which the journal logs
            return False
        for state, payments in found.payments.items():
            metrics.payments.labels(state.value).set(payments)
        for table, size in found.sizes.items():
            metrics.journal_bytes.labels(table).set(size)
        metrics.undelivered_age.set(found.oldest_undelivered)
        metrics.unclear_operations.set(found.unclear_operations)
        return True

    reads = Shared(read)

    async def show(request: Request) -> Response:
        await asyncio.gather(reads(), *(succeeds() for succeeds in checks.values()))
        body, content_type = await metrics.expose(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return [Route(METRICS_PATH, show)]


class MetricsPort:
    """`app`, whose `/metrics` is at this `port` alone, and nothing else is there."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["server"][1] == self._port) is (scope["path"] == METRICS_PATH):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
