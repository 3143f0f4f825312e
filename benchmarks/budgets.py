#!/usr/bin/env -S .venv/bin/python
"""Two callers at two gateways of one PostgreSQL journal: how far each may exceed the budget, and what sharing costs.

    benchmarks/budgets.py [--rate 1200] [--calls 6000]

Each caller asks both gateways at once, over several connections, until both have refused; first for their operations,
then for calls of the platforms. Each gateway is a process of its own, and so is the sandbox.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts" / "kill_harness"))

import asyncpg
import httpx
from processes import GatewayProcess, Platforms, platforms
from throw_away import database

from gateway.auth.issuer import DevelopmentIssuer
from gateway.settings import load_settings

CONNECTIONS = 4
REFUSALS = 20
NO_CALLS = "{ viewer { subject } }"
MANY_CALLS = '{ orders(communityCode: "10002", first: 20) { nodes { house { owner { phone } } } } }'
STATEMENTS = "SELECT sum(n_tup_ins + n_tup_upd)::bigint FROM pg_stat_user_tables WHERE relname = 'budgets'"


class Used(NamedTuple):
    """What one gateway let one caller use."""

    operations: int
    calls: int


async def use_up(url: str, token: str, query: str) -> Used:
    """Ask until it has refused several times."""
    operations = calls = refused = 0

    async def ask() -> None:
        nonlocal operations, calls, refused
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
            while refused < REFUSALS:
                answer = await client.post("/graphql", json={"query": query})
                if answer.status_code == 429:
                    refused += 1
                else:
                    operations += 1
                    calls += answer.json()["extensions"]["cost"]["actual"]

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return Used(operations, calls)


async def measure(sandbox: Platforms, name: str, limit: int, query: str, settings: dict[str, str]) -> None:
    async with database() as url:
        with tempfile.TemporaryDirectory() as directory:
            caches = ("PEOPLE", "OWNERS", "MODULES", "REPAIRS", "SHENHES", "ORDERS")
            environ = {
                **sandbox.settings,
                **{f"GATEWAY_CACHE_{cache}": "0" for cache in caches},
                "GATEWAY_DATA_DIR": directory,
                "GATEWAY_DATABASE_URL": url,
                **settings,
            }
            gateways = [GatewayProcess(environ, Path(directory) / "log") for _ in range(2)]
            for gateway in gateways:
                await gateway.start()
            try:
                issuer = DevelopmentIssuer.open(load_settings(environ))
                tokens = [issuer.mint(["*"], ["*"], caller, 3600) for caller in ("a", "b")]
                began = perf_counter()
                used = await asyncio.gather(
                    *(use_up(gateway.url, token, query) for token in tokens for gateway in gateways)
                )
                seconds = perf_counter() - began
            finally:
                for gateway in gateways:
                    await gateway.kill()
            connection = await asyncpg.connect(url)
            statements = await connection.fetchval(STATEMENTS)
            await connection.close()
    allowed = limit + limit / 60 * seconds
    for caller, each in (("a", used[:2]), ("b", used[2:])):
        one, two = [used.operations if name == "operations" else used.calls for used in each]
        print(f"| {name} | {caller} | {one:,} + {two:,} | {allowed:,.0f} | {(one + two) / allowed - 1:+.1%} |")
    total = sum(each.operations for each in used)
    print(f"{name}: {seconds:.1f} s, {total:,} operations, {statements or 0:,} rows written", file=sys.stderr)


async def print_table(rate: int, calls: int) -> None:
    print("| budget | caller | used at both gateways | limit, and what was earned | beyond |")
    print("| :-- | :-- | --: | --: | --: |")
    async with platforms("--dialect", "documented") as sandbox:
        settings = {"GATEWAY_RATE_LIMIT": str(rate)}
        await measure(sandbox, "operations", rate, NO_CALLS, settings)
        settings = {"GATEWAY_RATE_LIMIT": "1000000", "GATEWAY_CALL_RATE_LIMIT": str(calls)}
        await measure(sandbox, "calls", calls, MANY_CALLS, settings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1200, help="operations a minute (default: 1200)")
    parser.add_argument("--calls", type=int, default=6000, help="calls a minute (default: 6000)")
    options = parser.parse_args()
    asyncio.run(print_table(options.rate, options.calls))


if __name__ == "__main__":
    main()
