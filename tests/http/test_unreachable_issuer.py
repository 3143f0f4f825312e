"""A gateway that has not been able to get the keys of its issuer yet: it can tell of no token whether it is good."""

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
async def test_a_token_is_not_invalid_but_to_be_tried_again(gateway, issuer_is_back, headers):
    refused = await gateway.client.post("/graphql", json=QUERY, headers=headers)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    [error] = refused.json()["errors"]
    assert error["extensions"] | {"requestId": ""} == {
        "code": "UPSTREAM_UNAVAILABLE",
        "retryable": True,
        "retryAfter": 1,
        "requestId": "",
    }
    issuer_is_back()
    assert (await gateway.ask(QUERY["query"])).data == {"viewer": {"subject": "lin"}}


@pytest.mark.parametrize("authorization", [None, "Bearer forged", "Basic ZGV2ZWxvcGVyOg=="])
async def test_what_is_no_token_is_401_as_ever(gateway, authorization):
    headers = {} if authorization is None else {"authorization": authorization}

    assert (await gateway.stranger.post("/graphql", json=QUERY, headers=headers)).status_code == 401


async def test_a_web_socket_is_told_to_come_again(gateway):
    address = f"{gateway.url.replace('http', 'ws')}/graphql"
    headers = {"authorization": gateway.client.headers["authorization"]}
    async with connect(
        address, subprotocols=[Subprotocol("graphql-transport-ws")], additional_headers=headers, proxy=None
    ) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.wait_closed()

        assert socket.close_code == 1013


async def test_it_is_alive_and_not_ready_until_it_has_the_keys_and_asks_for_them_by_itself(
    gateway, issuer_is_back, key_server
):
    assert (await gateway.stranger.get("/healthz")).status_code == 200
    unready = await gateway.stranger.get("/readyz")
    assert (unready.status_code, unready.json()["checks"]) == (503, {"journal": True, "signing_keys": False})

    issuer_is_back()
    ready = await gateway.stranger.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (200, {"journal": True, "signing_keys": True})

    key_server.status = "503 Service Unavailable"
    assert (await gateway.stranger.get("/readyz")).status_code == 200
    assert (await gateway.ask(QUERY["query"])).data


async def test_a_gateway_with_a_key_file_is_ready_from_the_first(production):
    assert (await production.stranger.get("/readyz")).json()["checks"] == {"journal": True, "signing_keys": True}
