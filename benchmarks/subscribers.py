#!/usr/bin/env -S .venv/bin/python
"""Subscribers to many lists: the polls they cause, how late polls and events are, and the gateways' CPU and memory.

    benchmarks/subscribers.py [--gateways 1] [--communities 1500] [--interval 15] [--latency 0.05] [--seconds 120]

Each gateway is a process of its own, with subscriptions to each list: the reviews and the repairs of each community.
The sandbox and the subscribers are in this process, on real WebSockets. One gateway has SQLite; several share a new
database of GATEWAY_TEST_DATABASE_URL. Half of the changes are in ten busy communities. Measured after `--warm-up`: each
list is new at first, and so they all go first.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections import defaultdict, deque
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts" / "kill_harness"))

from processes import GatewayProcess, Usage
from throw_away import database
from websockets import Subprotocol, connect

from gateway.auth.issuer import DevelopmentIssuer
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import load_settings

PER_SUBSCRIPTION = 10
ENDPOINTS = {"shenheList": "community_identifier", "repair/list": "xiaoqu"}
QUERIES = (
    "subscription ($codes: [ID!]) { shenheEvents(communityCodes: $codes) { kind shenhe { platformId status } } }",
    "subscription ($codes: [ID!]) { repairEvents(communityCodes: $codes) { kind } }",
)
PENDING = 2
BUSY = 10


class Changes:
    """New reviews at the platform: when each was made, and how long it took until the first subscriber had it."""

    def __init__(self, sandbox: Sandbox, codes: list[str]) -> None:
        self.delays: dict[bool, list[float]] = {True: [], False: []}
        self.waiting: dict[int, tuple[float, bool]] = {}
        self._sandbox, self.codes, self._chance = sandbox, codes, random.Random(1)

    def make(self) -> None:
        is_busy = self._chance.random() < 0.5
        listed = self._sandbox.world.shenhes_of[self._chance.choice(self.codes[:BUSY] if is_busy else self.codes)]
        number = 10_000_000 + len(self.waiting) + sum(map(len, self.delays.values()))
        review = replace(next(row for row in listed if row.status == PENDING), id=number)
        self._sandbox.world.shenhes[number] = review
        listed.append(review)
        self.waiting[number] = perf_counter(), is_busy

    async def follow(self, url: str, token: str) -> None:
        """Subscribe to each list, to those of `PER_SUBSCRIPTION` communities at once, on one socket."""
        parts = [self.codes[begin : begin + PER_SUBSCRIPTION] for begin in range(0, len(self.codes), PER_SUBSCRIPTION)]
        wanted = [{"query": query, "variables": {"codes": part}} for part in parts for query in QUERIES]
        address, protocol = f"{url.replace('http', 'ws', 1)}/graphql", Subprotocol("graphql-transport-ws")
        async with connect(address, subprotocols=[protocol], proxy=None, max_queue=None) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
            await socket.recv()
            failed = deque(range(len(wanted)))
            while True:
                while failed:  # again, as a client would: the journal of a busy machine may be late
                    number = failed.popleft()
                    await socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": wanted[number]}))
                message = json.loads(await socket.recv())
                if message["type"] == "error":
                    failed.append(int(message["id"]))
                    continue
                [event] = message["payload"]["data"].values()
                if (review := event.get("shenhe")) and (found := self.waiting.pop(review["platformId"], None)):
                    self.delays[found[1]].append(perf_counter() - found[0])


def summary(values: list[float]) -> str:
    ordered = sorted(values) or [float("nan")]
    p50, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    return f"p50 {p50:.1f} s, p99 {p99:.1f} s, max {ordered[-1]:.1f} s"


async def bound(gateway: GatewayProcess) -> float:
    """What the gateway says that the lateness stays within."""
    async with gateway.client() as client:
        text = (await client.get("/metrics")).text
    return float(text.partition("\ngateway_watch_lateness_bound_seconds ")[2].split()[0])


async def measure(options: argparse.Namespace) -> None:
    sandbox = Sandbox(SandboxOptions(made_communities=options.communities))
    async with sandbox, asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        common = {
            **sandbox.settings(),
            "GATEWAY_ID_KEY": "k" * 32,
            "GATEWAY_WATCH_INTERVAL": str(options.interval),
            "GATEWAY_MAX_SUBSCRIPTIONS": "1000",
        }
        if options.gateways > 1:
            common["GATEWAY_DATABASE_URL"] = await stack.enter_async_context(database())
        gateways, changes = [], Changes(sandbox, list(sandbox.world.shenhes_of)[-options.communities :])
        for endpoint in ENDPOINTS:
            sandbox.faults.set("WJDH", endpoint, Fault(FaultKind.LATENCY, seconds=options.latency))
        for _ in range(options.gateways):
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            environ = {**common, "GATEWAY_DATA_DIR": directory}
            gateways.append(GatewayProcess(environ, Path(directory) / "log"))
            await gateways[-1].start()
            stack.push_async_callback(gateways[-1].kill)
            token = DevelopmentIssuer.open(load_settings(environ)).mint(["*"], ["*"], "developer", 24 * 3600)
            stack.callback(tasks.create_task(changes.follow(gateways[-1].url, token)).cancel)
        await asyncio.sleep(options.warm_up)
        polls: dict[tuple[str, str], list[float]] = defaultdict(list)
        before, begun = [Usage(gateway.pid) for gateway in gateways], perf_counter()
        sandbox.reset_calls()
        while perf_counter() - begun < options.seconds:
            changes.make()
            await asyncio.sleep(0.5)
            for call in sandbox.calls:
                if call.endpoint in ENDPOINTS:
                    polls[call.endpoint, call.form[ENDPOINTS[call.endpoint]]].append(call.at)
            sandbox.reset_calls()
        took, after = perf_counter() - begun, [Usage(each.pid) for each in gateways]
        limits = [await bound(gateway) for gateway in gateways]
        await asyncio.sleep(options.interval + max(limits))
        late = [max(0.0, b - a - options.interval) for times in polls.values() for a, b in pairwise(times)]
        print(
            f"{options.gateways} gateways: {sum(map(len, polls.values())) / took:.0f} polls a second of {len(polls)} "
            f"lists, late by {summary(late)} (bounds {limits}); an event comes after {summary(changes.delays[True])} "
            f"from a busy community, {summary(changes.delays[False])} from any; {len(changes.waiting)} missing; "
            f"CPU {[round(100 * (b.cpu - a.cpu) / took) for a, b in zip(before, after, strict=True)]} % of a core, "
            f"memory {[round(each.memory) for each in after]} MiB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--communities", type=int, default=1500)
    parser.add_argument("--interval", type=float, default=15.0)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--warm-up", type=float, default=360.0)
    parser.add_argument("--seconds", type=float, default=120.0)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
