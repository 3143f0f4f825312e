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
    """Follows these topics over one WebSocket, by their subscriptions. `missed` counts the events that said that others
    may have been; `closes` the codes by which the gateway closed. `on_event` gets each event with its topic, `options`
    are those of `websockets.connect`.
    """

    def __init__(
        self,
        url: str,
        token: str,
        topics: Mapping[str, str],
        on_failure: Callable[[Failure], object],
        on_event: Callable[[str, Mapping[str, Any]], object] = lambda _topic, _event: None,
        **options: Any,
    ) -> None:
        self.events = self.missed = self.connections = 0
        self.closes: list[int] = []
        self.following = asyncio.Event()
        """It has subscribed."""
        self._address = f"{url.replace('http', 'ws', 1)}/graphql"
        self._token = token
        self._topics = topics
        self._on_failure = on_failure
        self._on_event = on_event
        self._options = options
        self._cursors: dict[str, str] = {}

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
                self._fail("connection", began, type(error).__name__)
            await asyncio.sleep(random.uniform(0.1, 0.5))

    async def _follow(self) -> None:
        subprotocols = [Subprotocol("graphql-transport-ws")]
        async with connect(self._address, subprotocols=subprotocols, proxy=None, **self._options) as socket:
            authorization = {"Authorization": f"Bearer {self._token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": authorization}))
            await socket.recv()
            for topic, query in self._topics.items():
                body = {"query": query, "variables": {"after": self._cursors.get(topic)}}
                await socket.send(json.dumps({"type": "subscribe", "id": topic, "payload": body}))
            self.following.set()
            async for text in socket:
                if await self._is_over(socket, json.loads(text)):
                    return

    async def _is_over(self, socket: Any, message: Mapping[str, Any]) -> bool:
        topic, payload = message.get("id", ""), message.get("payload")
        if message["type"] == "ping":
            await socket.send(json.dumps({"type": "pong"}))
        elif message["type"] == "error":
            self._fail(topic, time.monotonic(), *_codes(payload))
            return True
        elif message["type"] == "complete":
            self._fail(topic, time.monotonic(), "COMPLETE")
            return True
        elif message["type"] == "next":
            if "errors" in payload:
                self._fail(topic, time.monotonic(), *_codes(payload["errors"]))
            if event := (payload.get("data") or {}).get(topic):
                self._cursors[topic] = event["cursor"]
                self.events += 1
                self.missed += event["missed"]
                self._on_event(topic, event)
        return False

    def _fail(self, name: str, began: float, *codes: str) -> None:
        self._on_failure(Failure(name, began, time.monotonic(), [*codes]))


def _codes(errors: Any) -> list[str]:
    return [error["extensions"]["code"] for error in errors]
