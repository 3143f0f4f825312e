"""Routes for machines: `/healthz` and `/readyz` for orchestrators, `/metrics` for Prometheus (counts only)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.errors import GatewayError
from gateway.futures import join
from gateway.journal.journal import Backlog
from gateway.ops.logs import StateLog
from gateway.ops.metrics import Metrics

Check: TypeAlias = Callable[[], Awaitable[object]]
"""Passes by returning. What it raises is logged by type, once until it passes again, and never shown."""

SharedCheck: TypeAlias = Callable[[], Awaitable[bool]]
ReadBacklog: TypeAlias = Callable[[], Awaitable[Backlog]]

CHECK_TIMEOUT = 2.0  # seconds; a check that hangs has failed
FRESH = 1.0  # seconds for which a success holds: asking more often does not have the same work done more often


def shared(work: Callable[[], Awaitable[bool]]) -> SharedCheck:
    """Work that is done once for all who ask meanwhile, and not again for `FRESH` seconds after it succeeded."""
    result: asyncio.Task[bool] | None = None

    async def do() -> bool:
        succeeded = False
        try:
            succeeded = await work()
        finally:
            asyncio.get_running_loop().call_later(FRESH if succeeded else 0, forget)
        return succeeded

    def forget() -> None:
        nonlocal result
        result = None

    async def succeeds() -> bool:
        nonlocal result
        if result is None:
            result = asyncio.create_task(do())
        return await join(result)

    return succeeds


def share(checks: Mapping[str, Check], metrics: Metrics) -> dict[str, SharedCheck]:
    """These checks, each made once for all who ask at `/readyz` and `/metrics`. Results are metrics, too."""

    def logged(name: str, check: Check) -> SharedCheck:
        state = StateLog("readiness check failed", "readiness check passes again", check=name)

        async def passes() -> bool:
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

        return passes

    return {name: shared(logged(name, check)) for name, check in checks.items()}


def health_routes(checks: Mapping[str, SharedCheck]) -> list[Route]:
    """`/healthz` answers 200 while the event loop runs, `/readyz` 200 when every check passes, else 503.

    Checks run side by side, and `/readyz` gives the result of each by its name.
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
        metrics.undelivered_age.set(found.oldest_undelivered)
        metrics.unclear_operations.set(found.unclear_operations)
        return True

    reads = shared(read)

    async def show(request: Request) -> Response:
        await asyncio.gather(reads(), *(succeeds() for succeeds in checks.values()))
        body, content_type = await metrics.expose(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return [Route("/metrics", show)]
