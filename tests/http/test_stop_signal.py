"""SIGTERM to a gateway process with every kind of client that could block its stop."""

import asyncio
import signal

import httpx
import pytest
from graphql_socket import connected

pytestmark = pytest.mark.slow

REPAIRS = 'subscription { repairEvents(communityCode: "10002") { cursor } }'

PATIENCE = 15
"""Seconds: the grace of the gateway and a little more."""


async def test_streams_and_stalled_clients_do_not_block_stop(process, tmp_path):
    writers = []
    for sent in (
        b"",
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", process.port)
        writer.write(sent)
        writers.append(writer)
    token = process.client().headers["authorization"].removeprefix("Bearer ")
    async with (
        process.client() as client,
        connected(process.url, token=token) as socket,
        client.stream("GET", "/graphql", params={"query": REPAIRS}, headers={"accept": "text/event-stream"}) as stream,
    ):
        await socket.subscribe("1", REPAIRS)
        assert stream.status_code == 200

        stopping = asyncio.create_task(process.stop())

        async with asyncio.timeout(PATIENCE):
            with pytest.raises(httpx.RemoteProtocolError):  # cut off, not completed: its client connects again
                await stream.aread()
            assert await socket.closed() == 1012  # service restart
            assert await stopping in (0, -signal.SIGTERM)
    for writer in writers:
        writer.close()
    assert "Traceback" not in (tmp_path / "log").read_text()
