"""Measure this gateway against what teams would otherwise build, side by side on this machine.

Everything runs on loopback: both platforms as a sandbox in a process of its own, the servers under test in one process
each, and the load generator here. The servers must give the same data before anything is measured.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "kill_harness"))  # for `throw_away`

import table
import workers
from endurance import COLLECTED, memory, new_documents
from layers import SAMPLED, profile
from machine import CORES, OTHER_CORES, machine, on
from measure import QUERIES, Measured, check_same_answers, compare, document, first_sights, warm_up
from rows import PER_PAGE, ROWS, add_orders, cost_by_rows
from servers import ALL_CACHED, NOTHING_CACHED, Sandbox, Server, gateway, has_node, peer, sandbox

DOCUMENTS = 60
"""Documents never seen before, to measure their first sight."""

GATEWAY = "gateway"
WITHOUT_PLANS = "gateway, without plans"
CACHED = "gateway, all cached"


def start(stack: ExitStack, platforms: Sandbox, callers: int) -> list[Server]:
    """All servers, the gateway first."""
    starting = [
        gateway(GATEWAY, platforms, callers, **NOTHING_CACHED),
        gateway(WITHOUT_PLANS, platforms, callers, **NOTHING_CACHED, GATEWAY_PLANS="0"),
        gateway(CACHED, platforms, callers, **ALL_CACHED),
    ]
    if has_node():
        starting.append(peer(table.BASELINE, "mercurius.mjs", platforms, callers))
        starting.append(peer("apollo", "apollo.mjs", platforms, callers))
    return [stack.enter_context(server) for server in starting]


async def measure(servers: list[Server], platforms: Sandbox, options: argparse.Namespace) -> None:
    for name, what in QUERIES.items():
        await check_same_answers(servers, document(name))
        await warm_up(servers, document(name), options.warm_up)
        print(f"{name}: {what}", flush=True)
    for callers in options.callers:
        results: dict[str, dict[str, Measured]] = {}
        for name in QUERIES:
            results[name] = await compare(servers, platforms, document(name), callers, options.rounds, options.requests)
        print(
            f"\n{callers} at once\n\n{table.costs(results, servers)}\n\n{table.details(results, servers)}", flush=True
        )
    seen = {server.name: await first_sights(server, document("fan_out"), DOCUMENTS) for server in servers}
    print(f"\nA new document (fan_out)\n\n{table.sights(seen)}")
    add_orders(platforms, max(ROWS))
    costs = await cost_by_rows(servers[0], options.rounds, options.requests)
    print(f"\nRows (list, {PER_PAGE} a call)\n\n{table.linearity(costs)}")
    print("\nMemory after all of it, MiB: " + ", ".join(f"{server.name} {server.memory:.0f}" for server in servers))


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds per query (default: 15)")
    parser.add_argument("--requests", type=int, default=200, help="requests per round (default: 200)")
    parser.add_argument("--warm-up", type=int, default=3000, help="requests per query before all (default: 3000)")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16], help="callers at once (default: 1 16)")
    parser.add_argument("--profile", action="store_true", help="instead, where the gateway's CPU time goes, by layer")
    parser.add_argument("--workers", action="store_true", help="instead, what two workers do against one (PostgreSQL)")
    parser.add_argument("--endurance", type=int, metavar="N", help="instead, memory over so many requests")
    parser.add_argument(
        "--new-documents", type=int, metavar="N", help="instead, memory and garbage collections over so many"
    )
    parser.add_argument(
        "--cached", action="store_true", help="with --profile, --endurance or --new-documents: all answers cached"
    )
    options = parser.parse_args()
    caches = ALL_CACHED if options.cached else NOTHING_CACHED
    print(machine(), flush=True)
    with ExitStack() as stack:
        stack.enter_context(on(CORES if options.workers else OTHER_CORES))
        platforms = stack.enter_context(sandbox("--dialect", "documented", "--orders-per-page", str(PER_PAGE)))
        if options.profile:
            server = stack.enter_context(gateway(GATEWAY, platforms, max(options.callers), SAMPLED, **caches))
            for callers in options.callers:
                print(uvloop.run(profile(server, callers, options.requests * options.rounds)), end="\n\n", flush=True)
        elif options.workers:
            add_orders(platforms, workers.ROWS)
            running = stack.enter_context(workers.gateways(platforms, **ALL_CACHED))
            measured = uvloop.run(workers.compare(running, options.rounds, options.requests, options.warm_up))
            print(table.workers(measured))
        elif options.endurance:
            server = stack.enter_context(gateway(GATEWAY, platforms, max(options.callers), **caches))
            uvloop.run(table.print_memory(memory(server, max(options.callers), options.endurance)))
        elif options.new_documents:
            server = stack.enter_context(gateway(GATEWAY, platforms, max(options.callers), COLLECTED, **caches))
            uvloop.run(table.print_pauses(new_documents(server, max(options.callers), options.new_documents)))
        else:
            servers = start(stack, platforms, max(options.callers))
            uvloop.run(measure(servers, platforms, options))


if __name__ == "__main__":
    main()
