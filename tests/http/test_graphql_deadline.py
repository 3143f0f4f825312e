"""Deadlines of requests, and clients that disconnect."""

import asyncio
import socket

import httpx
import pytest
from graphql_server import Serve
from starlette.requests import ClientDisconnect
from starlette.types import Message

from gateway.http import operation
from gateway.http.operation import Deadline, Deadlines

ACCEPT = {"accept": "application/graphql-response+json"}


def post_head(query: str, content_length: int | None = None) -> bytes:
    body = b'{"query": "%s"}' % query.encode()
    length = len(body) if content_length is None else content_length
    return (
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % length
    ) + body


def test_query_beyond_deadline_is_cancelled_and_answered(serve: Serve) -> None:
    with serve(timeout=0.2) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        response = client.post("/graphql", json={"query": "{ hello slow }"}, headers=ACCEPT)
        assert response.status_code == 504
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "UPSTREAM_TIMEOUT"
        assert error["extensions"]["retryable"] is True
        assert server.watched.slow_cancelled.wait(5)
        assert client.post("/graphql", json={"query": "{ hello }"}).json() == {"data": {"hello": "hello world"}}


def test_query_is_cancelled_when_client_disconnects(serve: Serve) -> None:
    with serve() as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(post_head("{ slow }"))
            assert server.watched.slow_started.wait(5)
            assert not server.watched.slow_cancelled.is_set()
        assert server.watched.slow_cancelled.wait(5)


def test_mutation_completes_after_its_client_leaves(serve: Serve) -> None:
    with serve() as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(post_head("mutation { write }"))
            assert server.watched.slow_started.wait(5)
        server.watched.may_end.set()
        assert server.watched.written.wait(5)


def test_watched_connection_serves_answer_and_next_request(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is watched from the first moment, and serves the next request too."""
    monkeypatch.setattr(operation, "LOOK_AFTER", 0)
    with serve() as server, socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(post_head("{ slow }"))
        assert server.watched.slow_started.wait(5)
        server.watched.may_end.set()
        assert b'{"data":{"slow":"at last"}}' in read_until(connection, b"}}")
        connection.sendall(post_head("{ hello }"))
        assert b'{"data":{"hello":"hello world"}}' in read_until(connection, b"}}")


def read_until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
    return received


def test_body_that_does_not_arrive_in_time_is_408(serve: Serve) -> None:
    with serve(timeout=0.2) as server, socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(post_head("{ hello }", content_length=1000))
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in received


def slow_request(seconds: float = 60) -> Deadline:
    """Its block takes longer than most, and has a timer of its own."""
    late = Deadline(Deadlines(), seconds)
    late.look_after()
    return late


async def test_disconnect_after_slow_body_ends_request() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def request() -> None:
        with slow_request() as late:
            late.watch(receive)
            await asyncio.Event().wait()

    async with asyncio.timeout(60):
        with pytest.raises(ClientDisconnect):
            await request()


@pytest.mark.parametrize("seconds", [60, 0])
async def test_server_cancellation_is_not_expiry(seconds: float) -> None:
    """Not even when its deadline ends it in the same turn of the event loop."""

    async def request() -> None:
        with slow_request(seconds):
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.Event().wait()

    task = asyncio.create_task(request())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_error_at_expiry_is_not_hidden() -> None:
    async def request() -> None:
        with slow_request(0):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ZeroDivisionError from None

    with pytest.raises(ZeroDivisionError):
        await request()
