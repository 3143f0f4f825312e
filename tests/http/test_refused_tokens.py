"""Refused tokens at the HTTP edge: the answer to the caller, the log and the metric."""

import asyncio

import pytest
from structlog.testing import capture_logs
from websockets import Subprotocol, connect

from gateway.auth.refusals import REFUSAL

QUERY = {"query": "{ viewer { subject } }"}
EVENTS = {"accept": "text/event-stream"}
FORGED = {"authorization": "Bearer forged"}
MESSAGE = f"{REFUSAL}: it is not a signed JWT, or too long"


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["answer", "events"])
async def test_development_explains_refusal(gateway, headers):
    assert await _message(gateway, headers) == MESSAGE


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["answer", "events"])
async def test_production_does_not_explain_refusal(production, headers):
    assert await _message(production, headers) == REFUSAL


async def test_development_explains_refusal_on_websocket(gateway):
    assert await _close_reason(gateway) == MESSAGE


async def test_production_does_not_explain_refusal_on_websocket(production):
    assert await _close_reason(production) == REFUSAL


async def test_refusals_of_every_protocol_are_logged(production):
    with capture_logs() as logs:
        await _message(production, {})
        await _message(production, EVENTS)
        await _close_reason(production)
        await production.stranger.post("/graphql", json=QUERY)
    metrics = (await production.stranger.get("/metrics")).text

    assert 'gateway_refused_tokens_total{reason="form"} 3.0' in metrics
    assert 'gateway_refused_tokens_total{reason="missing"} 1.0' in metrics
    assert 'gateway_refused_tokens_total{reason="aud"} 0.0' in metrics
    assert [line["reason"] for line in logs if line["event"] == "token refused"] == ["form", "missing"]


async def _message(gateway, headers):
    refused = await gateway.stranger.post("/graphql", json=QUERY, headers=FORGED | headers)
    assert refused.status_code == 401
    [error] = refused.json()["errors"]
    assert set(error["extensions"]) == {"code", "messageZh", "requestId"}
    return error["message"]


async def _close_reason(gateway):
    address = f"{gateway.url.replace('http', 'ws')}/graphql"
    async with connect(
        address, subprotocols=[Subprotocol("graphql-transport-ws")], additional_headers=FORGED, proxy=None
    ) as socket:
        await socket.send('{"type": "connection_init"}')
        async with asyncio.timeout(60):
            await socket.wait_closed()
        assert socket.close_code == 4403
        return socket.close_reason
