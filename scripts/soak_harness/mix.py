"""What callers ask for: the operations of the load, and what their answers must be."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

COMMUNITY = "10002"

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

UPDATE_REPAIR, CREATE_ORDER, CALLBACK = "UpdateRepair", "CreateOrder", "callback"
WRITES: Mapping[str, int] = {UPDATE_REPAIR: 3, CREATE_ORDER: 1, CALLBACK: 3}

PAYLOAD = "outcome userErrors { code }"
MUTATIONS = {
    name: f"mutation {name}($input: {name}Input!) {{ {field}(input: $input) {{ {PAYLOAD} }} }}"
    for name, field in ((UPDATE_REPAIR, "updateRepair"), (CREATE_ORDER, "createOrder"))
}

REPAIR_IDS = f'{{ repairs(communityCode: "{COMMUNITY}", first: 50) {{ nodes {{ id }} }} }}'


class Request(NamedTuple):
    name: str
    data: bytes


class Mix:
    """Makes the requests of the load. `run` distinguishes its idempotency keys from those of another."""

    def __init__(self, tokens: Sequence[str], repair_ids: Sequence[str], run: str) -> None:
        self._tokens = tokens
        self._repair_ids = repair_ids
        self._run = run
        self._numbers = count(1)
        weights = {name: weight for name, (weight, _) in QUERIES.items()} | WRITES
        self._names, self._weights = [*weights], [*weights.values()]
        self._queries = {
            name: [_post(document, {"code": COMMUNITY} if "$code" in document else {}, token) for token in tokens]
            for name, (_, document) in QUERIES.items()
        }
        self._inputs: Mapping[str, Callable[[int], dict[str, Any]]] = {
            UPDATE_REPAIR: self._repair,
            CREATE_ORDER: self._order,
        }

    def draw(self) -> Request:
        """The next; a callback has no data yet."""
        [name] = random.choices(self._names, self._weights)
        if name == CALLBACK:
            return Request(name, b"")
        if name in self._queries:
            return Request(name, random.choice(self._queries[name]))
        given = self._inputs[name](next(self._numbers))
        return Request(name, _post(MUTATIONS[name], {"input": given}, random.choice(self._tokens)))

    def _repair(self, number: int) -> dict[str, Any]:
        given = {"id": random.choice(self._repair_ids), "status": "OPEN", "reply": f"已安排 {number}"}
        return {**given, "idempotencyKey": f"{self._run}-{number}"}

    def _order(self, number: int) -> dict[str, Any]:
        house = {"building": 1, "unit": 1, "floor": 1, "room": 101}
        given = {"communityCode": COMMUNITY, "title": f"{self._run} {number}", "amount": "1.00"}
        return {**given, "payer": {"house": house}, "idempotencyKey": f"{self._run}-{number}"}


def wrong_in(name: str, status: int, body: bytes) -> list[str]:
    """The codes of what is wrong with the answer to an operation; none: it is as it should be."""
    try:
        answer = json.loads(body)
    except ValueError:
        return [f"HTTP_{status}"]
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    if codes or status != 200:
        return codes or [f"HTTP_{status}"]
    if name not in MUTATIONS:
        return []
    [payload] = answer["data"].values()
    if payload["outcome"] == "CONFIRMED":
        return []
    return [error["code"] for error in payload["userErrors"]] or [payload["outcome"]]


def _post(document: str, variables: Mapping[str, Any], token: str) -> bytes:
    body = json.dumps({"query": document, "variables": variables}).encode()
    lines = (
        "POST /graphql HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Authorization: Bearer {token}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
