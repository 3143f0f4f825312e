"""Accepted host names; others are refused (DNS rebinding)."""

from typing import Any

import pytest
from msgspec import structs
from websockets import connect
from websockets.exceptions import InvalidStatus

from gateway.http.application import Application
from gateway.settings import Settings

ATTACKER = "attacker.example"
QUERY = {"query": "{ __typename }"}


@pytest.fixture
def listed() -> str:
    return ""


@pytest.fixture
def environ(environ: dict[str, str], listed: str) -> dict[str, str]:
    return environ | {"GATEWAY_ALLOWED_HOSTS": listed}


PATHS = ["/", "/graphql", "/explorer/examples.json", "/callbacks/token", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
async def test_development_answers_only_local_host_names(gateway, path):
    port = gateway.url.rpartition(":")[2]
    for host in (
        ATTACKER,
        f"{ATTACKER}:{port}",
        f"localhost.{ATTACKER}",
        f"127.0.0.1.{ATTACKER}",
        "",
        "[::2]",
        "localhost:port",
    ):
        refused = await gateway.client.get(path, headers={"host": host})
        assert refused.status_code == 421, host
        [error] = refused.json()["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert ATTACKER not in error["message"]
    for host in ("localhost", f"localhost:{port}", "LOCALHOST:1", "127.0.0.1", "[::1]", f"[::1]:{port}"):
        assert (await gateway.client.get(path, headers={"host": host})).status_code != 421, host


async def test_foreign_host_name_opens_no_websocket(gateway):
    port = int(gateway.url.rpartition(":")[2])
    page: dict[str, Any] = {"origin": f"http://{ATTACKER}", "subprotocols": ["graphql-transport-ws"], "proxy": None}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{ATTACKER}/graphql", host="127.0.0.1", port=port, **page):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("listed", ["", "gateway.example"])
async def test_probes_and_prometheus_may_use_any_address(gateway):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await gateway.stranger.get(path, headers={"host": "10.1.2.3:8000"})).status_code == 200


@pytest.mark.parametrize("listed", ["gateway.example, Other.Example"])
async def test_listed_host_names_are_answered(gateway):
    for host in ("gateway.example", "GATEWAY.example:443", "other.example", "localhost"):
        assert (await gateway.client.post("/graphql", json=QUERY, headers={"host": host})).status_code == 200, host
    assert (await gateway.client.post("/graphql", json=QUERY, headers={"host": ATTACKER})).status_code == 421


def test_production_answers_listed_hosts_or_any():
    production = Settings(env="production", host="10.0.0.1")
    assert production.hosts == frozenset()
    listing = structs.replace(production, allowed_hosts=("gateway.example", "Other.Example"))
    assert listing.hosts == {"gateway.example", "other.example"}


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        (b"gateway.example", True),
        (b"GATEWAY.EXAMPLE:8000", True),
        (b"[::1]", True),
        (b"[::1]:8000", True),
        (b"gateway.example.", False),
        (b"gateway.example:80:80", False),
        (b"gateway.example@attacker.example", False),
        (b"gateway.example:x", False),
        (b"[gateway.example", False),
        (b"::1", False),
        (b"g\xc3\xa4teway.example", False),
        (b"a" * 10_000, False),
        (b"", False),
    ],
)
def test_host_name_is_split_from_port(host, accepted):
    application = Application({"gateway.example", "::1"}, on_failure=print)
    assert application.is_for([(b"accept", b"*/*"), (b"host", host)]) is accepted


def test_empty_host_list_accepts_every_host():
    assert Application((), on_failure=print).is_for([(b"host", b"attacker.example")])
    assert not Application({"gateway.example"}, on_failure=print).is_for([])
