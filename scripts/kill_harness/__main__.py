"""Kill gateways with -9 while payment notifications go through them, and count what became of each.

A gateway, a sandbox of both platforms and the resident platform that notifies it, each a process of its own. Ends with
1 unless every notification that was acknowledged was taken in by the security platform, exactly once. With --bulk a
gateway is killed while it creates orders, a hundred in one request: each has the effects that its outcome says, and a
repeat of the request completes them.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bulk import ENTRIES, BulkKills
from notifier import Notifier
from processes import GatewayProcess, Platforms, platforms
from replicas import Replicas
from steps import PLATFORM_TOKEN_STEPS, STEPS, Bench
from throw_away import database
from verdict import BrokenPromiseError, check, settle, until_marked

DURABILITY = {
    "sqlite": "WAL, synchronous=FULL: fsync at every commit, commits that wait share one",
    "postgresql": "synchronous_commit=on: the WAL is on disk at every commit",
}

QUICK = {"GATEWAY_CALL_TIMEOUT": "1", "GATEWAY_JOURNAL_TIMEOUT": "1.5"}
"""Deliveries that end soon, so that a lease, which is twice as long, does not outlive a killed gateway for long."""

MOST_ROUNDS = 20
"""How often everything that has no answer yet is sent again at the end."""

PLATFORM_TOKENS = {"GATEWAY_CALLBACK_ACCEPTS": "platform"}


@asynccontextmanager
async def journal(engine: str) -> AsyncIterator[dict[str, str]]:
    """The settings of an empty journal, and of data directories beside it."""
    with tempfile.TemporaryDirectory() as data_dir:
        common = {**QUICK, "GATEWAY_DATA_DIR": data_dir, "GATEWAY_ID_KEY": os.urandom(32).hex()}
        if engine == "sqlite":
            yield common
            return
        async with database() as url:
            yield {**common, "GATEWAY_DATABASE_URL": url}


async def kill_one(engine: str, options: argparse.Namespace) -> None:
    """One gateway, killed at each step in turn and started again."""
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(journal(engine))
        remote = await stack.enter_async_context(platforms())
        notifier = Notifier(remote.settings)
        planned = STEPS
        if options.platform_tokens:
            notifier = Notifier(remote.settings, remote.token_url)
            settings |= PLATFORM_TOKENS
            planned = PLATFORM_TOKEN_STEPS
        gateway = GatewayProcess({**remote.settings, **settings}, options.log)
        stack.push_async_callback(gateway.kill)
        bench = Bench(gateway, remote, notifier, settings.get("GATEWAY_DATABASE_URL", ""))
        steps: Counter[str] = Counter()
        calls, began = 0, time.monotonic()
        while gateway.kills < options.kills:
            step = planned[steps.total() % len(planned)]
            await gateway.start()
            await notifier.sign_in(gateway.port)
            await step(bench)
            steps[step.__name__] += 1
            await remote.clear_faults()
            calls += await remote.calls()
            await remote.forget_calls()
            print(f"{engine}: {gateway.kills} kills, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        await gateway.start()
        await notifier.sign_in(gateway.port)
        print(f"{engine} ({DURABILITY[engine]})")
        print(f"  kill -9: {gateway.kills}; " + ", ".join(f"{name} {n}" for name, n in steps.items()).replace("_", " "))
        await conclude(gateway, remote, notifier, calls)


async def kill_replicas(options: argparse.Namespace) -> None:
    """Several gateways on one PostgreSQL: one killed every few seconds, one stopped past its lease."""
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(journal("postgresql"))
        remote = await stack.enter_async_context(platforms())
        notifier = Notifier(remote.settings)
        notifier.allowed = {0, 2}
        gateways = [replica(number, remote, settings, options) for number in range(options.replicas)]
        for gateway in gateways:
            stack.push_async_callback(gateway.kill)
        replicas = Replicas(gateways, remote, notifier, settings["GATEWAY_DATABASE_URL"])
        await replicas.run(options.seconds)
        calls = await remote.calls()
        print(f"{options.replicas} gateways on one PostgreSQL ({DURABILITY['postgresql']}), {options.seconds:g} s")
        print(
            f"  kill -9: {replicas.kills}; stopped past the lease: {replicas.stops}, with {replicas.leases} leases in "
            "hand that others took over"
        )
        await conclude(gateways[0], remote, notifier, calls)


async def kill_bulk(engine: str, options: argparse.Namespace) -> None:
    """One gateway, killed within a request of a hundred writes and started again."""
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(journal(engine))
        remote = await stack.enter_async_context(platforms())
        gateway = GatewayProcess({**remote.settings, **settings}, options.log)
        stack.push_async_callback(gateway.kill)
        await gateway.start()
        bulk = BulkKills(gateway, remote, settings)
        await bulk.measure()
        began = time.monotonic()
        for number in range(options.bulk):
            await bulk.run(f"run {number}")
            print(f"{engine}: {number + 1} runs, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        print(f"{engine} ({DURABILITY[engine]})")
        print(
            f"  kill -9: {gateway.kills} in requests of {ENTRIES} orders that take {bulk.takes:.1f} s, "
            f"{bulk.interrupted} between the first order and the last"
        )
        print("  " + ", ".join(f"{name}: {count}" for name, count in sorted(bulk.counts.items())))
        print(f"  entries: {gateway.kills * ENTRIES}, each as its outcome says; after the repeat all done exactly once")


def replica(number: int, remote: Platforms, settings: Mapping[str, str], options: argparse.Namespace) -> GatewayProcess:
    data_dir = Path(settings["GATEWAY_DATA_DIR"]) / str(number)
    return GatewayProcess({**remote.settings, **settings, "GATEWAY_DATA_DIR": str(data_dir)}, options.log)


async def conclude(gateway: GatewayProcess, remote: Platforms, notifier: Notifier, calls: int) -> None:
    """Hold the promises against the effects, send again what had no answer, and print it all."""
    promised = set(notifier.acknowledged)
    await settle(remote, promised)
    marked = await until_marked(gateway)
    if promised - marked.keys():
        raise BrokenPromiseError(f"{len(promised - marked.keys())} acknowledged notifications are not in the journal")
    effects = await remote.effects()
    check(effects, notifier)
    calls += await remote.calls()
    print(
        f"  notifications: {len(notifier.posted)}, acknowledged: {len(promised)}, kept and killed before the answer: "
        f"{len(marked) - len(promised)}, neither kept nor acknowledged: {len(notifier.posted) - len(marked)}"
    )
    print(
        f"  acknowledged and taken in exactly once: {len(promised)} of {len(promised)}, lost: 0, doubled: 0; "
        f"calls that delivered them: {calls}"
    )
    if notifier.has_platform_tokens:
        print(f"  taken in, and not recorded before the kill: {len(effects.keys() - marked.keys())}")
    again = notifier.unacknowledged
    for _ in range(MOST_ROUNDS):  # a busy gateway answers 2: send it again
        await notifier.notify(gateway.port, notifier.unacknowledged)
        if not notifier.unacknowledged:
            break
    await settle(remote, notifier.acknowledged)
    effects = await remote.effects()
    check(effects, notifier)
    if len(effects) != len(notifier.posted):
        raise BrokenPromiseError("a notification that was sent again was not acknowledged")
    print(f"  the other {len(again)} sent again: all acknowledged, all {len(effects)} taken in exactly once")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/kill_test", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="for each engine (default: 200)")
    parser.add_argument("--engine", choices=list(DURABILITY), action="append", help="default: both")
    parser.add_argument("--replicas", type=int, default=0, help="so many gateways on one PostgreSQL instead of one")
    parser.add_argument("--seconds", type=float, default=60, help="with --replicas: how long (default: 60)")
    parser.add_argument("--bulk", type=int, default=0, help="so many kills within bulk writes instead, for each engine")
    parser.add_argument("--platform-tokens", action="store_true", help="notify with tokens of the security platform")
    parser.add_argument("--seed", type=int, default=None, help="of the random moments")
    parser.add_argument("--log", type=Path, default=None, help="where the gateways log")
    return parser.parse_args()


async def main(options: argparse.Namespace) -> int:
    random.seed(options.seed)
    try:
        if options.replicas:
            await kill_replicas(options)
        else:
            for engine in options.engine or DURABILITY:
                await (kill_bulk if options.bulk else kill_one)(engine, options)
    except BrokenPromiseError as error:
        print(f"  BROKEN: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no gateway is left behind
    sys.exit(asyncio.run(main(parse_options())))
