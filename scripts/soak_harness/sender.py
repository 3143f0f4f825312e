"""The load: what callers ask for, what the resident platform notifies of, and what the answers must be."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import httpx

COMMUNITY = "10002"
CALLBACK = "callback"

QUERIES: Mapping[str, tuple[int, str]] = {
    "Orders": (
        40,
        """query Orders($code: ID!) { orders(communityCode: $code, first: 20) { totalCount nodes {
        number title feeType amount { yuan fen } paymentStatus status remark address } } }""",
    ),
    "OrdersWithOwners": (
        10,
        """query OrdersWithOwners($code: ID!) { orders(communityCode: $code, first: 20) { totalCount nodes {
        number title amount { yuan } house { address owner { phone role occupantType } } } } }""",
    ),
    "Reviews": (
        15,
        """query Reviews($code: ID!) { shenhes(communityCode: $code, first: 20) { totalCount nodes {
        id type status createdAt content { people { name phone idCard } house { building unit room role } } } } }""",
    ),
    "Repairs": (
        15,
        """query Repairs($code: ID!) { repairs(communityCode: $code, first: 20) { totalCount nodes {
        id status location description reply } } }""",
    ),
    "Payments": (4, "query Payments { payments(first: 20) { nodes { id orderNumber state receivedAt attempts } } }"),
    "Operations": (4, "query Operations { operations(first: 20) { nodes { id mutation outcome startedAt } } }"),
    "Viewer": (5, "query Viewer { viewer { subject scopes } }"),
}
"""By name: of a hundred requests how many, and the document."""

MUTATIONS = {
    name: f"mutation {name}($input: {name}Input!) {{ {field}(input: $input) {{ outcome userErrors {{ code }} }} }}"
    for name, field in (("UpdateRepair", "updateRepair"), ("CreateOrder", "createOrder"))
}
WEIGHTS = {name: weight for name, (weight, _) in QUERIES.items()} | {"UpdateRepair": 3, "CreateOrder": 1, CALLBACK: 3}

MOST_UNDER_WAY = 500
"""Requests; beyond it the load holds back, and reports how often."""

CALIBRATING = 16
"""Callers, each with one request at a time."""

ANSWER_TIMEOUT = 30.0
REPEAT_AFTER = 1.0
"""Seconds before a notification that was not acknowledged is sent again."""

TOKEN_SECONDS = 600
"""A callback token is good for an hour."""


class Failure(NamedTuple):
    """An answer that was not as it should be. `sent`, `answered`: times of the monotonic clock."""

    name: str
    sent: float
    answered: float
    codes: list[str]


class Load:
    """`acknowledged` are order numbers, `counts` all requests by name. `sent_again` counts those whose connection had
    been closed: as proxies and browsers do, they are sent once more.
    """

    def __init__(
        self, url: str, tokens: Sequence[str], credentials: Mapping[str, str], on_failure: Callable[[Failure], object]
    ) -> None:
        self.acknowledged: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.sent_again = 0
        limits = httpx.Limits(max_connections=None)
        self._client = httpx.AsyncClient(base_url=url, trust_env=False, timeout=ANSWER_TIMEOUT, limits=limits)
        self._tokens = tokens
        self._credentials = credentials
        self._on_failure = on_failure
        self._repair_ids: list[str] = []
        self._run = f"{random.getrandbits(32):x}"
        """Distinguishes its idempotency keys from those of another run."""
        self._numbers = count(1)
        self._callback_token = ""
        self._latencies: list[float] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def sign_in(self) -> None:
        self._callback_token = (await self._client.post("/callbacks/token", data=self._credentials)).json()["token"]

    async def calibrate(self, seconds: float) -> int:
        """Send as fast as answers come, from a few callers; how many requests that were."""
        listed = await self._operate(f'{{ repairs(communityCode: "{COMMUNITY}", first: 50) {{ nodes {{ id }} }} }}', {})
        self._repair_ids = [repair["id"] for repair in listed.json()["data"]["repairs"]["nodes"]]
        until = time.monotonic() + seconds

        async def ask() -> None:
            while time.monotonic() < until:
                await self._send_one()

        await asyncio.gather(*(ask() for _ in range(CALIBRATING)))
        return len(self.report())

    async def send_at(self, rate: float) -> None:
        """Send so many requests a second at random moments, whether answers come or not. Ends by cancellation."""
        due = signed_in = time.monotonic()
        while True:
            due += random.expovariate(rate)
            await asyncio.sleep(max(due - time.monotonic(), 0))
            if due > signed_in + TOKEN_SECONDS:
                signed_in = due
                self._start(self.sign_in())
            if len(self._under_way) < MOST_UNDER_WAY:
                self._start(self._send_one())
            else:
                self.counts["held back"] += 1

    async def end(self) -> None:
        """Wait until all is answered and acknowledged, and close the connections."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        await self._client.aclose()

    def report(self) -> list[float]:
        """The seconds that each request since the last report took, in their order."""
        latencies, self._latencies = sorted(self._latencies), []
        return latencies

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _send_one(self) -> None:
        [name] = random.choices([*WEIGHTS], [*WEIGHTS.values()])
        self.counts[name] += 1
        sent = time.monotonic()
        if name == CALLBACK:
            number = next(self._numbers)
            shop, weixin = f"1900{number:018}", f"42000008{number:020}"
            await self._notify({"order_number": f"{number:020}", "shop_number": shop, "weixin_number": weixin})
        else:
            try:
                answer = await self._operate(*self._operation(name))
                codes = wrong_in(name, answer)
            except httpx.TransportError as error:
                codes = [type(error).__name__]
            self._judge(name, sent, codes)
        self._latencies.append(time.monotonic() - sent)

    def _operation(self, name: str) -> tuple[str, dict[str, Any]]:
        """Its document and variables."""
        if name in QUERIES:
            return QUERIES[name][1], {"code": COMMUNITY}
        number = next(self._numbers)
        given: dict[str, Any] = {"idempotencyKey": f"{self._run}-{number}"}
        if name == "UpdateRepair":
            given |= {"id": random.choice(self._repair_ids), "status": "OPEN", "reply": f"已安排 {number}"}
        else:
            house = {"building": 1, "unit": 1, "floor": 1, "room": 101}
            given |= {"communityCode": COMMUNITY, "title": f"{self._run} {number}", "amount": "1.00"}
            given["payer"] = {"house": house}
        return MUTATIONS[name], {"input": given}

    async def _operate(self, document: str, variables: Mapping[str, Any]) -> httpx.Response:
        headers = {"authorization": f"Bearer {random.choice(self._tokens)}"}
        return await self._post("/graphql", headers=headers, json={"query": document, "variables": variables})

    async def _notify(self, payment: Mapping[str, str]) -> None:
        sent = time.monotonic()
        try:
            answer = await self._post("/callbacks/payment", data={**payment, "token": self._callback_token})
            code = answer.json()["code"] if answer.status_code == 200 else f"HTTP_{answer.status_code}"
        except httpx.TransportError as error:
            code = type(error).__name__
        if code == 0:
            self.acknowledged.add(payment["order_number"])
            return
        self._judge(CALLBACK, sent, [f"CODE_{code}"])
        self._start(self._notify_again(payment))

    async def _notify_again(self, payment: Mapping[str, str]) -> None:
        await asyncio.sleep(REPEAT_AFTER)
        await self._notify(payment)

    async def _post(self, path: str, **request: Any) -> httpx.Response:
        try:
            return await self._client.post(path, **request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            self.sent_again += 1
            return await self._client.post(path, **request)

    def _judge(self, name: str, sent: float, codes: list[str]) -> None:
        if codes:
            self._on_failure(Failure(name, sent, time.monotonic(), codes))


def percentile(ordered: Sequence[float], share: float) -> float:
    """What so large a share of these values does not exceed; 0 where there is none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def wrong_in(name: str, answer: httpx.Response) -> list[str]:
    """The codes of what is wrong with the answer to an operation; none: it is as it should be."""
    try:
        body = answer.json()
    except ValueError:
        return [f"HTTP_{answer.status_code}"]
    codes = [error["extensions"]["code"] for error in body.get("errors", ())]
    if codes or answer.status_code != 200:
        return codes or [f"HTTP_{answer.status_code}"]
    if name not in MUTATIONS:
        return []
    [payload] = body["data"].values()
    if payload["outcome"] == "CONFIRMED":
        return []
    return [error["code"] for error in payload["userErrors"]] or [payload["outcome"]]
