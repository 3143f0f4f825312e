"""Operations sent as WebSocket messages and as requests for an event stream: what comes back, word for word."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import httpx
from callers import TLS
from graphql_socket import connected

PATIENCE = 60.0
AT_ONCE = 1.0
"""Seconds after the head of an event stream: a refusal comes with it."""

Happen = Callable[[], Coroutine[Any, Any, None]]


async def over_websocket(
    url: str, token: str, query: str, variables: Mapping[str, Any], happen: Happen | None = None
) -> list[str]:
    """Every message that answers an operation; of a subscription the first once something has happened, if any."""
    received: list[str] = []
    async with connected(url, token=token) as socket, asyncio.timeout(PATIENCE):
        await socket.send("subscribe", id="1", payload={"query": query, "variables": variables})
        if query.lstrip().startswith("subscription"):
            await socket.subscribe("2", "{ __typename }")
        while True:
            text = str(await socket.connection.recv())
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
    patience = AT_ONCE if happen is None else PATIENCE
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, verify=TLS, timeout=PATIENCE) as client,
        client.stream("POST", "/graphql", json=body) as stream,
    ):
        happening = asyncio.create_task(happen()) if happen is not None else None
        try:
            async with asyncio.timeout(patience):
                async for line in stream.aiter_lines():
                    if line.startswith("data: {"):
                        return [line]
        except TimeoutError:
            pass
        finally:
            if happening is not None:
                await happening
    return []
