#!/usr/bin/env -S .venv/bin/python
"""CPU that access control, limits, masking and metrics cost a request: each measured with and without, in one process.

    benchmarks/guards.py [--requests 100] [--rounds 60]

The whole application answers, without sockets and with all upstream answers cached, so that what is left is the
gateway's own work. A guard is left out by putting in its place what does nothing. Both sides take turns, round by
round, and the least of each counts. Prints microseconds of CPU per request for the benchmark's list and typed list.
"""

import argparse
import asyncio
import json
import math
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import uvloop

sys.path.insert(0, str(Path(__file__).parent / "harness"))

from measure import COMMUNITY, PATH, document
from servers import ALL_CACHED, UNLIMITED

from gateway.actions.audit import AuditTrail
from gateway.app import create_app
from gateway.auth.authenticator import Authenticator
from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.keys import FixedKeys, KeySet
from gateway.auth.principal import Principal, Scope
from gateway.auth.rate import RateLimiter
from gateway.auth.tokens import Trusted
from gateway.execution import documents
from gateway.execution.intake import Admitted, Intake
from gateway.execution.limits import Limits
from gateway.http import parameters
from gateway.http.request_metrics import RequestMetrics
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import Settings, load_settings
from schema.build import executable_schema, get_cost

QUERIES = {name: document(name) for name in ("list", "typed_list")}

PAUSE = 0.002
"""Seconds before each round, for what is done beside the requests."""

MASKED = set(Scope) - {Scope.PII_READ}
REVEALING = set(Scope)


class Guard(NamedTuple):
    """`without` leaves it out while it is open. `scopes` are the caller's with it, and `scopes_without` without it."""

    name: str
    without: Callable[[Principal], Any] = lambda _caller: nullcontext()
    scopes: set[Scope] = MASKED
    scopes_without: set[Scope] = MASKED
    both: Callable[[Principal], Any] = lambda _caller: nullcontext()
    """What is left out on both sides."""


def unaudited(_caller: Principal) -> Any:
    return patch.object(AuditTrail, "reveal", lambda *_: None)


def unverified(caller: Principal) -> Any:
    keys = KeySet(())
    return patch.object(Authenticator, "cached", lambda *_: Trusted(caller, math.inf, keys, FixedKeys(keys)))


def uncosted(_caller: Principal) -> Any:
    def admit(self: Intake, asked: Any) -> Admitted:
        return self._documents.prepare(asked.query, asked.operation_name), None

    return patch.object(Intake, "admit", admit)


@contextmanager
def unguarded(caller: Principal) -> Iterator[None]:
    with (
        unverified(caller),
        patch.object(RateLimiter, "check", lambda *_: None),
        patch.object(parameters, "_UNIQUE_MEMBERS", json.JSONDecoder()),
        uncosted(caller),
    ):
        yield


def uncounted(_caller: Principal) -> Any:
    return patch.object(RequestMetrics, "record", lambda *_: None)


GUARDS = (
    Guard("token: known", unverified),
    Guard("rate: counted, and told in headers", lambda _: patch.object(RateLimiter, "check", lambda *_: None)),
    Guard("cost: weighed, and told", uncosted),
    Guard("all of these", unguarded),
    Guard("masking", scopes=MASKED, scopes_without=REVEALING, both=unaudited),
    Guard("record of reveals", unaudited, scopes=REVEALING, scopes_without=REVEALING),
    Guard("metrics: counted", uncounted),
)


class Caller:
    """Asks one query again and again, by ASGI alone."""

    def __init__(self, app: Any, query: str, token: str) -> None:
        self._app = app
        self._body = json.dumps({"query": query, "variables": {"communityCode": COMMUNITY}}).encode()
        self._scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": PATH,
            "query_string": b"",
            "headers": [
                (b"host", b"127.0.0.1"),
                (b"content-type", b"application/json"),
                (b"authorization", b"Bearer " + token.encode()),
                (b"content-length", b"%d" % len(self._body)),
            ],
        }

    async def ask(self) -> bytes:
        parts: list[bytes] = []

        bodies = iter((self._body,))

        async def receive() -> dict[str, Any]:
            for body in bodies:
                return {"type": "http.request", "body": body, "more_body": False}
            return await asyncio.get_running_loop().create_future()  # the client stays

        async def send(message: dict[str, Any]) -> None:
            parts.append(message.get("body", b""))

        await self._app(dict(self._scope), receive, send)
        return b"".join(parts)

    async def cpu(self, requests: int) -> float:
        """Microseconds per request."""
        await asyncio.sleep(PAUSE)
        begun = time.process_time()
        for _ in range(requests):
            await self.ask()
        return (time.process_time() - begun) / requests * 1e6


@asynccontextmanager
async def started(app: Any) -> AsyncIterator[None]:
    """The application, from its start to its end (ASGI, "Lifespan Protocol")."""
    asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    said: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    running = asyncio.create_task(
        app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, asked.get, said.put)
    )
    await asked.put({"type": "lifespan.startup"})
    message = await said.get()
    if message["type"] != "lifespan.startup.complete":
        raise RuntimeError(message)
    yield
    await asked.put({"type": "lifespan.shutdown"})
    await running


def principal(scopes: set[Scope]) -> Principal:
    return Principal("bench", frozenset(scopes), None, time.time() + 3600)


async def measure(app: Any, settings: Settings, requests: int, rounds: int) -> list[tuple[str, ...]]:
    issuer = DevelopmentIssuer.open(settings)
    rows: list[tuple[str, ...]] = []
    for guard in GUARDS:
        cells = []
        for query in QUERIES.values():
            sides = {True: guard.scopes, False: guard.scopes_without}
            callers = {
                on: Caller(app, query, issuer.mint(scopes, ["*"], "bench", 3600)) for on, scopes in sides.items()
            }
            least = dict.fromkeys(sides, float("inf"))
            for number in range(rounds):
                for on in (True, False) if number % 2 else (False, True):
                    caller = principal(sides[on])
                    with guard.both(caller), nullcontext() if on else guard.without(caller):
                        least[on] = min(least[on], await callers[on].cpu(requests))
            cells += [f"{least[True]:.1f}", f"{least[False]:.1f}", f"{least[True] - least[False]:.1f}"]
        rows.append((guard.name, *cells))
    return rows


def first_sight(rounds: int) -> list[tuple[str, ...]]:
    """Of a document seen for the first time: with its limits checked and its cost weighed, and without."""
    schema = executable_schema()
    bounds = Limits(tokens=2000, depth=15, aliases=30, root_fields=20, directives=50)
    cells: dict[str, list[str]] = {"a new document: limits": [], "a new document: cost": []}
    for query in QUERIES.values():
        for name, without in zip(cells, ("check_limits", "get_cost"), strict=True):
            least = {True: float("inf"), False: float("inf")}
            for number in range(rounds * 20):
                on = number % 2 == 0
                cost = None if not on and without == "get_cost" else get_cost
                skipping = (
                    nullcontext() if on or cost is None else patch.object(documents, "check_limits", lambda *_: None)
                )
                fresh = documents.Documents(schema, bounds, 8, get_cost=cost)
                with skipping:
                    least[on] = min(least[on], timed(partial(fresh.prepare, query)))
            cells[name] += [f"{least[True]:.1f}", f"{least[False]:.1f}", f"{least[True] - least[False]:.1f}"]
    return [(name, *its) for name, its in cells.items()]


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e6


async def main(requests: int, rounds: int) -> None:
    with TemporaryDirectory() as directory:
        async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED)) as sandbox:
            settings = load_settings({**sandbox.settings(), **ALL_CACHED, **UNLIMITED, "GATEWAY_DATA_DIR": directory})
            app = create_app(settings)
            async with started(app):
                rows = [*await measure(app, settings, requests, rounds), *first_sight(rounds)]
    print("| CPU, µs per request | list: with | without | costs | typed list: with | without | costs |")
    print("|:--|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    uvloop.run(main(arguments.requests, arguments.rounds))
