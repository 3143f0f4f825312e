"""Callers without a valid token at the HTTP edge, in every protocol; keys that were withdrawn or cannot be fetched."""

import asyncio
from itertools import product

import pytest
from callers import jwks
from graphql_socket import connected
from joserfc.jwk import OKPKey
from standing_clock import Clock
from structlog.testing import capture_logs

from gateway.auth import authenticator, keys
from gateway.auth.authenticator import REFUSAL
from gateway.auth.keys import FetchedKeys
from gateway.http import graphql

QUERY = {"query": "{ viewer { subject } }"}
EVENTS = {"accept": "text/event-stream"}
SUBSCRIPTION = {"query": 'subscription { repairEvents(communityCode: "10002") { cursor } }'}
HALF_AN_HOUR = 1800


async def closed(gateway, authorization):
    """With which code and reason a WebSocket is closed before it is acknowledged."""
    headers = {"authorization": authorization} if authorization else None
    async with connected(gateway.url, init=False, additional_headers=headers) as socket:
        await socket.send("connection_init")
        return await socket.closed(), socket.connection.close_reason


@pytest.fixture(params=["gateway", "production"])
def refusing(request):
    """A gateway, and what it tells the caller of a forged token: why in development alone."""
    is_open = request.param == "gateway"
    message = f"{REFUSAL}: it is not a signed JWT, or too long" if is_open else REFUSAL
    return request.getfixturevalue(request.param), message


async def test_forged_token_is_refused_in_every_protocol(refusing):
    gateway, message = refusing
    forged = {"authorization": "Bearer forged"}
    with capture_logs() as logs:
        for headers in ({}, EVENTS):
            refused = await gateway.stranger.post("/graphql", json=QUERY, headers=forged | headers)
            [error] = refused.json()["errors"]
            assert (refused.status_code, error["message"]) == (401, message)
            assert set(error["extensions"]) == {"code", "messageZh", "requestId"}
        assert await closed(gateway, "Bearer forged") == (4403, message)
        await gateway.stranger.post("/graphql", json=QUERY)
    metrics = (await gateway.stranger.get("/metrics")).text

    assert 'gateway_refused_tokens_total{reason="form"} 3.0' in metrics
    assert 'gateway_refused_tokens_total{reason="missing"} 1.0' in metrics
    assert 'gateway_refused_tokens_total{reason="aud"} 0.0' in metrics
    assert [line["reason"] for line in logs if line["event"] == "token refused"] == ["form", "missing"]


async def test_request_without_a_token_is_401(gateway, sandbox):
    for headers, query in (
        ({}, QUERY["query"]),
        ({}, "{ __schema { queryType { name } } }"),
        ({}, "mutation { syncModules(input: {}) { outcome } }"),
        (EVENTS, "subscription { paymentEvents { cursor } }"),
    ):
        response = await gateway.stranger.post("/graphql", headers=headers, json={"query": query})
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer"), query
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert "data" not in response.json()
        assert (await gateway.stranger.get("/graphql", params={"query": query})).status_code == 401
    assert (await closed(gateway, None))[0] == 4403
    assert sandbox.calls == []


class TestUnreachableIssuer:
    """The keys were never fetched; the gateway asks for them whenever it needs some."""

    @pytest.fixture
    async def gateway(self, serve_production, key_server, monkeypatch):
        monkeypatch.setattr(keys, "_FETCH_INTERVAL", 0.0)
        key_server.status = "503 Service Unavailable"
        async with serve_production(GATEWAY_AUTH_KEY_FILE="", GATEWAY_AUTH_JWKS_URL=key_server.url) as served:
            yield served

    async def test_token_is_503_until_keys_are_fetched(self, gateway, issuer, key_server):
        for headers in ({}, EVENTS):
            refused = await gateway.client.post("/graphql", json=QUERY, headers=headers)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            [error] = refused.json()["errors"]
            said = {name: error["extensions"][name] for name in ("code", "retryable", "retryAfter")}
            assert said == {"code": "UPSTREAM_UNAVAILABLE", "retryable": True, "retryAfter": 1}
        key_server.status, key_server.body = "200 OK", issuer.jwks()
        assert (await gateway.ask(QUERY["query"])).data == {"viewer": {"subject": "lin"}}

    async def test_malformed_token_is_401_and_another_waits_for_keys(self, gateway):
        for headers in ({}, {"authorization": "Bearer forged"}, {"authorization": "Basic ZGV2ZWxvcGVyOg=="}):
            assert (await gateway.stranger.post("/graphql", json=QUERY, headers=headers)).status_code == 401
        assert (await closed(gateway, gateway.client.headers["authorization"]))[0] == 1013

    async def test_readyz_fetches_missing_keys(self, gateway, issuer, key_server):
        assert (await gateway.stranger.get("/healthz")).status_code == 200
        unready = await gateway.stranger.get("/readyz")
        assert (unready.status_code, unready.json()["checks"]) == (503, {"journal": True, "signing_keys": False})

        key_server.status, key_server.body = "200 OK", issuer.jwks()
        ready = await gateway.stranger.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]) == (200, {"journal": True, "signing_keys": True})

        key_server.status = "503 Service Unavailable"
        assert (await gateway.stranger.get("/readyz")).status_code == 200
        assert (await gateway.ask(QUERY["query"])).data


async def test_key_file_gateway_is_ready_at_once(production):
    ready = (await production.stranger.get("/readyz")).json()
    assert ready == {"ready": True, "checks": {"journal": True, "signing_keys": True}}


class TestWithdrawnKey:
    """The gateway has let in one caller, and then been idle for half an hour."""

    @pytest.fixture
    def monotonic(self, monkeypatch):
        """What the age of keys is measured by."""
        clock = Clock()

        class ClockedKeys(FetchedKeys):
            def __init__(self, url):
                super().__init__(url, clock)

        monkeypatch.setattr(authenticator, "FetchedKeys", ClockedKeys)
        return clock

    @pytest.fixture
    async def gateway(self, serve_production, issuer, key_server, monotonic, monkeypatch):
        monkeypatch.setattr(graphql, "RECHECK", 0.01)  # open connections are looked at often
        key_server.body = issuer.jwks()
        async with serve_production(GATEWAY_AUTH_KEY_FILE="", GATEWAY_AUTH_JWKS_URL=key_server.url) as served:
            assert (await served.client.post("/graphql", json=QUERY)).status_code == 200
            monotonic.now += HALF_AN_HOUR
            yield served

    async def test_withdrawn_key_is_401(self, gateway, issuer, key_server):
        key_server.body = jwks(OKPKey.generate_key("Ed25519", {"kid": "next"}))
        for headers, token in product(({}, EVENTS), (gateway.token, issuer.mint("order:read", "10002"))):
            bearer = {"authorization": f"Bearer {token}"}
            refused = await gateway.client.post("/graphql", json=QUERY, headers=headers | bearer)
            assert refused.status_code == 401

        assert (await closed(gateway, gateway.client.headers["authorization"]))[0] == 4403
        assert key_server.asked == 2

    @pytest.mark.parametrize(
        ("withdraws", "close_code", "code"),
        [(True, 4403, "UNAUTHENTICATED"), (False, 1013, "UPSTREAM_UNAVAILABLE")],
        ids=["withdrawn", "unreachable"],
    )
    async def test_websocket_and_events_end_with_their_key(
        self, gateway, key_server, monotonic, withdraws, close_code, code
    ):
        """The issuer withdraws it, or is down for longer than the grace."""
        async with (
            connected(gateway.url, token=gateway.token) as socket,
            gateway.client.stream("POST", "/graphql", json=SUBSCRIPTION, headers=EVENTS) as stream,
        ):
            assert stream.status_code == 200
            if withdraws:
                key_server.body = jwks(OKPKey.generate_key("Ed25519", {"kid": "next"}))
            else:
                key_server.status = "503 Service Unavailable"
            monotonic.now += HALF_AN_HOUR if withdraws else 2 * 3600
            async with asyncio.timeout(60):
                events = (await stream.aread()).decode()
                assert await socket.closed() == close_code

        assert events.startswith("event: next\ndata: ")
        assert f'"code":"{code}"' in events
        assert events.endswith("event: complete\ndata:\n\n")

    async def test_connections_stay_open_while_key_stays(self, gateway, key_server, monotonic):
        async with connected(gateway.url, token=gateway.token) as socket:
            for _ in range(2):
                key_server.arrived.clear()
                monotonic.now += HALF_AN_HOUR
                await key_server.arrived.wait()
                await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "fetch signing keys"])
            await socket.send("ping")
            assert await socket.receive() == {"type": "pong"}

    @pytest.mark.parametrize("failure", ["refuses", "hangs"])
    async def test_unreachable_issuer_is_503_after_grace(self, gateway, key_server, monotonic, monkeypatch, failure):
        if failure == "hangs":
            monkeypatch.setattr(keys, "_FETCH_TIMEOUT", 0.05)
            key_server.answering.clear()
        key_server.status = "503 Service Unavailable"
        assert (await gateway.client.post("/graphql", json=QUERY)).status_code == 200

        monotonic.now += 3600
        refused = await gateway.client.post("/graphql", json=QUERY)

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        assert (await gateway.stranger.get("/readyz")).json()["checks"] == {"journal": True, "signing_keys": False}
