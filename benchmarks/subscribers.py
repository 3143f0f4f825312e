#!/usr/bin/env -S .venv/bin/python
"""Subscribers on one gateway: the platform calls they cause, its memory and its CPU, and how soon an event comes.

    benchmarks/subscribers.py [--subscribers 100,10000] [--communities 100] [--interval 5] [--intervals 3]

The gateway is a process of its own, the sandbox and the subscribers are in this one, on real WebSockets.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts" / "kill_harness"))

from processes import GatewayProcess, Usage
from websockets import ClientConnection, Subprotocol, connect

from gateway.auth.issuer import DevelopmentIssuer
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import load_settings

PER_SOCKET = 100
QUERY = "subscription ($code: ID!) { shenheEvents(communityCode: $code) { kind shenhe { platformId status } } }"
PENDING = 2


async def open_sockets(stack: AsyncExitStack, url: str, token: str, codes: list[str]) -> list[ClientConnection]:
    """A subscription for each code, `PER_SOCKET` of them on each socket."""
    sockets = []
    for begin in range(0, len(codes), PER_SOCKET):
        address = f"{url.replace('http', 'ws', 1)}/graphql"
        connection = connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None, max_queue=None)
        socket = await stack.enter_async_context(connection)
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
        await socket.recv()
        for number, code in enumerate(codes[begin : begin + PER_SOCKET]):
            payload = {"query": QUERY, "variables": {"code": code}}
            await socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": payload}))
        sockets.append(socket)
    return sockets


async def receive(sockets: list[ClientConnection], count: int) -> int:
    """Until so many events have come; the number of those that name a review."""
    received = 0

    async def read(socket: ClientConnection) -> None:
        nonlocal received
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "next" and message["payload"]["data"]["shenheEvents"]["shenhe"]:
                received += 1
                if received >= count:
                    done.set()

    done = asyncio.Event()
    tasks = [asyncio.create_task(read(socket)) for socket in sockets]
    try:
        async with asyncio.timeout(60):
            await done.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return received


async def measure(subscribers: int, communities: int, interval: float, intervals: int) -> None:
    async with Sandbox(SandboxOptions(made_communities=communities)) as sandbox, AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        environ = {
            **sandbox.settings(),
            "GATEWAY_DATA_DIR": directory,
            "GATEWAY_WATCH_INTERVAL": str(interval),
            "GATEWAY_MAX_SUBSCRIPTIONS": str(PER_SOCKET),
        }
        gateway = GatewayProcess(environ, Path(directory) / "log")
        await gateway.start()
        try:
            token = DevelopmentIssuer.open(load_settings(environ)).mint(["*"], ["*"], "developer", 24 * 3600)
            codes = list(sandbox.world.shenhes_of)[-communities:]
            empty = Usage(gateway.pid)
            begun = perf_counter()
            wanted = [codes[number % communities] for number in range(subscribers)]
            sockets = await open_sockets(stack, gateway.url, token, wanted)
            while sandbox.count("WJDH", "shenheList") < communities:  # each list has its first poll
                await asyncio.sleep(0.1)
            await asyncio.sleep(2 * interval)
            opened, took = Usage(gateway.pid), perf_counter() - begun
            sandbox.reset_calls()
            await asyncio.sleep(intervals * interval)
            calls, idle = sandbox.count("WJDH", "shenheList"), Usage(gateway.pid)
            listed = sandbox.world.shenhes_of[codes[0]]
            review = replace(next(row for row in listed if row.status == PENDING), id=10_000_000)
            sandbox.world.shenhes[review.id] = review
            concerned = wanted.count(codes[0])
            listed.append(review)
            sandbox.reset_calls()
            begun = perf_counter()
            await receive(sockets, concerned)
            until_all = perf_counter() - begun
            spent = Usage(gateway.pid)
            print(
                f"{subscribers} subscribers of {communities} communities: "
                f"{calls / intervals:.1f} list calls an interval; "
                f"{opened.memory:.0f} MiB ({(opened.memory - empty.memory) * 1024 / subscribers:.1f} KiB each), "
                f"{took:.0f} s to open them with {opened.cpu - empty.cpu:.1f} s of CPU; "
                f"while nothing happens {100 * (idle.cpu - opened.cpu) / (intervals * interval):.1f} % of a core; "
                f"an event for {concerned}: all have it after {until_all:.2f} s (a poll each {interval:g} s), "
                f"{sandbox.count('WJDH', 'shenhe')} reads of the record, {1000 * (spent.cpu - idle.cpu):.0f} ms of CPU"
            )
        finally:
            await gateway.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", default="100,10000")
    parser.add_argument("--communities", type=int, default=100)
    parser.add_argument("--interval", type=float, default=5.0)
    parser.add_argument("--intervals", type=int, default=3)
    options = parser.parse_args()
    for subscribers in map(int, options.subscribers.split(",")):
        asyncio.run(measure(subscribers, options.communities, options.interval, options.intervals))


if __name__ == "__main__":
    main()
