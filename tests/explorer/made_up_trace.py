"""A trace as the gateway sends it in `extensions.trace`, made up: what a test expects of the page is in it."""

import json
from typing import Any

from browser import execute, open_dashboard, write_query
from playwright.async_api import Page, Route

TIMES = {"startMs": 2.0, "durationMs": 30.0, "tokenMs": 0.0, "queuedMs": 0.0}
TIMES |= {"connectingMs": 2.0, "waitingMs": 25.0, "readingMs": 3.0}
COUNTS = {"attempts": 1, "tokenRenewals": 0, "bytes": 8123, "rows": 20, "dataIssues": 0}
OK = {"kind": "read", "source": "own", "ageMs": None, "outcome": "OK", "retryable": None, "paths": []}


def call(number: int, platform: str, endpoint: str, level: int, **changes: Any) -> dict[str, Any]:
    place = {"id": number, "platform": platform, "endpoint": endpoint, "level": level}
    return place | {"arguments": [{"name": "xiaoqu", "kind": "text"}]} | TIMES | COUNTS | OK | changes


SHARED = dict.fromkeys(("tokenMs", "queuedMs", "connectingMs", "waitingMs", "readingMs", "bytes", "rows"))

CALLS = [
    call(1, "WJDH", "order/list", 1, paths=[["orders"]], dataIssues=2),
    call(2, "WJDH", "repair/list", 1, paths=[["repairs"]], source="joined", durationMs=18.5, **SHARED),
    call(3, "WJDH", "modules", 1, paths=[["modules"]], source="kept", ageMs=1234.5, durationMs=0.2, **SHARED),
    call(4, "SECURITY", "owner", 2, paths=[["orders", "nodes", 0, "house", "owner"]], startMs=33.0, durationMs=12.0),
    call(5, "SECURITY", "owner", 2, paths=[["orders", "nodes", 1, "house", "owner"]], startMs=33.5, durationMs=60.0)
    | {"outcome": "UPSTREAM_TIMEOUT", "retryable": True, "attempts": 2, "bytes": None, "rows": None},
]

TRACE = {
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
    "requestId": "0af7651916cd43dd",
    "operationName": "Traced",
    "operationType": "query",
    "execution": "plan",
    "startedAt": "2026-11-27T16:00:00.123+08:00",
    "durationMs": 100.0,
    "phases": [
        {"name": "authenticate", "startMs": 0.02, "durationMs": 0.03},
        {"name": "read", "startMs": 0.05, "durationMs": 0.02},
        {"name": "parse", "startMs": 0.07, "durationMs": 0.5},
        {"name": "validate", "startMs": 0.6, "durationMs": 0.9},
        {"name": "execute", "startMs": 1.5, "durationMs": 95.0},
        {"name": "serialise", "startMs": 96.5, "durationMs": 3.0},
    ],
    "calls": CALLS,
    "dataIssues": [],
    "masked": [],
    "nulls": [],
    "reveals": [{"type": "Order", "fields": ["title"], "records": 2}],
}

QUERY = (
    'query Traced { orders(communityCode: "10002", first: 2) { nodes { number title remark amount { text } '
    "house { address owner { phone } } } } "
    'repairs(communityCode: "10002", first: 1) { nodes { id reply } } modules(communityCode: "10002") { name } }'
)


async def show_made_up(page: Page, demo: str, query: str = QUERY, **changes: Any) -> None:
    """Open the demo, and run a query whose answer carries the trace.

    `changes` are of the trace; `data` and `errors` replace those of the answer.
    """
    answer = {name: changes.pop(name) for name in ("data", "errors") if name in changes}

    async def answer_with_trace(route: Route) -> None:
        if "x-trace" not in route.request.headers:
            await route.continue_()
            return
        response = await route.fetch()
        body = {**await response.json(), **answer}
        body.setdefault("extensions", {}).update(cost={"requested": 12, "actual": 4}, trace=TRACE | changes)
        await route.fulfill(response=response, body=json.dumps(body))

    await open_dashboard(page, demo)
    await page.route("**/graphql", answer_with_trace)
    await write_query(page, query)
    await execute(page, f'"{next(iter(answer.get("data", {"orders": None})))}"')
