#!/usr/bin/env -S .venv/bin/python
"""One caller beside another: what B waits for a look-up, alone and while A asks for all that the slots carry.

    benchmarks/fairness.py [--before CHECKOUT] [--latencies 0.05,1] [--seconds 15]

A sends sixteen queries at once, of orders and their owners; B one look-up of a person after the other. Both need the
security platform, which takes so long for each call. The gateway is a process of its own, with nothing cached and the
limits of the settings; so is the sandbox. `--before` measures an earlier commit as well.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from itertools import count, cycle
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts" / "kill_harness"))

import httpx
from processes import GatewayProcess, Platforms, platforms

from gateway.auth.issuer import DevelopmentIssuer
from gateway.settings import load_settings

COMMUNITIES = 400
FIRST_MADE = 20001
AT_ONCE = 16
WARM_UP = 1.0
MANY = "query ($code: ID!) { orders(communityCode: $code, first: 20) { nodes { house { owner { phone } } } } }"
ONE = 'query ($phone: String!) { people(name: "张三", phone: $phone) { name } }'


class Figures(NamedTuple):
    """Of B's look-ups, in milliseconds, and of A's calls a second."""

    p50: float
    p99: float
    calls: float = 0.0


async def ask(client: httpx.AsyncClient, query: str, variables: dict[str, str]) -> None:
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    answer.raise_for_status()
    if "errors" in answer.json():
        raise RuntimeError(answer.text)


async def keep_asking(client: httpx.AsyncClient, query: str, variables: Callable[[], dict[str, str]]) -> None:
    while True:
        await ask(client, query, variables())


async def measure_b(client: httpx.AsyncClient, numbers: "count[int]", seconds: float) -> list[float]:
    """Milliseconds of each look-up."""
    took: list[float] = []
    ends = perf_counter() + seconds
    while (began := perf_counter()) < ends:
        await ask(client, ONE, {"phone": f"199{next(numbers):08d}"})
        took.append((perf_counter() - began) * 1000)
    return took


def summarise(took: list[float], calls: float = 0.0) -> Figures:
    cuts = quantiles(took, n=100, method="inclusive")
    return Figures(cuts[49], cuts[98], calls)


async def beside(
    sandbox: Platforms, client: httpx.AsyncClient, seconds: float, b: Callable[[], Awaitable[list[float]]]
) -> Figures:
    """B's figures while A asks, and A's calls of owners that were answered in that time."""
    codes = cycle([str(FIRST_MADE + number) for number in range(COMMUNITIES)])
    loads = [asyncio.create_task(keep_asking(client, MANY, lambda: {"code": next(codes)})) for _ in range(AT_ONCE)]
    try:
        await asyncio.sleep(WARM_UP + 2 * seconds / 15)
        before, began = await sandbox.calls("owner"), perf_counter()
        took = await b()
        calls = (await sandbox.calls("owner") - before) / (perf_counter() - began)
        for load in loads:
            if load.done():
                load.result()
    finally:
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
    return summarise(took, calls)


async def measure(latency: float, seconds: float, checkout: Path | None) -> tuple[Figures, Figures]:
    """Of B alone and beside A."""
    async with platforms("--dialect", "documented", "--made-communities", str(COMMUNITIES)) as sandbox:
        with tempfile.TemporaryDirectory() as directory:
            environ = {
                **sandbox.settings,
                "GATEWAY_CACHE": "all=0",
                "GATEWAY_DATA_DIR": directory,
                "GATEWAY_PEOPLE_LOOKUP_LIMIT": "1000000",
                "GATEWAY_RATE_LIMIT": "1200",
                "GATEWAY_CALL_RATE_LIMIT": "36000",
            }
            gateway = GatewayProcess(environ, Path(directory) / "log", checkout=checkout)
            await gateway.start()
            issuer = DevelopmentIssuer.open(load_settings(environ))
            a, b = [
                httpx.AsyncClient(
                    base_url=gateway.url,
                    headers={"authorization": f"Bearer {issuer.mint(['*'], ['*'], caller, 24 * 3600)}"},
                    trust_env=False,
                    timeout=60,
                )
                for caller in ("a", "b")
            ]
            try:
                numbers = count(1)
                await measure_b(b, numbers, WARM_UP)
                for endpoint in ("people", "owner"):
                    await sandbox.set_fault("latency", endpoint, seconds=str(latency))
                alone = summarise(await measure_b(b, numbers, seconds))
                return alone, await beside(sandbox, a, seconds, lambda: measure_b(b, numbers, seconds))
            finally:
                await a.aclose()
                await b.aclose()
                await gateway.kill()


async def print_table(latencies: list[float], seconds: float, before: Path | None) -> None:
    print("| platform | gateway | B alone, p50 / p99 ms | beside A | ratio | A, calls/s |")
    print("| --: | :-- | --: | --: | --: | --: |")
    for latency in latencies:
        for name, checkout in (("before", before), ("today", None)):
            if name == "before" and before is None:
                continue
            alone, both = await measure(latency, seconds, checkout)
            print(
                f"| {latency * 1000:.0f} ms | {name} | {alone.p50:,.0f} / {alone.p99:,.0f} "
                f"| {both.p50:,.0f} / {both.p99:,.0f} | {both.p50 / alone.p50:.2f} / {both.p99 / alone.p99:.2f} "
                f"| {both.calls:.1f} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="an earlier commit, with its .venv")
    parser.add_argument("--latencies", default="0.05,1", help="of the platform, in seconds (default: 0.05,1)")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement (default: 15)")
    options = parser.parse_args()
    latencies = [float(latency) for latency in options.latencies.split(",")]
    asyncio.run(print_table(latencies, options.seconds, options.before))


if __name__ == "__main__":
    main()
