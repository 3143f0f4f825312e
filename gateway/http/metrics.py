"""`/metrics`, in Prometheus' text format: counts only, nothing of anybody's data."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.errors import GatewayError
from gateway.http.shared import Shared
from gateway.normalise.states import DeliveryState
from gateway.ops.metrics import CONTENT_TYPE, Metrics

PaymentCounts = Callable[[], Awaitable[Mapping[DeliveryState, int]]]


def metrics_routes(metrics: Metrics, payment_counts: PaymentCounts) -> list[Route]:
    """Payments are counted when they are asked for; while the journal is down their last counts stand."""

    async def count() -> bool:
        try:
            for state, payments in (await payment_counts()).items():
                metrics.payments.labels(state.value).set(payments)
        except GatewayError:  # which the journal logs
            return False
        return True

    counting = Shared(count)

    async def show(_request: Request) -> Response:
        await counting.succeeds()
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    return [Route("/metrics", show)]
