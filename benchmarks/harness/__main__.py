"""Measure this gateway against what teams would otherwise build, side by side on this machine.

Everything runs on loopback: both platforms as a sandbox in a process of its own, the servers under test in one process
each, and the load generator here. The servers must give the same data before anything is measured.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack

import table
import uvloop
from endurance import COLLECTED, memory, new_documents
from machine import OTHER_CORES, machine, on
from measure import DIVERSE, QUERIES, SAME, Measured, check_same_answers, compare, document, first_sights, warm_up
from servers import (
    ALL_CACHED,
    ALL_OPENED,
    NODE,
    NOTHING_CACHED,
    OPENED,
    Sandbox,
    Server,
    gateway,
    has_node,
    peer,
    sandbox,
)

from gateway.auth.principal import Scope

DOCUMENTS = 60
"""Documents never seen before, to measure their first sight."""

GATEWAY = "gateway"
CACHED = "gateway, all cached"
MASKED = "gateway, masked"
BEFORE = "gateway, before"
RECORDING = "mercurius, recording"

PLATFORMS = ("--dialect", "documented", "--orders-per-page", "20")
MADE = ("--made-communities", str(len(DIVERSE)))
NOT_PERSONAL = set(Scope) - {Scope.PII_READ}


def start(stack: ExitStack, platforms: Sandbox, callers: int, before: str, *, diverse: bool) -> list[Server]:
    """All servers, the gateway first."""
    if diverse:
        starting = [
            gateway(GATEWAY, platforms, callers, opened=ALL_OPENED, **NOTHING_CACHED),
            gateway(MASKED, platforms, callers, opened=ALL_OPENED, scopes=NOT_PERSONAL, **NOTHING_CACHED),
        ]
    else:
        starting = [
            gateway(GATEWAY, platforms, callers, **NOTHING_CACHED),
            gateway(CACHED, platforms, callers, **ALL_CACHED),
        ]
    if before:
        opened = ALL_OPENED if diverse else OPENED
        starting.append(gateway(BEFORE, platforms, callers, opened=opened, checkout=before, **NOTHING_CACHED))
    if has_node():
        starting.append(peer(table.BASELINE, platforms, callers))
        if diverse and NODE.exists():
            starting.append(peer(RECORDING, platforms, callers, "--record", node=str(NODE)))
    return [stack.enter_context(server) for server in starting]


async def measure(
    servers: list[Server],
    platforms: Sandbox,
    communities: Sequence[str],
    options: argparse.Namespace,
) -> None:
    same = [server for server in servers if server.name != MASKED]
    for name, what in QUERIES.items():
        await check_same_answers(same, document(name), communities, earlier=BEFORE)
        await warm_up(servers, document(name), options.warm_up, communities)
        print(f"{name}: {what}", flush=True)
    for callers in options.callers:
        results: dict[str, dict[str, Measured]] = {}
        for name in QUERIES:
            results[name] = await compare(
                servers, platforms, document(name), callers, options.rounds, options.requests, communities
            )
        print(
            f"\n{callers} at once\n\n{table.costs(results, servers)}\n\n{table.details(results, servers)}",
            flush=True,
        )


async def measure_first_sights(servers: list[Server]) -> None:
    seen = {server.name: await first_sights(server, document("fan_out"), DOCUMENTS) for server in servers}
    print(f"\nA new document (fan_out)\n\n{table.sights(seen)}")


def print_memory(servers: list[Server]) -> None:
    print("\nMemory after all of it, MiB: " + ", ".join(f"{server.name} {server.memory:.0f}" for server in servers))


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds per query (default: 15)")
    parser.add_argument("--requests", type=int, default=200, help="requests per round (default: 200)")
    parser.add_argument("--warm-up", type=int, default=3000, help="requests per query before all (default: 3000)")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16], help="callers at once (default: 1 16)")
    parser.add_argument("--endurance", type=int, metavar="N", help="instead, memory over so many requests")
    parser.add_argument(
        "--new-documents", type=int, metavar="N", help="instead, memory and garbage collections over so many"
    )
    parser.add_argument("--cached", action="store_true", help="with --endurance, --new-documents: all answers cached")
    parser.add_argument("--diverse", action="store_true", help="of 1,000 communities in turn, no two rows alike")
    parser.add_argument(
        "--before", default="", metavar="CHECKOUT", help="the gateway of an earlier commit as well, with its .venv"
    )
    options = parser.parse_args()
    communities, opened = (DIVERSE, ALL_OPENED) if options.diverse else (SAME, OPENED)
    caches = ALL_CACHED if options.cached else NOTHING_CACHED
    print(machine(), flush=True)
    with ExitStack() as stack:
        stack.enter_context(on(OTHER_CORES))
        platforms = stack.enter_context(sandbox(*PLATFORMS, *(MADE if options.diverse else ())))
        if options.endurance:
            server = stack.enter_context(gateway(GATEWAY, platforms, max(options.callers), opened=opened, **caches))
            uvloop.run(table.print_memory(memory(server, max(options.callers), options.endurance, communities)))
        elif options.new_documents:
            server = stack.enter_context(gateway(GATEWAY, platforms, max(options.callers), COLLECTED, **caches))
            uvloop.run(table.print_pauses(new_documents(server, max(options.callers), options.new_documents)))
        else:
            servers = start(stack, platforms, max(options.callers), options.before, diverse=options.diverse)
            uvloop.run(measure(servers, platforms, communities, options))
            if not options.diverse:
                uvloop.run(measure_first_sights(servers))
            print_memory(servers)


if __name__ == "__main__":
    main()
