"""Deadlines of requests, and clients that disconnect."""

import asyncio

import httpx
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from gateway.http.operation import Deadline, Deadlines
from gateway.sandbox.faults import Fault, FaultKind

MODULES = {"query": '{ modules(communityCode: "10002") { name } }'}


async def test_watched_connection_serves_answer_and_next_request(gateway, sandbox):
    """The client is watched once an answer takes long; its connection serves the next request too."""
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.LATENCY, seconds=0.1))
    connections = set()
    for _ in range(2):
        answer = await gateway.client.post("/graphql", json=MODULES)
        assert answer.json()["data"]["modules"]
        connections.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(connections) == 1


async def test_body_that_does_not_arrive_in_time_is_408(environ, serve):
    async with serve(environ, request_timeout=0.2) as gateway:
        url = httpx.URL(gateway.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = f"POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {gateway.token}\r\n"
        writer.write(f"{head}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{".encode())
        async with asyncio.timeout(60):
            received = await reader.read()
        writer.close()
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in received


async def test_disconnect_after_slow_body_ends_request() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def request() -> None:
        with Deadline(Deadlines(), 60) as late:
            late.receive = receive
            await asyncio.Event().wait()

    async with asyncio.timeout(60):
        with pytest.raises(ClientDisconnect):
            await request()


@pytest.mark.parametrize(
    ("seconds", "error"), [(60, asyncio.CancelledError), (0, asyncio.CancelledError), (0, ZeroDivisionError)]
)
async def test_block_ends_with_its_own_error(seconds: float, error: type[BaseException]) -> None:
    """Of a server that stops, even in the turn in which the deadline ends it, and of what fails at the deadline."""

    async def request() -> None:
        with Deadline(Deadlines(), seconds) as late:
            if error is asyncio.CancelledError:
                task.cancel()
                for _ in range(2):
                    late.look(0)
                await asyncio.sleep(0)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise error from None

    task = asyncio.create_task(request())
    with pytest.raises(error):
        await task
