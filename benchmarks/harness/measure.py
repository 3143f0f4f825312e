"""What is measured, and how: rounds in which the servers take turns, so that the machine's drift meets them alike."""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from load import Load, ask, post, run
from servers import Sandbox, Server

from gateway.sandbox.seed.community import FIRST_MADE

QUERIES = {
    "list": "20 orders from one call",
    "typed_list": "20 reviews with nested content parsed and typed, one call",
    "fan_out": "20 orders with the owners of 10 distinct houses, 11 calls",
}

COMMUNITY = "10002"
SAME = (COMMUNITY,)
"""What is asked for, in turn: the same every time."""

DIVERSE = tuple(str(FIRST_MADE + number) for number in range(1000))
"""A thousand communities, each with a page of orders and of reviews of its own."""

PATH = "/graphql"

Document = str


class DifferentAnswersError(Exception):
    """The servers do not do the same work. The message says where their data differ."""


def document(name: str) -> Document:
    return (Path(__file__).parent / "queries" / f"{name}.graphql").read_text()


def requests(server: Server, query: Document, callers: int, communities: Sequence[str] = SAME) -> list[Iterator[bytes]]:
    """The requests of each caller, without end. The callers together ask for the communities in turn."""
    bodies = cycle(
        [json.dumps({"query": query, "variables": {"communityCode": code}}).encode() for code in communities]
    )
    return [map(partial(post, PATH, headers=headers), bodies) for headers in server.callers[:callers]]


@dataclass(frozen=True)
class Measured:
    """The rounds of one server, one query and one number of callers. `calls` is upstream, per request."""

    rounds: Sequence[Load]
    calls: float

    @property
    def cpu(self) -> float:
        """Microseconds of CPU per request."""
        return statistics.median(load.cpu for load in self.rounds)

    @property
    def least(self) -> float:
        """The CPU of the best round: what is left of it when nothing else disturbs the machine's caches."""
        return min(load.cpu for load in self.rounds)

    @property
    def rate(self) -> float:
        """Requests per second, with the platforms and the load generator on the same machine."""
        return statistics.median(load.rate for load in self.rounds)

    def latency(self, percent: int) -> float:
        return statistics.median(load.latency(percent) for load in self.rounds)


async def warm_up(servers: Sequence[Server], query: Document, count: int, communities: Sequence[str] = SAME) -> None:
    """Until plans are made, compilers have optimised, connections are open and caches full."""
    for server in servers:
        await run(server.port, server.pid, requests(server, query, len(server.callers), communities), count)


async def compare(
    servers: Sequence[Server],
    platforms: Sandbox,
    query: Document,
    callers: int,
    rounds: int,
    count: int,
    communities: Sequence[str] = SAME,
) -> dict[str, Measured]:
    """Measure all servers with one query, `rounds` times: A B C, C B A, A B C ..."""
    sending = {server.name: requests(server, query, callers, communities) for server in servers}
    loads: dict[str, list[Load]] = {server.name: [] for server in servers}
    calls = {}
    for server in servers:
        platforms.forget_calls()
        await run(server.port, server.pid, sending[server.name], 10 * callers)
        calls[server.name] = platforms.calls() / (10 * callers)
    for number in range(rounds):
        for server in servers if number % 2 == 0 else reversed(servers):
            loads[server.name].append(await run(server.port, server.pid, sending[server.name], count))
    return {name: Measured(rounds, calls[name]) for name, rounds in loads.items()}


def ratio(measured: Measured, other: Measured) -> float:
    """Of CPU, the median of the rounds' own ratios: both had the same machine in each."""
    return statistics.median(
        load.cpu / against.cpu for load, against in zip(measured.rounds, other.rounds, strict=True)
    )


async def check_same_answers(
    servers: Sequence[Server], query: Document, communities: Sequence[str] = SAME, earlier: str = ""
) -> None:
    """Three times in a row, so that plans and compiled queries answer too. Raises DifferentAnswersError.

    What an `earlier` gateway answers otherwise is printed: a release may change answers.
    """
    printed = set()
    sending = {server.name: requests(server, query, 1, communities)[0] for server in servers}
    for _ in range(3):
        answers = {}
        for server in servers:
            answer = json.loads(await ask(server.port, next(sending[server.name])))
            if "errors" in answer:
                raise DifferentAnswersError(f"{server.name}: {answer['errors']}")
            answers[server.name] = answer["data"]
        (first, expected), *others = answers.items()
        for name, data in others:
            for place in _differences(expected, data):
                if name != earlier:
                    raise DifferentAnswersError(f"{first} and {name} differ at {place}")
                printed.add(place)
    for place in sorted(printed):
        print(f"{earlier} differs at {place}", flush=True)


def _differences(one: Any, other: Any, place: str = "data") -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        for key in one:
            yield from _differences(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differences(left, right, f"{place}[{index}]")
    elif type(one) is not type(other) or one != other:
        yield f"{place}: {one!r}, {other!r}"


async def first_sights(server: Server, query: Document, documents: int) -> list[tuple[float, float]]:
    """CPU and latency of the first, second and third request of documents never seen before, in milliseconds."""
    body = [
        json.dumps({"query": f"{query}# {server.name} {number}", "variables": {"communityCode": COMMUNITY}}).encode()
        for number in range(documents)
    ]
    sending = [cycle([post(PATH, text, server.callers[0]) for text in body])]
    sights = []
    for _ in range(3):
        load = await run(server.port, server.pid, sending, documents)
        sights.append((load.cpu / 1e3, load.latency(50)))
    return sights
