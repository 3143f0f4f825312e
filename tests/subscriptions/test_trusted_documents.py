"""Trusted documents over WebSocket and event streams, whose clients send a text with every operation."""

import asyncio
import json

import pytest

VIEWER = "query Viewer { viewer { subject } }"
PAID = "subscription Paid { paymentEvents { payment { orderNumber } } }"
CODE = "QUERY_NOT_IN_SAFELIST"


@pytest.fixture
def extra(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"viewer-1": VIEWER, "paid-1": PAID}))
    return {"GATEWAY_TRUSTED_DOCUMENTS": str(path)}


LISTED_VIEWER = [
    {"query": "", "documentId": "viewer-1"},
    {"query": "", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "viewer-1"}}},
    {"query": "query Viewer {\n  viewer {\n    subject\n  }\n}"},
]
LISTED_PAID = [
    {"query": "", "documentId": "paid-1"},
    {"query": "subscription Paid{paymentEvents{payment{orderNumber}}}"},
]


async def test_websocket_runs_listed_documents(connect, gateway, sandbox):
    number = next(order.number for order in sandbox.world.orders_of["10002"] if not order.is_paid)
    async with connect() as socket:
        for id_, paid in enumerate(LISTED_PAID):
            await socket.send("subscribe", id=f"paid {id_}", payload=paid)
        for payload in LISTED_VIEWER:
            await socket.send("subscribe", id="viewer", payload=payload)
            assert await socket.data("viewer") == {"viewer": {"subject": "developer"}}
            assert (await socket.receive("viewer"))["type"] == "complete"
        await sandbox.pay(number, gateway.url)

        for id_ in range(2):
            assert await socket.data(f"paid {id_}") == {"paymentEvents": {"payment": {"orderNumber": number}}}


async def test_websocket_refuses_unlisted_documents(connect):
    async with connect() as socket:
        await socket.subscribe("1", "{ viewer { scopes } }")

        assert await socket.error_code("1") == CODE


@pytest.mark.parametrize("body", LISTED_PAID, ids=["documentId", "white space"])
async def test_event_streams_run_listed_documents(gateway, sandbox, body):
    number = next(order.number for order in sandbox.world.orders_of["10002"] if not order.is_paid)
    headers = {"accept": "text/event-stream"}
    async with gateway.client.stream("POST", "/graphql", json=body, headers=headers) as stream, asyncio.timeout(60):
        await sandbox.pay(number, gateway.url)
        event = await anext(line async for line in stream.aiter_lines() if line.startswith("data:"))

    assert json.loads(event.removeprefix("data:")) == {"data": {"paymentEvents": {"payment": {"orderNumber": number}}}}
