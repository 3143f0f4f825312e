"""Load a gateway while platforms fail and recover, while its workers are replaced, and then PostgreSQL restarts.

First it measures what one core carries of the mix, as requests for each second of CPU time of the gateway; then it
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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "kill_harness"))

import uvloop
from cluster import Cluster, cluster
from faults import GRACE, PLAN, Faults, Restart
from followers import TOPICS, Follower
from processes import Platforms, platforms
from sender import Load, percentile
from served import Served

from gateway.auth.issuer import DevelopmentIssuer
from gateway.settings import load_settings

CALLERS = 4
RESTART_AT, DATABASE_AT = 0.4, 0.7
"""When, as shares of the whole time."""

SETTLE = 900.0
"""Seconds within which what was acknowledged reaches the platform: the relay waits longer after each failure."""

WIDTHS = (8, 9, 7, 7, 11, 10, 46)
COLUMNS = ("minutes", "requests", "p50 ms", "p99 ms", "lag p99 ms", "failed", "each worker")
"""Lag of the event loops. Failed so far: for a platform's fault + for no such."""


class Soak:
    """One run. `options` are those of the command line."""

    def __init__(
        self,
        options: argparse.Namespace,
        database: Cluster,
        remote: Platforms,
        served: Served,
        environ: Mapping[str, str],
    ) -> None:
        self._options = options
        self._database = database
        self._remote = remote
        self._served = served
        self._seconds = options.minutes * 60
        cycle = min(60.0, self._seconds / 4)
        self._faults = Faults(remote.settings, on=cycle / 3, off=cycle * 2 / 3)
        issuer = DevelopmentIssuer.open(load_settings(environ))
        tokens = [issuer.mint(["*"], ["*"], f"soak{number}", 24 * 3600) for number in range(CALLERS)]
        credentials = {name: environ[f"GATEWAY_CALLBACK_{name.upper()}"] for name in ("key_k", "key_d")}
        self._load = Load(served.url, tokens, credentials, self._faults.judge)
        self._followers = [
            Follower(served.url, token, {topic: query}, self._faults.judge)
            for token in tokens[:2]
            for topic, query in TOPICS.items()
        ]
        self._restarts: list[Restart] = []
        self._began = 0.0
        self._requests = 0

    async def run(self) -> int:
        await self._load.sign_in()
        rate = await self._calibrate() * self._options.share
        kinds = ", ".join(dict.fromkeys(planned.kind for planned in PLAN))
        print(f"load: {rate:.0f} requests a second for {self._options.minutes:g} minutes; faults: {kinds}")
        _print_row(*COLUMNS)
        self._load.counts.clear()
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(work) for work in (self._faults.run(), self._load.send_at(rate))]
            working += [group.create_task(follower.run()) for follower in self._followers]
            restarting = group.create_task(self._restart())
            every = min(300.0, self._seconds / 4)
            for number in range(1, round(self._seconds / every) + 1):
                await self._until(number * every)
                await self._print_line()
            await restarting
            for task in working:
                task.cancel()
        await self._load.end()
        return await self._conclude()

    async def _calibrate(self) -> float:
        """What one core carries, a second."""
        await self._load.calibrate(self._options.calibrate / 4)
        before = (await self._served.figures()).cpu
        requests = await self._load.calibrate(self._options.calibrate)
        cpu = (await self._served.figures()).cpu - before
        print(f"one core carries {requests / cpu:.0f} requests a second: {requests} in {cpu:.1f} s of CPU time")
        return requests / cpu

    async def _restart(self) -> None:
        """The workers, then the database, when no fault is on."""
        await self._until(self._seconds * RESTART_AT)
        await self._note("workers replaced", self._served.restart)
        await self._until(self._seconds * DATABASE_AT)
        await self._note("database restart", self._database.restart)

    async def _note(self, name: str, restart: Callable[[], Awaitable[None]]) -> None:
        async with self._faults.calm:
            begin = time.monotonic()
            await restart()
            self._restarts.append(Restart(name, begin, time.monotonic()))
            print(f"{(begin - self._began) / 60:8.1f} {name}, {time.monotonic() - begin:.1f} s", flush=True)
            await asyncio.sleep(GRACE)

    async def _print_line(self) -> None:
        figures, latencies = await self._served.figures(), self._load.report()
        self._requests += len(latencies)
        _print_row(
            f"{(time.monotonic() - self._began) / 60:.1f}",
            len(latencies),
            f"{percentile(latencies, 0.5) * 1e3:.1f}",
            f"{percentile(latencies, 0.99) * 1e3:.0f}",
            f"{figures.lag * 1e3:g}",
            f"{self._faults.platforms.total()}+{len(self._faults.ours)}",
            figures,
        )

    async def _conclude(self) -> int:
        acknowledged = self._load.acknowledged
        effects = await self._effects(acknowledged)
        lost, doubled = acknowledged - effects.keys(), [number for number, times in effects.items() if times > 1]
        figures, faults, followers = await self._served.figures(), self._faults, self._followers
        closes = Counter(code for follower in followers for code in follower.closes)
        print(f"requests: {self._requests}: {_listed(self._load.counts)}")
        print(f"  faults were on for {faults.seconds:.0f} s: {_listed(faults.counts)}")
        blamed = [f"{count} {name}" for name, count in faults.platforms.most_common()]
        print(f"  failed for a platform's fault: {faults.platforms.total()}{_below(blamed)}")
        print(f"  callbacks to be sent again, as the database restarted: {faults.take_asked_again(self._restarts[-1])}")
        ours = faults.list_ours(self._began, self._restarts)
        print(f"  failed, and no platform to blame: {len(faults.ours)}{_below(ours)}")
        print(f"  sent once more, as the connection had been closed: {self._load.sent_again}")
        print(f"  callbacks acknowledged: {len(acknowledged)}, lost: {len(lost)}, taken in twice: {len(doubled)}")
        print(
            f"  subscribers: {sum(follower.events for follower in followers)} events, "
            f"{sum(follower.missed for follower in followers)} of them after missed ones; "
            f"{sum(follower.connections - 1 for follower in followers)} reconnections, "
            f"closed with {_listed(closes) or 'nothing'}"
        )
        print(f"  unclear operations: {figures.unclear}; undelivered payments: {figures.undelivered}")
        print(f"  without load: {figures}", flush=True)
        return 1 if faults.ours or lost or doubled else 0

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
    print(" ".join(f"{cell!s:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True)), flush=True)


def _listed(counts: Mapping[object, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=str))


def _below(lines: Sequence[str]) -> str:
    return "".join(f"\n    {line}" for line in lines)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: %(default)s)")
    parser.add_argument("--share", type=float, default=0.5, help="of what one core carries (default: %(default)s)")
    parser.add_argument("--calibrate", type=float, default=20, help="seconds (default: %(default)s)")
    parser.add_argument("--log", type=Path, default=None, help="where the gateway logs")
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
        }
        served = Served(environ, options.log)
        stack.push_async_callback(served.stop)
        await served.start()
        return await Soak(options, database, remote, served, environ).run()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no process is left behind
    sys.exit(uvloop.run(main(parse_options())))
