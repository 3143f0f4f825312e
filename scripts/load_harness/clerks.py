"""Clerks at their desks: each follows the reviews and repairs of one community, and asks and decides now and then."""

import asyncio
import json
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from sender import MUTATIONS, QUERIES, wrong_in
from websockets import Subprotocol, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

TOPICS = {
    "shenheEvents": "subscription ($code: ID!, $after: String) { shenheEvents(communityCode: $code, after: $after) {"
    " cursor missed kind shenhe { platformId } } }",
    "repairEvents": "subscription ($code: ID!, $after: String) { repairEvents(communityCode: $code, after: $after) {"
    " cursor missed kind repair { platformId } } }",
}
WEIGHTS = {name: weight for name, (weight, _) in QUERIES.items()} | {"CreateOrder": 3}
ANSWER_TIMEOUT = 30.0
OPEN_TIMEOUT = 60.0


@dataclass
class Tally:
    """What the clerks saw. `latencies`: seconds from sending to the answer; `lateness`: from a decision at the platform
    to its event, for each clerk; `decided`: when each review was, and how many clerks are yet to hear of it.
    """

    requests: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    missed: int = 0
    events: int = 0
    reconnections: int = 0
    decided: dict[int, tuple[float, set[str]]] = field(default_factory=dict)

    def hear(self, clerk: str, number: int) -> None:
        at, waiting = self.decided.get(number, (0.0, set()))
        if clerk in waiting:
            waiting.remove(clerk)
            self.lateness.append(time.monotonic() - at)


@dataclass
class Clerk:
    """`office` is the address that the clerk's connections come from, `client` one that all of an office share."""

    name: str
    code: str
    token: str
    office: str
    client: httpx.AsyncClient
    tally: Tally
    cursors: dict[str, str] = field(default_factory=dict)
    orders: int = 0

    async def follow(self, url: str, tls: ssl.SSLContext, followed: Callable[[], object]) -> None:
        """Both topics over one WebSocket, which is opened again, from the last cursor, when it breaks. Ends only by
        cancellation. `followed` is called when the first one stands.
        """
        while True:
            try:
                async with connect(
                    f"{url.replace('http', 'ws', 1)}/graphql",
                    subprotocols=[Subprotocol("graphql-transport-ws")],
                    ssl=tls,
                    proxy=None,
                    local_addr=(self.office, 0),
                    open_timeout=OPEN_TIMEOUT,
                    ping_interval=None,
                ) as socket:
                    authorization = {"Authorization": f"Bearer {self.token}"}
                    await socket.send(json.dumps({"type": "connection_init", "payload": authorization}))
                    await socket.recv()
                    for topic, query in TOPICS.items():
                        variables = {"code": self.code, "after": self.cursors.get(topic)}
                        payload = {"query": query, "variables": variables}
                        await socket.send(json.dumps({"type": "subscribe", "id": topic, "payload": payload}))
                    followed()
                    async for text in socket:
                        message = json.loads(text)
                        if message["type"] == "ping":
                            await socket.send(json.dumps({"type": "pong"}))
                        elif message["type"] == "next":
                            self._hear(message["id"], message["payload"])
                        else:
                            self._fail(message["id"], *_codes(message.get("payload")))
                            break
            except (ConnectionClosed, OSError, InvalidHandshake, TimeoutError) as error:
                self._fail("WebSocket", type(error).__name__)
            self.tally.reconnections += 1
            await asyncio.sleep(random.uniform(0.5, 5))

    async def work(self, pause: float) -> None:
        """Send a request every `pause` seconds on average. Ends only by cancellation."""
        while True:
            await asyncio.sleep(random.expovariate(1 / pause))
            [name] = random.choices([*WEIGHTS], [*WEIGHTS.values()])
            await self.ask(name, *self._operation(name))

    async def ask(self, name: str, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Its data, empty if it failed, which is counted."""
        self.tally.requests[name] += 1
        headers, body = {"authorization": f"Bearer {self.token}"}, {"query": document, "variables": variables}
        sent = time.monotonic()
        try:
            answer = await self.client.post("/graphql", headers=headers, json=body)
        except httpx.TransportError as error:
            self._fail(name, type(error).__name__)
            return {}
        self.tally.latencies.append(time.monotonic() - sent)
        codes = wrong_in(name, answer)
        self._fail(name, *codes)
        return {} if codes else answer.json()["data"]

    def _operation(self, name: str) -> tuple[str, dict[str, Any]]:
        if name in QUERIES:
            return QUERIES[name][1], {"code": self.code}
        self.orders += 1
        house = {"building": 1, "unit": 1, "floor": 1, "room": 101}
        given = {"communityCode": self.code, "title": f"{self.name} {self.orders}", "amount": "1.00"}
        return MUTATIONS[name], {
            "input": {**given, "payer": {"house": house}, "idempotencyKey": f"{self.name}-{self.orders}"}
        }

    def _hear(self, topic: str, payload: Mapping[str, Any]) -> None:
        self._fail(topic, *_codes(payload.get("errors", ())))
        if event := (payload.get("data") or {}).get(topic):
            self.cursors[topic] = event["cursor"]
            self.tally.events += 1
            self.tally.missed += event["missed"]
            if review := event.get("shenhe"):
                self.tally.hear(self.name, int(review["platformId"]))

    def _fail(self, name: str, *codes: str) -> None:
        self.tally.failures.update(f"{name} {code}" for code in codes)


def _codes(errors: Any) -> list[str]:
    return [error["extensions"]["code"] for error in errors or ()]
