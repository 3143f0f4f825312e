"""Callers without a valid token at the HTTP edge, in every protocol; keys that were withdrawn or cannot be fetched."""

import asyncio

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

in_each_form = pytest.mark.parametrize("headers", [{}, EVENTS], ids=["answer", "events"])


async def closed(gateway, authorization):
    """With which code and reason a WebSocket is closed before it is acknowledged."""
    headers = {"authorization": authorization} if authorization else None
    async with connected(gateway.url, init=False, additional_headers=headers) as socket:
        await socket.send("connection_init")
        return await socket.closed(), socket.connection.close_reason


class TestRefusal:
    """The caller reads why in development alone."""

    @pytest.fixture(params=["gateway", "production"])
    def message(self, request):
        self.gateway = request.getfixturevalue(request.param)
        return REFUSAL if request.param == "production" else f"{REFUSAL}: it is not a signed JWT, or too long"

    @in_each_form
    async def test_forged_token_is_401(self, message, headers):
        forged = {"authorization": "Bearer forged", **headers}
        refused = await self.gateway.stranger.post("/graphql", json=QUERY, headers=forged)

        [error] = refused.json()["errors"]
        assert (refused.status_code, error["message"]) == (401, message)
        assert set(error["extensions"]) == {"code", "messageZh", "requestId"}

    async def test_forged_token_closes_the_websocket(self, message):
        assert await closed(self.gateway, "Bearer forged") == (4403, message)


async def test_refusals_of_every_protocol_are_logged(production):
    forged = {"authorization": "Bearer forged"}
    with capture_logs() as logs:
        for headers in ({}, EVENTS):
            await production.stranger.post("/graphql", json=QUERY, headers=forged | headers)
        await closed(production, "Bearer forged")
        await production.stranger.post("/graphql", json=QUERY)
    metrics = (await production.stranger.get("/metrics")).text

    assert 'gateway_refused_tokens_total{reason="form"} 3.0' in metrics
    assert 'gateway_refused_tokens_total{reason="missing"} 1.0' in metrics
    assert 'gateway_refused_tokens_total{reason="aud"} 0.0' in metrics
    assert [line["reason"] for line in logs if line["event"] == "token refused"] == ["form", "missing"]


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, QUERY["query"]),
        ({}, "{ __schema { queryType { name } } }"),
        ({}, "mutation { syncModules(input: {}) { outcome } }"),
        (EVENTS, "subscription { paymentEvents { cursor } }"),
    ],
    ids=["query", "introspection", "mutation", "events"],
)
async def test_request_without_a_token_is_401(gateway, sandbox, headers, query):
    response = await gateway.stranger.post("/graphql", headers=headers, json={"query": query})

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
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

    @pytest.fixture
    def issuer_is_back(self, issuer, key_server):
        def publish():
            key_server.status, key_server.body = "200 OK", issuer.jwks()

        return publish

    @in_each_form
    async def test_token_is_503_until_keys_are_fetched(self, gateway, issuer_is_back, headers):
        refused = await gateway.client.post("/graphql", json=QUERY, headers=headers)

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        [error] = refused.json()["errors"]
        assert {"code": "UPSTREAM_UNAVAILABLE", "retryable": True, "retryAfter": 1}.items() <= error[
            "extensions"
        ].items()
        issuer_is_back()
        assert (await gateway.ask(QUERY["query"])).data == {"viewer": {"subject": "lin"}}

    @pytest.mark.parametrize("authorization", [None, "Bearer forged", "Basic ZGV2ZWxvcGVyOg=="])
    async def test_malformed_token_is_401_without_keys(self, gateway, authorization):
        headers = {} if authorization is None else {"authorization": authorization}

        assert (await gateway.stranger.post("/graphql", json=QUERY, headers=headers)).status_code == 401

    async def test_websocket_without_keys_closes_with_try_again(self, gateway):
        assert (await closed(gateway, gateway.client.headers["authorization"]))[0] == 1013

    async def test_readyz_fetches_missing_keys(self, gateway, issuer_is_back, key_server):
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
    async def gateway(self, serve_production, issuer, key_server, monotonic):
        key_server.body = issuer.jwks()
        async with serve_production(GATEWAY_AUTH_KEY_FILE="", GATEWAY_AUTH_JWKS_URL=key_server.url) as served:
            assert (await served.client.post("/graphql", json=QUERY)).status_code == 200
            monotonic.now += HALF_AN_HOUR
            yield served

    @pytest.fixture
    def issuer_breaks(self, gateway, key_server, monotonic, monkeypatch):
        """It withdraws the key, or is down for longer than the grace. Connections are looked at often."""
        monkeypatch.setattr(graphql, "RECHECK", 0.01)

        def break_(*, withdraws):
            if withdraws:
                key_server.body = jwks(OKPKey.generate_key("Ed25519", {"kid": "next"}))
                monotonic.now += HALF_AN_HOUR
            else:
                key_server.status = "503 Service Unavailable"
                monotonic.now += 2 * 3600

        return break_

    @in_each_form
    async def test_withdrawn_key_is_401(self, gateway, issuer, key_server, headers):
        key_server.body = jwks(OKPKey.generate_key("Ed25519", {"kid": "next"}))
        for token in (gateway.token, issuer.mint("order:read", "10002")):
            bearer = {"authorization": f"Bearer {token}"}
            refused = await gateway.client.post("/graphql", json=QUERY, headers=headers | bearer)
            assert refused.status_code == 401

        assert (await closed(gateway, gateway.client.headers["authorization"]))[0] == 4403
        assert key_server.asked == 2

    @pytest.mark.parametrize(("withdraws", "code"), [(True, 4403), (False, 1013)], ids=["withdrawn", "unreachable"])
    async def test_websocket_ends_with_its_key(self, gateway, issuer_breaks, withdraws, code):
        async with connected(gateway.url, token=gateway.token) as socket:
            issuer_breaks(withdraws=withdraws)
            assert await socket.closed() == code

    @pytest.mark.parametrize(
        ("withdraws", "code"),
        [(True, "UNAUTHENTICATED"), (False, "UPSTREAM_UNAVAILABLE")],
        ids=["withdrawn", "unreachable"],
    )
    async def test_event_stream_ends_with_its_key(self, gateway, issuer_breaks, withdraws, code):
        async with gateway.client.stream("POST", "/graphql", json=SUBSCRIPTION, headers=EVENTS) as stream:
            assert stream.status_code == 200
            issuer_breaks(withdraws=withdraws)
            async with asyncio.timeout(60):
                events = (await stream.aread()).decode()

        assert events.startswith("event: next\ndata: ")
        assert f'"code":"{code}"' in events
        assert events.endswith("event: complete\ndata:\n\n")

    @pytest.mark.usefixtures("issuer_breaks")
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
