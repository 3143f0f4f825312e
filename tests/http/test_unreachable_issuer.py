"""A gateway that has not fetched the keys of its issuer yet, and can verify no token."""

import pytest
from websockets import Subprotocol, connect

from gateway.auth import keys

QUERY = {"query": "{ viewer { subject } }"}
EVENTS = {"accept": "text/event-stream"}


@pytest.fixture
async def gateway(serve_production, key_server, monkeypatch):
    """Its issuer is down; it asks again whenever it needs keys."""
    monkeypatch.setattr(keys, "_FETCH_INTERVAL", 0.0)
    key_server.status = "503 Service Unavailable"
    async with serve_production(GATEWAY_AUTH_KEY_FILE="", GATEWAY_AUTH_JWKS_URL=key_server.url) as served:
        yield served


@pytest.fixture
def issuer_is_back(issuer, key_server):
    def publish():
        key_server.status, key_server.body = "200 OK", issuer.jwks()

    return publish


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["answer", "events"])
async def test_token_is_503_until_keys_are_fetched(gateway, issuer_is_back, headers):
    refused = await gateway.client.post("/graphql", json=QUERY, headers=headers)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    [error] = refused.json()["errors"]
    assert error["extensions"] | {"messageZh": "", "requestId": ""} == {
        "code": "UPSTREAM_UNAVAILABLE",
        "retryable": True,
        "retryAfter": 1,
        "messageZh": "",
        "requestId": "",
    }
    issuer_is_back()
    assert (await gateway.ask(QUERY["query"])).data == {"viewer": {"subject": "lin"}}


@pytest.mark.parametrize("authorization", [None, "Bearer forged", "Basic ZGV2ZWxvcGVyOg=="])
async def test_malformed_token_is_401_without_keys(gateway, authorization):
    headers = {} if authorization is None else {"authorization": authorization}

    assert (await gateway.stranger.post("/graphql", json=QUERY, headers=headers)).status_code == 401


async def test_websocket_without_keys_closes_with_try_again(gateway):
    address = f"{gateway.url.replace('http', 'ws')}/graphql"
    headers = {"authorization": gateway.client.headers["authorization"]}
    async with connect(
        address, subprotocols=[Subprotocol("graphql-transport-ws")], additional_headers=headers, proxy=None
    ) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.wait_closed()

        assert socket.close_code == 1013


async def test_readyz_fetches_missing_keys(gateway, issuer_is_back, key_server):
    assert (await gateway.stranger.get("/healthz")).status_code == 200
    unready = await gateway.stranger.get("/readyz")
    assert (unready.status_code, unready.json()["checks"]) == (503, {"journal": True, "signing_keys": False})

    issuer_is_back()
    ready = await gateway.stranger.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (200, {"journal": True, "signing_keys": True})

    key_server.status = "503 Service Unavailable"
    assert (await gateway.stranger.get("/readyz")).status_code == 200
    assert (await gateway.ask(QUERY["query"])).data


async def test_key_file_gateway_is_ready_at_once(production):
    assert (await production.stranger.get("/readyz")).json()["checks"] == {"journal": True, "signing_keys": True}
