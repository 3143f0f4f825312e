"""Load gateways while platforms fail and recover, while one gateway after the other restarts, and then PostgreSQL.

First it measures what one core carries of the mix, as requests for each second of CPU time of the gateways; then it
sends half of that. Ends with 1 if a request failed for which no platform was to blame, or a payment that was
acknowledged did not reach the security platform exactly once.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "kill_harness"))

from blame import Blame, Restart
from cluster import Cluster, cluster
from faults import GRACE, Faults, names
from loader import Loader, loader
from mix import REPAIR_IDS
from processes import Platforms, platforms
from served import Served

CALLERS = 4
RESTART_AT, DATABASE_AT = 0.4, 0.7
"""When, as shares of the whole time."""

SETTLE = 900.0
"""Seconds within which what was acknowledged reaches the platform: the relay waits longer after each failure."""

WIDTHS = (8, 9, 7, 7, 12, 12, 11, 7, 10)
COLUMNS = ("minutes", "requests", "p50 ms", "p99 ms", "MiB", "descriptors", "lag p99 ms", "max ms", "failed")
"""MiB and descriptors of each worker. Lags of the event loops. Failed so far: for a platform's fault + for no such."""


class Soak:
    """One run. `options` are those of the command line."""

    def __init__(
        self, options: argparse.Namespace, database: Cluster, remote: Platforms, served: Served, load: Loader
    ) -> None:
        self._options = options
        self._database = database
        self._remote = remote
        self._served = served
        self._load = load
        self._seconds = options.minutes * 60
        cycle = min(60.0, self._seconds / 4)
        self.faults = Faults(remote.settings, on=cycle / 3, off=cycle * 2 / 3)
        self.blame = Blame(self.faults)
        load.on_failure = self.blame.judge
        self._restarts: list[Restart] = []
        self._began = 0.0
        self._counts: Counter[str] = Counter()

    async def run(self) -> int:
        rate = self._options.rate or await self._calibrate() * self._options.share
        print(f"load: {rate:.0f} requests a second for {self._options.minutes:g} minutes; faults: {names()}")
        _print_row(*COLUMNS)
        self._began = time.monotonic()
        await self._load.order("begin", rate)
        await asyncio.sleep(min(10.0, self._seconds / 20))  # all connections are open
        await self._print_line()
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(work) for work in (self.faults.run(), self._served.watch())]
            restarting = group.create_task(self._restart())
            every = min(300.0, self._seconds / 4)
            for number in range(1, round(self._seconds / every)):
                await self._until(number * every)
                await self._print_line()
            await self._until(self._seconds)
            await restarting
            for task in working:
                task.cancel()
        await self._print_line()
        await self._load.order("end")
        return await self._conclude()

    async def _calibrate(self) -> float:
        """What one core carries, a second."""
        await self._load.order("calibrate", 3)
        await self._load.order("report")
        before = (await self._served.usage()).cpu
        await self._load.order("calibrate", self._options.calibrate)
        cpu = (await self._served.usage()).cpu - before
        report = await self._load.order("report")
        carried: float = report["requests"] / cpu
        print(f"one core carries {carried:.0f} requests a second: {report['requests']} in {cpu:.1f} s of CPU time")
        return carried

    async def _restart(self) -> None:
        """The gateways, then the database, when no fault is on."""
        await self._until(self._seconds * RESTART_AT)
        async with self.faults.calm:
            await self._note("rolling restart", self._served.restart(partial(self._load.order, "use")))
            await asyncio.sleep(GRACE)
        await self._until(self._seconds * DATABASE_AT)
        async with self.faults.calm:
            await self._note("database restart", self._database.restart())
            await asyncio.sleep(GRACE)

    async def _note(self, name: str, restarting: Awaitable[None]) -> None:
        begin = time.monotonic()
        await restarting
        self._restarts.append(Restart(name, begin, time.monotonic()))
        print(f"{(begin - self._began) / 60:8.1f} {name}, {time.monotonic() - begin:.1f} s", flush=True)

    async def _print_line(self) -> None:
        usage, (late, largest) = await self._served.usage(), await self._served.lag()
        report = await self._load.order("report")
        _print_row(
            f"{(time.monotonic() - self._began) / 60:.1f}",
            report["requests"],
            f"{report['p50'] * 1e3:.1f}",
            f"{report['p99'] * 1e3:.0f}",
            _each(usage.memory),
            _each(usage.descriptors),
            f"{late * 1e3:g}",
            f"{largest * 1e3:.0f}",
            str(self.blame),
        )
        self._counts += Counter(report["counts"])

    async def _conclude(self) -> int:
        acknowledged = set(await self._load.order("acknowledged"))
        effects = await self._effects(acknowledged)
        lost, doubled = acknowledged - effects.keys(), [number for number, times in effects.items() if times > 1]
        report = await self._load.order("report")
        usage, blame = await self._served.usage(), self.blame
        held_back = self._counts.pop("held back", 0)
        print(f"requests: {self._counts.total()}: {_listed(self._counts)}")
        print(f"  faults were on for {self.faults.seconds:.0f} s: {_listed(self.faults.counts)}")
        print(f"  failed for a platform's fault: {blame.platforms.total()}{_below(_counted(blame.platforms))}")
        ours = blame.list_ours(self._began, self._restarts)
        print(f"  failed, and no platform to blame: {len(blame.ours)}{_below(ours)}")
        print(f"  sent once more, as the connection had been closed: {report['sent_again']}; held back: {held_back}")
        print(f"  callbacks acknowledged: {len(acknowledged)}, lost: {len(lost)}, taken in twice: {len(doubled)}")
        print(
            f"  subscribers: {report['events']} events, {report['missed']} of them after missed ones; "
            f"{report['reconnects']} reconnections, closed with {_listed(report['closes']) or 'nothing'}"
        )
        print(f"  unclear operations: {usage.unclear}; undelivered payments: {usage.undelivered}")
        print(f"  without load: {_each(usage.memory)} MiB, {_each(usage.descriptors)} descriptors", flush=True)
        return 1 if blame.ours or lost or doubled else 0

    async def _effects(self, acknowledged: set[str]) -> Counter[str]:
        """How often the platform took in each payment, once it has all or time is up."""
        deadline = time.monotonic() + SETTLE
        while True:
            effects = await self._remote.effects()
            if not acknowledged - effects.keys() or time.monotonic() > deadline:
                return effects
            await asyncio.sleep(2)

    async def _until(self, seconds: float) -> None:
        await asyncio.sleep(self._began + seconds - time.monotonic())


def _print_row(*cells: object) -> None:
    print(" ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True)), flush=True)


def _each(values: Iterable[float]) -> str:
    """Of each worker."""
    return "+".join(f"{value:.0f}" for value in values)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _counted(counts: Counter[str]) -> list[str]:
    return [f"{count} {name}" for name, count in counts.most_common()]


def _below(lines: Sequence[str]) -> str:
    return "".join(f"\n    {line}" for line in lines)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: %(default)s)")
    parser.add_argument("--share", type=float, default=0.5, help="of what one core carries (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0, help="requests a second, instead of measuring it")
    parser.add_argument("--calibrate", type=float, default=20, help="seconds (default: %(default)s)")
    parser.add_argument("--supervisor", action="store_true", help="one gateway with two workers, instead of two")
    parser.add_argument("--log", type=Path, default=None, help="where the gateways log")
    return parser.parse_args()


async def main(options: argparse.Namespace) -> int:
    async with AsyncExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory())
        database = await stack.enter_async_context(cluster())
        remote = await stack.enter_async_context(platforms())
        environ = {
            **remote.settings,
            "GATEWAY_DATA_DIR": data,
            "GATEWAY_DATABASE_URL": database.url,
            "GATEWAY_ID_KEY": os.urandom(32).hex(),
            "GATEWAY_COMMUNITIES": "",
        }
        served = Served(environ, options.log, is_supervised=options.supervisor)
        stack.push_async_callback(served.stop)
        await served.start()
        async with served.client() as client:
            answer = (await client.post("/graphql", json={"query": REPAIR_IDS})).json()
        load = await stack.enter_async_context(
            loader(
                ports=served.ports,
                tokens=served.tokens(CALLERS),
                repair_ids=[repair["id"] for repair in answer["data"]["repairs"]["nodes"]],
                run=os.urandom(4).hex(),
                credentials={name: environ[f"GATEWAY_CALLBACK_{name.upper()}"] for name in ("key_k", "key_d")},
            )
        )
        return await Soak(options, database, remote, served, load).run()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no process is left behind
    sys.exit(asyncio.run(main(parse_options())))
