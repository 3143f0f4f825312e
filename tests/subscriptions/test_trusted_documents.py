"""Trusted documents over WebSocket and event streams, whose clients send a text with every operation."""

import asyncio
import json

import pytest

PAID = "subscription Paid { paymentEvents { payment { orderNumber } } }"


@pytest.fixture
def extra(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"paid-1": PAID}))
    return {"GATEWAY_TRUSTED_DOCUMENTS": str(path)}


LISTED = [{"query": "", "documentId": "paid-1"}, {"query": "subscription Paid{paymentEvents{payment{orderNumber}}}"}]
EVENT = {"paymentEvents": {"payment": {"orderNumber": "20201213104757994399"}}}


async def test_sockets_and_streams_run_listed_documents(connect, gateway, sandbox):
    listed = {"json": LISTED[0], "headers": {"accept": "text/event-stream"}}
    async with connect() as socket, gateway.client.stream("POST", "/graphql", **listed) as stream:
        for id_, payload in enumerate(LISTED):
            await socket.send("subscribe", id=f"{id_}", payload=payload)
        await socket.subscribe("other", "{ viewer { scopes } }")
        assert await socket.error_code("other") == "QUERY_NOT_IN_SAFELIST"
        await sandbox.pay("20201213104757994399", gateway.url)

        assert [await socket.data(f"{id_}") for id_ in range(2)] == [EVENT, EVENT]
        async with asyncio.timeout(60):
            event = await anext(line async for line in stream.aiter_lines() if line.startswith("data:"))
        assert json.loads(event.removeprefix("data:")) == {"data": EVENT}
