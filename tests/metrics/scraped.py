"""What `/metrics` of a gateway says of its requests."""

from typing import Any

import pytest
from exposed import Series, parse

LISTED = pytest.mark.settings(METRICS_OPERATIONS="Listed, OrdersPage")


async def scrape(gateway: Any) -> Series:
    return parse((await gateway.stranger.get("/metrics")).text)


async def requests(gateway: Any) -> dict[tuple[str, str, str], float]:
    """How many there were, by operation, type and outcome."""
    series = await scrape(gateway)
    found = [
        (dict(labels), count) for (name, labels), count in series.items() if name == "gateway_request_seconds_count"
    ]
    return {(labels["operation"], labels["type"], labels["outcome"]): count for labels, count in found}


async def refusals(gateway: Any) -> dict[tuple[str, str], float]:
    series = await scrape(gateway)
    found = [
        (dict(labels), count) for (name, labels), count in series.items() if name == "gateway_refused_requests_total"
    ]
    return {(labels["code"], labels["limit"]): count for labels, count in found}
