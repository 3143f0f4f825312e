"""Subscriptions as server-sent events (graphql-sse, distinct connections mode)."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from both_languages import require_chinese
from graphql_socket import PATIENCE
from test_events import apply
from waiting import until

from gateway.auth.tokens import LEEWAY
from gateway.http.request import wants_events
from gateway.sandbox.faults import Fault, FaultKind

PAID = "subscription { paymentEvents { payment { orderNumber } } }"
REPAIR = 'subscription { repairEvents(communityCode: "10002") { cursor } }'


REVIEW = 'subscription { shenheEvents(communityCode: "10002") { shenhe { id } } }'


class Events:
    def __init__(self, response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, object]:
        """The next event: its name and its data."""
        fields = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if not line:
                    break
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        data = json.loads(fields["data"]) if fields["data"] else None
        require_chinese((data or {}).get("errors", ()))
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
    async with open_stream(PAID, method=method) as events:
        assert events.response.status_code == 200
        assert events.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert events.response.headers["cache-control"] == "no-store"
        await sandbox.pay(number, gateway.url)
        assert await events.next() == ("next", {"data": {"paymentEvents": {"payment": {"orderNumber": number}}}})


async def test_silent_stream_sends_keep_alive_comments(open_stream, mint, monkeypatch):
    monkeypatch.setattr("gateway.http.sse.KEEP_ALIVE", 0.01)
    async with open_stream(REPAIR) as events, asyncio.timeout(PATIENCE):
        chunks = events.response.aiter_raw()
        assert [await anext(chunks) for _ in range(2)] == [b":\n\n"] * 2

    async with open_stream(REPAIR, authorization=f"Bearer {mint(communities='00001')}") as events:
        await events.response.aread()
    await until(lambda: "_keep_alive" not in {task.get_coro().__name__ for task in asyncio.all_tasks()})


async def test_ended_subscription_is_sent_as_complete(open_stream, mint):
    async with open_stream(REPAIR, authorization=f"Bearer {mint(communities='00001')}") as events:
        assert await events.next() == ("complete", None)


async def test_field_errors_come_with_the_data_of_their_event(open_stream, sandbox):
    async with open_stream(REVIEW, **{"x-request-id": "asked-for-0001"}) as events:
        assert events.response.headers["x-request-id"] == "asked-for-0001"
        await until(lambda: sandbox.count("WJDH", "shenheList") > 1)
        sandbox.faults.set("WJDH", "shenhe", Fault(FaultKind.WRONG_SHAPE))
        apply(sandbox, 900)

        kind, payload = await events.next()
    assert (kind, payload["data"]) == ("next", {"shenheEvents": {"shenhe": None}})
    [error] = payload["errors"]
    assert error["path"] == ["shenheEvents", "shenhe"]
    assert (error["extensions"]["code"], error["extensions"]["requestId"]) == ("UPSTREAM_PROTOCOL", "asked-for-0001")


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
async def test_stream_ends_with_its_token(gateway, open_stream, mint):
    async with open_stream(REPAIR, authorization=f"Bearer {mint(ended=LEEWAY - 1.3)}") as events:
        kind, payload = await events.next()
        assert (kind, payload["errors"][0]["extensions"]["code"]) == ("next", "UNAUTHENTICATED")
        assert await events.next() == ("complete", None)
    await until(lambda: not len(gateway.parts.watches))


async def test_no_valid_token_or_no_json_gets_no_stream(gateway, open_stream):
    async with open_stream(PAID, authorization="Bearer forged") as events:
        await events.response.aread()
        assert events.response.status_code == 401
        assert events.response.headers["www-authenticate"] == "Bearer"
        assert events.response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    headers = {"accept": "text/event-stream", "content-type": "application/json"}
    response = await gateway.client.post("/graphql", content=b"{", headers=headers)
    assert response.status_code == 400


URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


async def test_client_accepting_json_gets_json(gateway):
    query = await gateway.client.post("/graphql", json={"query": "{ __typename }"}, headers={"accept": URQL})
    assert query.headers["content-type"].startswith("application/graphql-response+json")
    assert query.json()["data"] == {"__typename": "Query"}

    lines = [("accept", accept) for accept in URQL.split(", ")]
    query = await gateway.client.post("/graphql", json={"query": "{ __typename }"}, headers=lines)
    assert query.json()["data"] == {"__typename": "Query"}

    subscription = await gateway.client.post("/graphql", json={"query": PAID}, headers={"accept": URQL})
    assert subscription.headers["content-type"].startswith("application/graphql-response+json")
    assert subscription.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (b"text/event-stream", True),
        (b"Text/Event-Stream; charset=utf-8", True),
        (b"text/event-stream, text/event-stream;q=0.5", True),
        (b"text/event-stream, multipart/mixed", True),
        (b"text/event-stream, application/json;q=0", True),
        (b"text/event-stream, application/json", False),
        (b"text/event-stream, application/graphql-response+json;q=0.1", False),
        (b"text/event-streams", False),
        (b"text/event-stream, */*", False),
        (b"*/*", False),
        (b"", False),
    ],
)
def test_accept_header_selects_events_without_json(accept, wanted):
    assert wants_events(accept) is wanted
