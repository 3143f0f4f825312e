"""Clerks at their desks: each follows the reviews and repairs of one community, and asks about it now and then."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from followers import Follower
from sender import MUTATIONS, QUERIES, Failure, wrong_in

TOPICS = {"shenheEvents": "shenhe", "repairEvents": "repair"}
WEIGHTS = {name: weight for name, (weight, _) in QUERIES.items()} | {"CreateOrder": 3}


@dataclass
class Tally:
    """What the clerks saw. `latencies`: seconds from sending to the answer; `lateness`: from a decision at the platform
    to its event, for each clerk; `decided`: when each review was, and which clerks are yet to hear of it.
    """

    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    decided: dict[int, tuple[float, set[str]]] = field(default_factory=dict)

    def fail(self, failure: Failure) -> None:
        self.failures.update(f"{failure.name} {code}" for code in failure.codes)

    def hear(self, clerk: str, number: int) -> None:
        at, waiting = self.decided.get(number, (0.0, set()))
        if clerk in waiting:
            waiting.remove(clerk)
            self.lateness.append(time.monotonic() - at)


class Clerk:
    """`client` is one that all of an office share; `options` are those of the clerk's WebSocket."""

    def __init__(
        self, name: str, code: str, token: str, client: httpx.AsyncClient, tally: Tally, **options: Any
    ) -> None:
        self.name, self.code = name, code
        self._headers = {"authorization": f"Bearer {token}"}
        self._client, self._tally, self._orders = client, tally, 0
        topics = {
            topic: f'subscription ($after: String) {{ {topic}(communityCode: "{code}", after: $after) {{'
            f" cursor missed kind {record} {{ platformId }} }} }}"
            for topic, record in TOPICS.items()
        }
        self.follower = Follower(str(client.base_url), token, topics, tally.fail, self._hear, **options)

    async def work(self, pause: float) -> None:
        """Send a request every `pause` seconds on average. Ends only by cancellation."""
        while True:
            await asyncio.sleep(random.expovariate(1 / pause))
            [name] = random.choices([*WEIGHTS], [*WEIGHTS.values()])
            await self.ask(name, *self._operation(name))

    async def ask(self, name: str, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Its data, empty if it failed, which is counted."""
        self._tally.requests += 1
        sent = time.monotonic()
        try:
            answer = await self._client.post(
                "/graphql", headers=self._headers, json={"query": document, "variables": variables}
            )
            codes = wrong_in(name, answer)
        except httpx.TransportError as error:
            codes = [type(error).__name__]
        now = time.monotonic()
        self._tally.latencies.append(now - sent)
        self._tally.fail(Failure(name, sent, now, codes))
        return {} if codes else answer.json()["data"]

    def _operation(self, name: str) -> tuple[str, dict[str, Any]]:
        if name in QUERIES:
            return QUERIES[name][1], {"code": self.code}
        self._orders += 1
        order = {
            "communityCode": self.code,
            "title": f"{self.name} {self._orders}",
            "amount": "1.00",
            "payer": {"house": {"building": 1, "unit": 1, "floor": 1, "room": 101}},
            "idempotencyKey": f"{self.name}-{self._orders}",
        }
        return MUTATIONS[name], {"input": order}

    def _hear(self, topic: str, event: Mapping[str, Any]) -> None:
        if topic == "shenheEvents" and (review := event["shenhe"]):
            self._tally.hear(self.name, int(review["platformId"]))
