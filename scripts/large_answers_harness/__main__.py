"""Load a gateway with large and odd answers of its platforms, and watch its memory and its event loop.

    scripts/large_answers [--seconds 60] [--seed 1]

Three loads, one after the other: 20 answers of 50 MB at once, 64 of 8 MiB at once, and callers who ask on and on and
get small answers and all kinds of odd ones. For each it prints how long /healthz took at most (and how late the machine
woke up the process that asked), how long the slowest request took, the most memory that the gateway held, and what
became of the requests; in the end the memory that it still holds. Ends with 1 where that is beyond the goals.
"""

import argparse
import asyncio
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent / "kill_harness")]

from processes import GatewayProcess  # noqa: E402 # found by the path above
from upstream import FRAMINGS, ODD  # noqa: E402

MIB = 1024 * 1024
CALLERS = 16
CALL_TIMEOUT = 8.0
CALM_SECONDS = 10.0
PATIENCE = 120.0

SLOWEST_HEALTH = 250.0
"""Milliseconds that /healthz may take at most, beyond what the machine itself was late."""

SLOWEST_CALL = CALL_TIMEOUT * 1.1
MOST_KEPT = 200
"""MiB more than before."""

QUERIES = (
    '{{ orders(communityCode: "{0}") {{ nodes {{ title remark details {{ name value }} dataIssues {{ raw }} }} }} }}',
    '{{ people(name: "{0}", phone: "19900010001") {{ name dataIssues {{ raw }} residencies {{ members {{ name }} '
    "dataIssues {{ raw }} }} }} }}",
    '{{ shenhes(communityCode: "{0}") {{ nodes {{ type content {{ raw }} dataIssues {{ raw }} }} }} }}',
    '{{ repairs(communityCode: "{0}", filter: {{ status: OPEN }}) {{ nodes {{ location dataIssues {{ raw }} }} }} }}',
)

numbers = itertools.count(1)


class Probe:
    """The process that asks /healthz."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def read(self) -> tuple[float, float]:
        """The slowest answer and the latest awakening since it was last asked, in ms."""
        self._process.stdin.write(b"\n")
        slowest, late = (await self._process.stdout.readline()).split()
        return float(slowest), float(late)


@asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, str(HERE / name), *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


def settings(port: int, directory: str) -> dict[str, str]:
    base = f"http://127.0.0.1:{port}"
    return {
        "GATEWAY_DATA_DIR": directory,
        "GATEWAY_CALL_TIMEOUT": str(CALL_TIMEOUT),
        "GATEWAY_PEOPLE_LOOKUP_LIMIT": "1000000000",
        "GATEWAY_WJDH_URL": base,
        "GATEWAY_WJDH_SECRET_ID": "x",
        "GATEWAY_WJDH_SECRET_KEY": "x",
        "GATEWAY_SECURITY_URL": base,
        "GATEWAY_SECURITY_KEY_K": "x",
        "GATEWAY_SECURITY_KEY_D": "x",
        "GATEWAY_SECURITY_TOKEN_PATH": "/api/token",
        "GATEWAY_SECURITY_PEOPLE_PATH": "/api/people",
    }


def memory(gateway: GatewayProcess, what: str = "VmRSS") -> int:
    """MiB that the gateway holds; with "VmHWM" the most since `forget_peak`."""
    lines = Path(f"/proc/{gateway.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(what))


def forget_peak(gateway: GatewayProcess) -> None:
    Path(f"/proc/{gateway.pid}/clear_refs").write_text("5")


async def ask(client: httpx.AsyncClient, shape: str, query: str) -> tuple[float, str]:
    """How long it took, and what came."""
    begun = time.perf_counter()
    answer = await client.post("/graphql", json={"query": query.format(f"{shape}{next(numbers)}")})
    seconds = time.perf_counter() - begun
    errors = answer.json().get("errors", ()) if len(answer.content) < MIB else ()
    return seconds, errors[0]["extensions"]["code"] if errors else "data"


async def at_once(client: httpx.AsyncClient, count: int, shapes: Sequence[str]) -> list[tuple[float, str]]:
    """Half of the calls go to either platform."""
    asked = [(shapes[number // 2 % len(shapes)], QUERIES[number % 2]) for number in range(count)]
    return await asyncio.gather(*(ask(client, shape, query) for shape, query in asked))


async def on_and_on(client: httpx.AsyncClient, seconds: float) -> list[tuple[float, str]]:
    until = time.monotonic() + seconds
    shapes = (*ODD, *FRAMINGS, *["small"] * len(ODD))

    async def caller() -> list[tuple[float, str]]:
        answers = []
        while time.monotonic() < until:
            answers.append(await ask(client, random.choice(shapes), random.choice(QUERIES)))
        return answers

    return list(itertools.chain(*await asyncio.gather(*(caller() for _ in range(CALLERS)))))


async def watch(name: str, load: Awaitable[list[tuple[float, str]]], gateway: GatewayProcess, probe: Probe) -> bool:
    """Whether all went as it should under this load."""
    forget_peak(gateway)
    await probe.read()
    answers = await load
    health, late = await probe.read()
    slowest, _ = max(answers)
    fates = ", ".join(f"{count} {fate}" for fate, count in Counter(fate for _, fate in answers).most_common())
    print(
        f"{name}: /healthz {health:.0f} ms (the machine {late:.0f}), slowest request {slowest:.2f} s, "
        f"peak {memory(gateway, 'VmHWM')} MiB; {fates}",
        flush=True,
    )
    return health <= SLOWEST_HEALTH + late and slowest <= SLOWEST_CALL


async def run(seconds: float) -> bool:
    """Whether the gateway reached the goals."""
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        upstream = await stack.enter_async_context(program("upstream.py"))
        gateway = GatewayProcess(settings(int(await upstream.stdout.readline()), directory), Path(directory) / "log")
        stack.push_async_callback(gateway.kill)
        await gateway.start()
        client = await stack.enter_async_context(gateway.client())
        client.timeout = PATIENCE
        probe = Probe(await stack.enter_async_context(program("probe.py", str(gateway.port))))
        for query in QUERIES:
            await ask(client, "small", query)
        before = memory(gateway)
        print(f"before: {before} MiB", flush=True)
        went_well = [
            await watch("20 x 50 MB at once", at_once(client, 20, FRAMINGS), gateway, probe),
            await watch("64 x 8 MiB at once", at_once(client, 64, ODD), gateway, probe),
            await watch(f"{CALLERS} callers for {seconds:.0f} s", on_and_on(client, seconds), gateway, probe),
        ]
        await asyncio.sleep(CALM_SECONDS)
        after = memory(gateway)
        print(f"after {CALM_SECONDS:.0f} s of calm: {after} MiB", flush=True)
        return all(went_well) and after - before <= MOST_KEPT


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    return 0 if asyncio.run(run(options.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
