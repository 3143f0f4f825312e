"""A subscriber that goes on where it was interrupted, by event stream and by WebSocket in turn."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
from websockets import Subprotocol, connect
from websockets.exceptions import WebSocketException

QUERY = """
subscription ($code: ID!, $after: String) {
  shenheEvents(communityCode: $code, after: $after) { cursor at missed kind shenhe { platformId } }
}
"""
RECONNECT_DELAY = 0.05


class Received(NamedTuple):
    """An event. `number` is the platform's row number, None where no record is named."""

    cursor: str
    at: str
    missed: bool
    kind: str
    number: int | None


class Subscriber:
    """Run `run` in a task. `drop` breaks the connection; the next one begins after the latest cursor."""

    def __init__(self, url: str, token: str, code: str) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self._url = url
        self._token = token
        self._code = code
        self._connection: asyncio.Task[None] | None = None

    async def run(self) -> None:
        while True:
            by = self._by_event_stream if self.connections % 2 else self._by_websocket
            self.connections += 1
            self._connection = asyncio.create_task(self._read(by()))
            await asyncio.wait([self._connection])
            await asyncio.sleep(RECONNECT_DELAY)

    def drop(self) -> None:
        """Break the connection."""
        if self._connection is not None:
            self._connection.cancel()

    async def _read(self, events: AsyncIterator[dict[str, Any]]) -> None:
        try:
            async for event in events:
                record = event["shenhe"]
                number = record and record["platformId"]
                self.received.append(Received(event["cursor"], event["at"], event["missed"], event["kind"], number))
        except (httpx.TransportError, WebSocketException, OSError):
            pass

    @property
    def _cursor(self) -> str | None:
        return self.received[-1].cursor if self.received else None

    async def _by_event_stream(self) -> AsyncIterator[dict[str, Any]]:
        """Goes on by `Last-Event-ID`."""
        headers = {"authorization": f"Bearer {self._token}", "accept": "text/event-stream"}
        if self._cursor:
            headers["last-event-id"] = self._cursor
        body = {"query": QUERY, "variables": {"code": self._code}}
        async with (
            httpx.AsyncClient(trust_env=False, timeout=30) as client,
            client.stream("POST", f"{self._url}/graphql", json=body, headers=headers) as response,
        ):
            id_ = ""
            async for line in response.aiter_lines():
                if line.startswith("id: "):
                    id_ = line.removeprefix("id: ")
                elif line.startswith("data: {"):
                    event = _event(json.loads(line.removeprefix("data: ")))
                    if event["cursor"] != id_:
                        raise RuntimeError("the id of an event is not its cursor")
                    yield event

    async def _by_websocket(self) -> AsyncIterator[dict[str, Any]]:
        """Goes on by `after`."""
        address = f"{self._url.replace('http', 'ws', 1)}/graphql"
        async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
            payload = {"Authorization": f"Bearer {self._token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            await socket.recv()
            variables = {"code": self._code, "after": self._cursor}
            body = {"query": QUERY, "variables": variables}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": body}))
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "next":
                    yield _event(message["payload"])


def _event(payload: dict[str, Any]) -> dict[str, Any]:
    if "errors" in payload:
        raise RuntimeError(f"an event has errors: {payload['errors']}")
    event: dict[str, Any] = payload["data"]["shenheEvents"]
    return event
