"""`gateway demo --allow-remote` as a container runs it: its port is published on 127.0.0.1 of the machine around it."""

import asyncio
import os
import re
import socket
import sys
from asyncio import StreamReader, StreamWriter, open_connection, start_server
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from programs import run

from gateway.http.explorer import is_private

IMAGE = {"GATEWAY_ENV": "production", "GATEWAY_HOST": "0.0.0.0"}  # noqa: S104 # settings of the image


@pytest.fixture
def outer_address() -> str:
    """An address of this machine that is not loopback: what the gateway sees of clients that come from there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with suppress(OSError):
            probe.connect(("192.0.2.1", 9))  # sends nothing
        address: str = probe.getsockname()[0]
    if address == "0.0.0.0":  # noqa: S104 # it has none
        pytest.skip("no network interface but loopback")
    return address


@asynccontextmanager
async def published(address: str, port: int) -> AsyncIterator[str]:
    """A port of 127.0.0.1 whose connections go on to this address, as those that Docker publishes."""

    async def pass_on(reader: StreamReader, writer: StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def accept(reader: StreamReader, writer: StreamWriter) -> None:
        inner_reader, inner_writer = await open_connection(address, port, local_addr=(address, 0))
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))

    async with await start_server(accept, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def post(url: str, path: str, body: Any, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.post(f"{url}{path}", json=body, headers={"origin": url, **headers})


async def test_published_demo_works_and_keeps_other_names_out(start_demo, tmp_path, outer_address):
    asked = {"scopes": ["order:read"], "communities": ["10002"]}
    query = {"query": '{ orders(communityCode: "10002", filter: {paymentStatus: UNPAID}) { nodes { number } } }'}
    with start_demo(tmp_path, "--allow-remote", **IMAGE) as printed:
        port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)", printed)[1])
        async with published(outer_address, port) as url:
            minted = await post(url, "/explorer/token", asked)
            assert minted.status_code == 200, minted.text
            answer = await post(url, "/graphql", query, authorization=f"Bearer {minted.json()['token']}")
            number = answer.json()["data"]["orders"]["nodes"][0]["number"]
            paid = await post(url, "/explorer/sandbox/pay", {"order_number": number})
            assert paid.json()["payment_answer"] == {"code": 0}

            for headers in ({"origin": "http://attacker.example"}, {"x-forwarded-for": "203.0.113.7"}):
                assert (await post(url, "/explorer/token", asked, **headers)).status_code == 403, headers
            for host in (f"{outer_address}:{port}", "attacker.example", f"0.0.0.0:{port}"):
                rebound = await post(url, "/explorer/token", asked, host=host, origin=f"http://{host}")
                assert rebound.status_code == 421, host


def test_demo_of_other_machines_needs_consent() -> None:
    environ = {**os.environ, **IMAGE, "GATEWAY_ENV": "development"}
    refused = run(sys.executable, "-m", "gateway", "demo", status=2, env=environ)
    assert "GATEWAY_HOST: the demo serves this machine only (--allow-remote: in a container)" in refused.stderr


def test_addresses_of_the_internet_are_never_local() -> None:
    local = {"127.0.0.1": True, "172.17.0.1": True, "192.168.65.1": True, "8.8.8.8": False}
    assert {address: is_private(address) for address in local} == local
