"""Operations sent as WebSocket messages and as requests for an event stream: what comes back, word for word."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from callers import TLS
from websockets import ClientConnection, Subprotocol, connect

PATIENCE = 60.0

Happen = Callable[[], Coroutine[Any, Any, None]]
SUBPROTOCOL = Subprotocol("graphql-transport-ws")


@asynccontextmanager
async def socket(url: str, token: str) -> AsyncIterator[ClientConnection]:
    """A WebSocket whose `connection_init` has been acknowledged."""
    address = f"{url.replace('http', 'ws', 1)}/graphql"
    async with connect(address, subprotocols=[SUBPROTOCOL], proxy=None) as connection:
        await send(connection, "connection_init", payload={"authorization": f"Bearer {token}"})
        assert json.loads(await connection.recv()) == {"type": "connection_ack"}
        yield connection


async def send(connection: ClientConnection, type_: str, **rest: Any) -> None:
    await connection.send(json.dumps({"type": type_, **rest}))


async def over_websocket(
    url: str, token: str, query: str, variables: Mapping[str, Any], happen: Happen | None = None
) -> list[str]:
    """Every message that answers an operation; of a subscription the first once something has happened, if any."""
    payload = {"query": query, "variables": variables}
    received: list[str] = []
    async with socket(url, token) as connection, asyncio.timeout(PATIENCE):
        await send(connection, "subscribe", id="1", payload=payload)
        if query.lstrip().startswith("subscription"):
            await send(connection, "subscribe", id="2", payload={"query": "{ __typename }"})
        while True:
            text = str(await connection.recv())
            message = json.loads(text)
            if message["id"] == "1":
                received.append(text)
                if happen is not None:
                    return received
            if message["type"] in ("complete", "error"):
                if message["id"] == "1" or happen is None:
                    return received
                await happen()


async def over_event_stream(
    url: str, token: str, query: str, variables: Mapping[str, Any], happen: Happen | None = None
) -> list[str]:
    """The first event of a stream once something has happened, if anything; none where nothing comes at once."""
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    body = {"query": query, "variables": variables}
    patience = 10.0 if happen is None else PATIENCE
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, verify=TLS, timeout=patience) as client,
        client.stream("POST", "/graphql", json=body) as stream,
    ):
        happening = asyncio.create_task(happen()) if happen is not None else None
        try:
            async for line in stream.aiter_lines():
                if line.startswith("data: {"):
                    return [line]
        except httpx.ReadTimeout:
            pass
        finally:
            if happening is not None:
                await happening
    return []


def raw_request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of a request, with a length if it has a body; the connection closes after it."""
    lines = [f"{method} {path} HTTP/1.1", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
