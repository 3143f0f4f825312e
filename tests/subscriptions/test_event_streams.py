"""Subscriptions as server-sent events (graphql-sse, distinct connections mode)."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from both_languages import require_chinese
from graphql_socket import PATIENCE
from test_events import apply, polled
from waiting import until

PAID = "subscription { paymentEvents { payment { orderNumber } } }"
REPAIR = 'subscription { repairEvents(communityCode: "10002") { cursor } }'


class Events:
    def __init__(self, response) -> None:
        self.response = response
        self.id: str | None = None
        self._lines = response.aiter_lines()

    async def next(self):
        """The next event: its name and its data; `id` is that of the event."""
        fields = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if not line:
                    break
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        data = json.loads(fields["data"]) if fields["data"] else None
        require_chinese((data or {}).get("errors", ()))
        self.id = fields.get("id")
        return fields["event"], data


@pytest.fixture
def open_stream(gateway):
    @asynccontextmanager
    async def open_stream(query: str, *, method: str = "POST", **headers: str):
        parameters = {"json": {"query": query}} if method == "POST" else {"params": {"query": query}}
        headers = {"accept": "text/event-stream"} | headers
        async with gateway.client.stream(method, "/graphql", headers=headers, **parameters) as response:
            yield Events(response)

    return open_stream


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_event_is_sent_as_next(gateway, open_stream, sandbox, method):
    number = next(order.number for order in sandbox.world.orders_of["10002"] if not order.is_paid)
    async with open_stream(PAID, method=method, **{"x-request-id": "asked-for-0001"}) as events:
        assert events.response.status_code == 200
        assert events.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert events.response.headers["cache-control"] == "no-store"
        assert events.response.headers["x-request-id"] == "asked-for-0001"
        await sandbox.pay(number, gateway.url)
        assert await events.next() == ("next", {"data": {"paymentEvents": {"payment": {"orderNumber": number}}}})


async def test_event_id_is_the_cursor_and_resumes(open_stream, sandbox):
    query = 'subscription { shenheEvents(communityCode: "10002") { cursor missed shenhe { platformId } } }'

    async def expect(events, number):
        event = (await events.next())[1]["data"]["shenheEvents"]
        assert (event["shenhe"], event["missed"]) == ({"platformId": number}, False)
        assert events.id == event["cursor"]

    async with open_stream(query) as events:
        await polled(sandbox)
        apply(sandbox, 900)
        await expect(events, 900)
    apply(sandbox, 901)
    await polled(sandbox)
    async with open_stream(query, **{"last-event-id": events.id}) as resumed:
        await expect(resumed, 901)
        apply(sandbox, 902)
        await expect(resumed, 902)


async def test_silent_stream_sends_keep_alive_comments(open_stream, mint, monkeypatch):
    monkeypatch.setattr("gateway.http.graphql.KEEP_ALIVE", 0.01)
    async with open_stream(REPAIR) as events, asyncio.timeout(PATIENCE):
        chunks = events.response.aiter_raw()
        assert [await anext(chunks) for _ in range(2)] == [b":\n\n"] * 2

    async with open_stream(REPAIR, authorization=f"Bearer {mint(communities=['00001'])}") as events:
        await events.response.aread()
    await until(lambda: "_keep_alive" not in {task.get_coro().__name__ for task in asyncio.all_tasks()})


UNRUNNABLE = {
    "subscription {": "GRAPHQL_PARSE_FAILED",
    "subscription { nothing }": "GRAPHQL_VALIDATION_FAILED",
    "{ viewer { subject } }": "BAD_USER_INPUT",
    'subscription { repairEvents(communityCode: "!") { cursor } }': "BAD_USER_INPUT",
    "subscription ($code: ID!) { repairEvents(communityCode: $code) { cursor } }": "BAD_USER_INPUT",
}


async def test_unrunnable_operation_is_an_event(open_stream, subtests):
    for query, code in UNRUNNABLE.items():
        with subtests.test(query):
            async with open_stream(query) as events:
                kind, payload = await events.next()
                assert (kind, [error["extensions"]["code"] for error in payload["errors"]]) == ("next", [code])
                assert await events.next() == ("complete", None)


@pytest.mark.usefixtures("ends_watches_at_once")
async def test_stream_ends_with_its_token(gateway, open_stream, almost_over):
    async with open_stream(REPAIR, authorization=f"Bearer {almost_over}") as events:
        kind, payload = await events.next()
        assert (kind, payload["errors"][0]["extensions"]["code"]) == ("next", "UNAUTHENTICATED")
        assert await events.next() == ("complete", None)
    await until(lambda: not len(gateway.parts.watches))


async def test_body_that_is_no_json_gets_no_stream(gateway):
    headers = {"accept": "text/event-stream", "content-type": "application/json"}
    response = await gateway.client.post("/graphql", content=b"{", headers=headers)
    assert response.status_code == 400
