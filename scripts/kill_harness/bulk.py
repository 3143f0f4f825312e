"""A gateway killed in the middle of a hundred orders, again and again: what each entry says held against its effects.

Nobody waits three minutes for what the kill left unresolved: while the gateway is down, the operations of the journal
are made an hour older.
"""

import asyncio
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from processes import PAUSE, GatewayProcess, Platforms
from verdict import BrokenPromiseError

ENTRIES = 100
HOUSES = [(building, unit, floor) for building in (1, 2) for unit in (1, 2) for floor in (1, 2, 3)]
SLOW = "0.02"
"""Seconds that an order takes, so that a kill meets entries at every step."""

RESOLVE_TIMEOUT = 60.0
REPEATS = 20

CREATE = """
mutation Create($input: CreateOrdersInput!) {
  createOrders(input: $input) { results { outcome userErrors { code } orderNumber } }
}
"""
OPERATIONS = "{ operations(first: 100) { nodes { outcome idempotencyKey } } }"

_AGED = ("started_at", "sent_at", "unknown_at", "check_at")
_UNRESOLVED = "state IN ('RESERVED', 'SENT', 'UNKNOWN')"
_AGE_SQLITE = f"""
UPDATE operations SET {", ".join(f"{name} = strftime('%Y-%m-%d %H:%M:%f000Z', {name}, '-1 hour')" for name in _AGED)}
WHERE {_UNRESOLVED}
"""  # noqa: S608 # made of the names above
_AGE_POSTGRESQL = f"""
UPDATE operations SET {", ".join(f"{name} = {name} - interval '1 hour'" for name in _AGED)} WHERE {_UNRESOLVED}
"""  # noqa: S608 # made of the names above

Results = list[tuple[str, str]]
"""Of each entry the outcome, and the code of its error or nothing."""


class BulkKills:
    """Runs on one gateway and sandbox. `counts` says how many entries ended how, `interrupted` how many requests were
    killed between the first order and the last. `takes`: seconds of the last request that was not, within which the
    next one is killed.
    """

    def __init__(self, gateway: GatewayProcess, platforms: Platforms, settings: Mapping[str, str]) -> None:
        self.counts: Counter[str] = Counter()
        self.interrupted = 0
        self.takes = 0.0
        self._gateway = gateway
        self._platforms = platforms
        self._data_dir = Path(settings["GATEWAY_DATA_DIR"])
        self._database_url = settings.get("GATEWAY_DATABASE_URL", "")

    async def measure(self) -> None:
        """How long the entries take when nobody is killed."""
        await self._platforms.delay_orders(SLOW)
        async with self._gateway.client() as client:
            began = time.monotonic()
            results = await create(client, bill("measured"))
            self.takes = time.monotonic() - began
        check(results, await self._effects("measured"))

    async def run(self, name: str) -> None:
        """Kill it at a random moment, start it again, repeat the request. Raises BrokenPromiseError."""
        given = bill(name)
        await self._create_and_kill(given, random.uniform(0, self.takes * 1.1))
        before = await self._effects(name)
        self.interrupted += 0 < before.total() < ENTRIES
        self.counts["done before the kill"] += before.total()
        await self._age()
        await self._gateway.start()
        async with self._gateway.client() as client:
            resolved = await self._resolved(client, given["idempotencyKey"])
            check(resolved, await self._effects(name))
            results = await repeat(client, given)
            effects = await self._effects(name)
            check(results, effects)
            self._count(results, resolved)
            again = [number for number, (outcome, _) in enumerate(results) if outcome == "REFUSED"]
            if again:
                part = {"orders": [given["orders"][number] for number in again], "idempotencyKey": f"{name} again"}
                for number, result in zip(again, await repeat(client, given | part), strict=True):
                    results[number] = result
            check(results, effects := await self._effects(name))
        if effects.total() != ENTRIES or {outcome for outcome, _ in results} != {"CONFIRMED"}:
            raise BrokenPromiseError(f"the repeat left {ENTRIES - effects.total()} entries undone")
        await self._platforms.reset()
        await asyncio.sleep(1.0 - time.time() % 1.0)  # or an order would have the number of one from before the reset
        await self._platforms.delay_orders(SLOW)

    def _count(self, results: Results, resolved: Results) -> None:
        for (outcome, _), (earlier, _) in zip(results, resolved, strict=True):
            self.counts[f"{outcome} by the repeat" if earlier == "" else f"{earlier} after the restart"] += 1

    async def _create_and_kill(self, given: Mapping[str, Any], delay: float) -> None:
        async with self._gateway.client() as client:
            began = time.monotonic()
            creating = asyncio.create_task(create(client, given))
            await asyncio.wait({creating}, timeout=delay)
            if creating.done():
                self.takes = time.monotonic() - began
            await self._gateway.kill()
            (outcome,) = await asyncio.gather(creating, return_exceptions=True)
        if isinstance(outcome, list):
            check(outcome, await self._effects(str(given["title"])))
        elif not isinstance(outcome, httpx.TransportError):
            raise BrokenPromiseError(f"the request ended with {outcome!r}")

    async def _age(self) -> None:
        if self._database_url:
            connection = await asyncpg.connect(self._database_url)
            try:
                await connection.execute(_AGE_POSTGRESQL)
            finally:
                await connection.close()
            return
        with sqlite3.connect(self._data_dir / "journal.sqlite3") as journal:
            journal.execute(_AGE_SQLITE)
        journal.close()

    async def _resolved(self, client: httpx.AsyncClient, key: str) -> Results:
        """What the journal says of each entry once nothing is unclear; nothing of one that was not begun."""
        async with asyncio.timeout(RESOLVE_TIMEOUT):
            while True:
                nodes = (await ask(client, OPERATIONS))["operations"]["nodes"]
                outcomes = {node["idempotencyKey"]: node["outcome"] for node in nodes}
                if not {None, "UNKNOWN"} & set(outcomes.values()):
                    return [(outcomes.get(f"{key}·{number}", ""), "") for number in range(ENTRIES)]
                await asyncio.sleep(PAUSE)

    async def _effects(self, name: str) -> Counter[int]:
        """How often each entry of a run was carried out."""
        forms = await self._platforms.forms("order/new")
        return Counter(int(form["remark"]) for form in forms if form["title"] == name)


def bill(name: str) -> dict[str, Any]:
    """The input of a run: orders that no others are equal to, each with its place as its remark."""
    return {
        "communityCode": "10002",
        "title": name,
        "idempotencyKey": name,
        "orders": list(map(_order, range(ENTRIES))),
    }


def _order(number: int) -> dict[str, Any]:
    building, unit, floor = HOUSES[number % len(HOUSES)]
    house = {"building": building, "unit": unit, "floor": floor, "room": floor * 100 + 1}
    return {"payer": {"house": house}, "amount": f"{number + 1}.00", "remark": str(number)}


async def repeat(client: httpx.AsyncClient, given: Mapping[str, Any]) -> Results:
    """Send the request until every entry was sent."""
    for _ in range(REPEATS):
        results = await create(client, given)
        if not any(code in ("NOT_SENT", "UPSTREAM_UNAVAILABLE", "IDEMPOTENCY_IN_PROGRESS") for _, code in results):
            return results
    raise BrokenPromiseError("entries are not sent, however often the request is repeated")


async def create(client: httpx.AsyncClient, given: Mapping[str, Any]) -> Results:
    results = (await ask(client, CREATE, given))["createOrders"]["results"]
    return [(each["outcome"], each["userErrors"][0]["code"] if each["userErrors"] else "") for each in results]


async def ask(client: httpx.AsyncClient, query: str, given: Mapping[str, Any] | None = None) -> Any:
    body = (await client.post("/graphql", json={"query": query, "variables": {"input": given}})).json()
    if "errors" in body:
        raise BrokenPromiseError(f"the gateway answered {body['errors']}")
    return body["data"]


def check(results: Iterable[tuple[str, str]], effects: Counter[int]) -> None:
    """Each entry has the effects that its outcome says. Raises BrokenPromiseError."""
    allowed = {"CONFIRMED": {1}, "UNKNOWN": {0, 1}}
    for number, (outcome, code) in enumerate(results):
        if effects[number] not in allowed.get(outcome, {0}):
            raise BrokenPromiseError(
                f"entry {number} is {outcome or 'not begun'} {code}, with {effects[number]} effects"
            )
