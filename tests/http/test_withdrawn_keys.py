"""A signing key that the issuer withdrew no longer admits callers."""

import asyncio

import pytest
from callers import jwks
from joserfc.jwk import OKPKey
from standing_clock import Clock
from websockets import connect

from gateway.auth import authenticator, keys
from gateway.auth.keys import FetchedKeys
from gateway.http import sse as subscribe

QUERY = {"query": "{ viewer { subject } }"}
EVENTS = {"accept": "text/event-stream"}
HALF_AN_HOUR = 1800


@pytest.fixture
def monotonic(monkeypatch):
    """What the age of keys is measured by."""
    clock = Clock()

    class ClockedKeys(FetchedKeys):
        def __init__(self, url):
            super().__init__(url, clock)

    monkeypatch.setattr(authenticator, "FetchedKeys", ClockedKeys)
    return clock


@pytest.fixture
async def gateway(serve_production, issuer, key_server, monotonic):
    """It has let in one caller, and then been idle."""
    key_server.body = issuer.jwks()
    async with serve_production(GATEWAY_AUTH_KEY_FILE="", GATEWAY_AUTH_JWKS_URL=key_server.url) as served:
        assert (await served.client.post("/graphql", json=QUERY)).status_code == 200
        monotonic.now += HALF_AN_HOUR
        yield served


@pytest.fixture
def withdrawn(gateway, key_server):
    key_server.body = jwks(OKPKey.generate_key("Ed25519", {"kid": "next"}))


@pytest.mark.usefixtures("withdrawn")
@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["answer", "events"])
async def test_withdrawn_key_is_401_after_an_idle_half_hour(gateway, issuer, key_server, headers):
    for token in (gateway.token, issuer.mint("order:read", "10002")):
        bearer = {"authorization": f"Bearer {token}"}
        refused = await gateway.client.post("/graphql", json=QUERY, headers=headers | bearer)
        assert refused.status_code == 401

    assert key_server.asked == 2


@pytest.mark.usefixtures("withdrawn")
async def test_withdrawn_key_opens_no_websocket(gateway):
    async with connect(**_web_socket(gateway)) as socket:
        await socket.send('{"type": "connection_init"}')
        async with asyncio.timeout(60):
            await socket.wait_closed()

        assert socket.close_code == 4403


class TestOpenConnections:
    """Opened before the key was withdrawn; looked at again more often than in production."""

    @pytest.fixture(autouse=True)
    def often(self, monkeypatch):
        monkeypatch.setattr(subscribe, "RECHECK", 0.01)

    @pytest.fixture
    def issuer_breaks(self, gateway, key_server, monotonic):
        """Withdraws the key, or is down for longer than the grace."""

        def break_(*, withdraws):
            if withdraws:
                key_server.body = jwks(OKPKey.generate_key("Ed25519", {"kid": "next"}))
                monotonic.now += HALF_AN_HOUR
            else:
                key_server.status = "503 Service Unavailable"
                monotonic.now += 2 * 3600

        return break_

    @pytest.mark.parametrize(("withdraws", "code"), [(True, 4403), (False, 1013)], ids=["withdrawn", "unreachable"])
    async def test_websocket_ends_with_its_key(self, gateway, issuer_breaks, withdraws, code):
        async with connect(**_web_socket(gateway)) as socket, asyncio.timeout(60):
            await socket.send('{"type": "connection_init"}')
            assert await socket.recv() == '{"type":"connection_ack"}'
            issuer_breaks(withdraws=withdraws)
            await socket.wait_closed()

            assert socket.close_code == code

    @pytest.mark.parametrize(
        ("withdraws", "code"),
        [(True, "UNAUTHENTICATED"), (False, "UPSTREAM_UNAVAILABLE")],
        ids=["withdrawn", "unreachable"],
    )
    async def test_event_stream_ends_with_its_key(self, gateway, issuer_breaks, withdraws, code):
        query = {"query": 'subscription { repairEvents(communityCode: "10002") { cursor } }'}
        async with gateway.client.stream("POST", "/graphql", json=query, headers=EVENTS) as stream, asyncio.timeout(60):
            assert stream.status_code == 200
            issuer_breaks(withdraws=withdraws)
            events = (await stream.aread()).decode()

        assert events.startswith("event: next\ndata: ")
        assert f'"code":"{code}"' in events
        assert events.endswith("event: complete\ndata:\n\n")

    async def test_connections_stay_open_while_key_stays(self, gateway, key_server, monotonic):
        async with connect(**_web_socket(gateway)) as socket, asyncio.timeout(60):
            await socket.send('{"type": "connection_init"}')
            assert await socket.recv() == '{"type":"connection_ack"}'
            for _ in range(2):
                key_server.arrived.clear()
                monotonic.now += HALF_AN_HOUR
                await key_server.arrived.wait()
                await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "fetch signing keys"])
            await socket.send('{"type": "ping"}')

            assert await socket.recv() == '{"type":"pong"}'


async def test_unchanged_key_is_fetched_once(gateway, key_server):
    for _ in range(3):
        assert (await gateway.client.post("/graphql", json=QUERY)).status_code == 200

    assert key_server.asked == 2


@pytest.mark.parametrize("failure", ["refuses", "hangs"])
async def test_unreachable_issuer_is_503_after_grace(gateway, key_server, monotonic, monkeypatch, failure):
    if failure == "hangs":
        monkeypatch.setattr(keys, "_FETCH_TIMEOUT", 0.05)
        key_server.answering.clear()
    key_server.status = "503 Service Unavailable"
    assert (await gateway.client.post("/graphql", json=QUERY)).status_code == 200

    monotonic.now += 3600
    refused = await gateway.client.post("/graphql", json=QUERY)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
    assert (await gateway.stranger.get("/readyz")).json()["checks"] == {"journal": True, "signing_keys": False}


def _web_socket(gateway):
    return {
        "uri": f"{gateway.url.replace('http', 'ws')}/graphql",
        "subprotocols": ["graphql-transport-ws"],
        "additional_headers": {"authorization": gateway.client.headers["authorization"]},
        "proxy": None,
    }
