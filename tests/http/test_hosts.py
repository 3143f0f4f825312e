"""Accepted host names; others are refused (DNS rebinding)."""

import asyncio
from itertools import product
from typing import Any

import httpx
import pytest
from websockets import connect
from websockets.exceptions import InvalidStatus

ATTACKER = "attacker.example"
QUERY = {"query": "{ __typename }"}


PATHS = ["/", "/graphql", "/explorer/examples.json", "/callbacks/token", "/nothing"]


async def test_development_answers_only_local_host_names(gateway):
    port = gateway.url.rpartition(":")[2]
    foreign = [ATTACKER, f"{ATTACKER}:{port}", f"localhost.{ATTACKER}", f"127.0.0.1.{ATTACKER}"]
    for path, host in product(PATHS, (*foreign, "", "[::2]", "localhost:port")):
        refused = await gateway.client.get(path, headers={"host": host})
        assert refused.status_code == 421, host
        [error] = refused.json()["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert ATTACKER not in error["message"]
    for path, host in product(PATHS, ("localhost", f"localhost:{port}", "LOCALHOST:1", "127.0.0.1", "[::1]")):
        assert (await gateway.client.get(path, headers={"host": host})).status_code != 421, host


async def test_foreign_host_name_opens_no_websocket(gateway):
    port = int(gateway.url.rpartition(":")[2])
    page: dict[str, Any] = {"origin": f"http://{ATTACKER}", "subprotocols": ["graphql-transport-ws"], "proxy": None}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{ATTACKER}/graphql", host="127.0.0.1", port=port, **page):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.settings(ALLOWED_HOSTS="gateway.example")
async def test_probes_and_prometheus_may_use_any_address(gateway):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await gateway.stranger.get(path, headers={"host": "10.1.2.3:8000"})).status_code == 200


FOREIGN: list[str | bytes] = [ATTACKER, "gateway.example.", "gateway.example:80:80", "gateway.example@attacker.example"]
FOREIGN += ["gateway.example:x", "[gateway.example", "::1", b"g\xc3\xa4teway.example", "a" * 10_000, ""]


@pytest.mark.settings(ALLOWED_HOSTS="gateway.example, Other.Example")
async def test_listed_host_names_are_answered(gateway):
    for host in ("gateway.example", "GATEWAY.example:443", "other.example", "localhost", "[::1]", "[::1]:8000"):
        assert (await gateway.client.post("/graphql", json=QUERY, headers={"host": host})).status_code == 200, host
    for foreign in FOREIGN:
        assert (await gateway.client.post("/graphql", json=QUERY, headers={b"host": foreign})).status_code == 421, (
            foreign
        )
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(gateway.url).port)
    writer.write(b"GET /graphql HTTP/1.0\r\n\r\n")
    assert (await asyncio.wait_for(reader.read(), 60)).startswith(b"HTTP/1.1 421 ")
    writer.close()


async def test_production_answers_listed_hosts_alone(serve_production):
    async with serve_production(GATEWAY_ALLOWED_HOSTS="gateway.example, Other.Example") as served:
        for host, status in (("gateway.example", 200), ("other.example", 200), ("localhost", 421)):
            assert (await served.client.post("/graphql", json=QUERY, headers={"host": host})).status_code == status


async def test_empty_host_list_accepts_every_host(production):
    for host in (ATTACKER, "10.1.2.3"):
        assert (await production.client.post("/graphql", json=QUERY, headers={"host": host})).status_code == 200
