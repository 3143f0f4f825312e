"""Subscribers over WebSocket, who come back when they lose their connection, and go on where they were."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from sender import COMMUNITY, Failure
from websockets import Subprotocol, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

TOPICS: Mapping[str, str] = {
    "paymentEvents": "subscription ($after: String) { paymentEvents(after: $after) {"
    " cursor missed kind payment { id state } } }",
    "repairEvents": f'subscription ($after: String) {{ repairEvents(communityCode: "{COMMUNITY}", after: $after) {{'
    " cursor missed kind repair { id status } } }",
}


class Follower:
    """Follows one topic. `missed` counts the events that said that others may have been; `closes` the codes by which
    the gateway closed.
    """

    def __init__(self, port: int, token: str, topic: str, on_failure: Callable[[Failure], object]) -> None:
        self.events = self.missed = self.connections = 0
        self.closes: list[int] = []
        self._address = f"ws://127.0.0.1:{port}/graphql"
        self._token = token
        self._topic = topic
        self._on_failure = on_failure
        self._cursor: str | None = None

    async def run(self) -> None:
        """Ends only by cancellation."""
        while True:
            self.connections += 1
            began = time.monotonic()
            try:
                await self._follow()
            except ConnectionClosed as end:
                self.closes.append(end.rcvd.code if end.rcvd else 1006)
            except (OSError, InvalidHandshake, TimeoutError) as error:
                self._fail(began, type(error).__name__)
            await asyncio.sleep(random.uniform(0.1, 0.5))

    async def _follow(self) -> None:
        async with connect(self._address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
            authorization = {"Authorization": f"Bearer {self._token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": authorization}))
            await socket.recv()
            body = {"query": TOPICS[self._topic], "variables": {"after": self._cursor}}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": body}))
            async for text in socket:
                if await self._is_over(socket, json.loads(text)):
                    return

    async def _is_over(self, socket: Any, message: Mapping[str, Any]) -> bool:
        payload = message.get("payload")
        if message["type"] == "ping":
            await socket.send(json.dumps({"type": "pong"}))
        elif message["type"] == "error":
            self._fail(time.monotonic(), *_codes(payload))
            return True
        elif message["type"] == "complete":
            self._fail(time.monotonic(), "COMPLETE")
            return True
        elif message["type"] == "next":
            if "errors" in payload:
                self._fail(time.monotonic(), *_codes(payload["errors"]))
            if event := (payload.get("data") or {}).get(self._topic):
                self._cursor = event["cursor"]
                self.events += 1
                self.missed += event["missed"]
        return False

    def _fail(self, began: float, *codes: str) -> None:
        self._on_failure(Failure(self._topic, began, time.monotonic(), [*codes]))


def _codes(errors: Any) -> list[str]:
    return [error["extensions"]["code"] for error in errors]
