"""Requests without a token are refused in every protocol, also in development."""

import pytest
from websockets import Subprotocol, connect

JSON = {"content-type": "application/json"}
EVENTS = JSON | {"accept": "text/event-stream"}
QUERY = b'{"query": "{ viewer { subject } }"}'


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(JSON, QUERY, id="query"),
        pytest.param(JSON, b'{"query": "{ __schema { queryType { name } } }"}', id="introspection"),
        pytest.param(JSON, b'{"query": "mutation { syncModules(input: {}) { outcome } }"}', id="mutation"),
        pytest.param(EVENTS, b'{"query": "subscription { paymentEvents { cursor } }"}', id="events"),
    ],
)
async def test_request_without_a_token_is_401(gateway, sandbox, headers, body):
    response = await gateway.stranger.post("/graphql", headers=headers, content=body)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in response.json()
    assert sandbox.calls == []


async def test_query_in_the_url_without_a_token_is_401(gateway):
    assert (await gateway.stranger.get("/graphql", params={"query": "{ __typename }"})).status_code == 401


async def test_websocket_without_token_closes_before_ack(gateway):
    address = f"{gateway.url.replace('http', 'ws')}/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.wait_closed()

        assert socket.close_code == 4403
