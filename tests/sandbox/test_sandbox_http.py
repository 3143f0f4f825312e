"""The sandbox's HTTP is real: keep-alive, pipelining, odd requests, start and stop."""

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox


async def exchange(url: str, *sent: bytes) -> bytes:
    """Everything the server says to these bytes, each a segment of its own, until it closes."""
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    for segment in sent:
        writer.write(segment)
        await writer.drain()
        await asyncio.sleep(0)
    answer = await reader.read()
    writer.close()
    return answer


async def test_one_connection_serves_many_calls(client):
    opened = client.sandbox.wjdh.connections_opened
    for _ in range(20):
        await client.wjdh("modules", xiaoqu="10002")
    assert client.sandbox.wjdh.connections_opened == opened
    assert client.sandbox.wjdh.connections == 1


async def test_pipelined_requests_are_answered_in_order(client):
    client.sandbox.faults.set("WJDH", "modules", Fault(FaultKind.LATENCY, seconds=0.02), times=1)
    first = b"POST /api/v1/wjdh/modules HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    second = b"POST /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    answer = await exchange(client.sandbox.wjdh.url, first + second)
    assert answer.index(b"HTTP/1.1 200") < answer.index(b"HTTP/1.1 404")


async def test_request_may_come_in_pieces_and_in_chunks(client):
    pieces = (
        b"POST /api/v1/wjdh/modules HTT",
        b"P/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: " + client.bearer.encode() + b"\r\n",
        b"content-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n",
        b"7\r\nxiaoqu=\r\n",
        b"5\r\n10002\r\n0\r\n\r\n",
    )
    assert b"module_name" in await exchange(client.sandbox.wjdh.url, *pieces)


async def test_non_http_bytes_get_400_and_close(client):
    assert (await exchange(client.sandbox.wjdh.url, b"\x16\x03\x01\x02\x00nonsense\r\n\r\n")).startswith(
        b"HTTP/1.1 400 Bad Request"
    )


async def test_unknown_path_and_method_get_html(client):
    missing = await client.http.post(f"{client.sandbox.wjdh.url}/api/v1/orders/list")
    wrong = await client.http.get(f"{client.sandbox.wjdh.url}/api/v1/order/list")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert missing.headers["content-type"].startswith("text/html")
    assert client.sandbox.calls == []


@pytest.mark.parametrize("body", [{"json": {"xiaoqu": "10002"}}, {"files": {"xiaoqu": (None, "10002")}}])
async def test_non_form_body_is_ignored(client, body):
    url = f"{client.sandbox.wjdh.url}/api/v1/wjdh/modules"
    answer = await client.http.post(url, headers={"authorization": client.bearer}, **body)
    assert answer.json()["code"] == 1


async def test_fields_may_come_in_the_query_string(client):
    url = f"{client.sandbox.wjdh.url}/api/v1/order/list?page=2"
    answer = await client.http.post(url, headers={"authorization": client.bearer}, data={"xiaoqu": "10002"})
    assert answer.json()["pages"]["current_page"] == 2


async def test_stop_ends_hanging_calls_at_once(until):
    async with Sandbox() as sandbox, httpx.AsyncClient(trust_env=False) as http:
        sandbox.faults.set("WJDH", None, Fault(FaultKind.HANG))
        url = f"{sandbox.wjdh.url}/api/v1/wjdh/secret"
        call = asyncio.create_task(http.post(url))
        await until(lambda: sandbox.count("WJDH", "secret") == 1)
        await sandbox.wjdh.listener.stop()
        with pytest.raises(httpx.ReadError):
            await call
        with pytest.raises(httpx.ConnectError):
            await http.post(url)
