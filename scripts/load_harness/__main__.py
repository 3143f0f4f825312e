"""A city at work, all on this machine: the sandbox as both platforms, gateways behind nginx with one PostgreSQL, and
clerks who follow their community's reviews and repairs and ask about it now and then. Meanwhile reviews are decided at
the platform itself. Prints a table; ends with 1 if a request failed, or a clerk did not hear of a decision.
"""

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "kill_harness"))
sys.path.insert(0, str(Path(__file__).parents[1] / "soak_harness"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "deploy"))

import asyncpg
import httpx
import uvloop
from clerks import Clerk, Tally
from cluster import Cluster, cluster
from deployed import Nginx
from processes import CONTROL, CONTROLS, GatewayProcess, Platforms, Usage, platforms
from sender import percentile

from gateway.auth.issuer import DevelopmentIssuer
from gateway.settings import load_settings

FIRST_MADE = 20001
PER_OFFICE = 100
"""Clerks behind one address: the proxy takes so many connections of one."""

OPENED_A_SECOND = 25
PATIENCE = 300.0
"""Seconds within which the last decisions come to all clerks."""

PENDING = """query ($code: ID!) { shenhes(communityCode: $code, first: 50, filter: { status: PENDING }) {
nodes { platformId } } }"""
APPROVED = "1"


class City:
    """One run. `options` are those of the command line."""

    def __init__(
        self, options: argparse.Namespace, database: Cluster, remote: Platforms, gateways: Sequence[GatewayProcess]
    ) -> None:
        self._options = options
        self._database = database
        self._remote = remote
        self._gateways = gateways
        self._controls = [remote.settings[f"GATEWAY_{name}_URL"] + CONTROL for name in ("WJDH", "SECURITY")]
        self._control = httpx.AsyncClient(headers=CONTROLS, trust_env=False)
        self._tally = Tally()
        self._clerks: list[Clerk] = []

    async def hire(self, proxy: Nginx, issuer: DevelopmentIssuer, stack: AsyncExitStack) -> None:
        """Clerks, in turn of all communities, `PER_OFFICE` of them behind one address."""
        for number in range(self._options.clerks):
            if number % PER_OFFICE == 0:
                office = f"127.0.1.{number // PER_OFFICE + 1}"
                limits = httpx.Limits(max_connections=PER_OFFICE // 2)
                transport = httpx.AsyncHTTPTransport(verify=proxy.tls, local_address=office, limits=limits)
                client = httpx.AsyncClient(base_url=proxy.url, transport=transport, timeout=30)
                await stack.enter_async_context(client)
            code, name = str(FIRST_MADE + number % self._options.communities), f"clerk{number}"
            token = issuer.mint(["*"], [code], name, 24 * 3600)
            socket = {"ssl": proxy.tls, "local_addr": (office, 0), "open_timeout": 60, "ping_interval": None}
            self._clerks.append(Clerk(name, code, token, client, self._tally, **socket))

    async def run(self) -> int:
        for control in self._controls:
            form = {"kind": "latency", "seconds": str(self._options.latency)}
            (await self._control.post(f"{control}faults", data=form)).raise_for_status()
        tally, clerks = self._tally, self._clerks
        async with asyncio.TaskGroup() as group:
            following = []
            for clerk in clerks:
                following.append(group.create_task(clerk.follower.run()))
                await asyncio.sleep(1 / OPENED_A_SECOND)
            for clerk in clerks:
                await clerk.follower.following.wait()
            waiting = await self._find_pending()
            print(f"{len(clerks)} clerks follow; {len(waiting)} reviews wait", flush=True)
            tally.latencies.clear()
            tally.requests, before = 0, [Usage(gateway.pid) for gateway in self._gateways]
            size, calls, begun = await self._size(), await self._calls(), time.monotonic()
            asking = [group.create_task(clerk.work(self._options.pause)) for clerk in clerks]
            await self._decide(waiting)
            seconds, calls = time.monotonic() - begun, await self._calls() - calls
            after, grown = [Usage(gateway.pid) for gateway in self._gateways], await self._size() - size
            for task in asking:
                task.cancel()
            until = time.monotonic() + PATIENCE
            while (unheard := sum(len(late) for _, late in tally.decided.values())) and time.monotonic() < until:
                await asyncio.sleep(1)
            for task in following:
                task.cancel()
        usage = list(zip(before, after, strict=True))
        followers = [clerk.follower for clerk in clerks]
        options = self._options
        _print_row(f"{options.communities:,} communities, {options.clerks:,} clerks", f"{seconds / 60:.1f} minutes")
        _print_row(":--", ":--")
        _print_row("requests a second", f"{tally.requests / seconds:.0f}")
        _print_row("an answer, ms: p50, p99", _percentiles([each * 1e3 for each in tally.latencies], 0.5, 0.99))
        _print_row("failed", f"{tally.failures.total()} {dict(tally.failures) or ''}")
        _print_row("decisions at the platform", f"{len(tally.decided):,}; not heard of, by a clerk: {unheard}")
        _print_row("their events, s after them: p50, p99, most", _percentiles(tally.lateness, 0.5, 0.99, 1))
        _print_row("events with `missed`", sum(follower.missed for follower in followers))
        _print_row("connections again", sum(follower.connections - 1 for follower in followers))
        _print_row("platform calls a second", f"{calls / seconds:.0f}")
        _print_row("each gateway: % of a core", ", ".join(f"{100 * (b.cpu - a.cpu) / seconds:.0f}" for a, b in usage))
        _print_row("each gateway: MiB", ", ".join(f"{a.memory:.0f} → {b.memory:.0f}" for a, b in usage))
        _print_row("database", f"+{grown / 2**20:.1f} MiB, {grown / tally.requests:.0f} bytes a request")
        return 1 if tally.failures or unheard else 0

    async def _find_pending(self) -> list[tuple[str, int]]:
        """The reviews that wait, with their communities, mixed."""
        found = []
        for clerk in {clerk.code: clerk for clerk in self._clerks}.values():
            listed = await clerk.ask("Pending", PENDING, {"code": clerk.code})
            found += [(clerk.code, int(node["platformId"])) for node in listed["shenhes"]["nodes"]]
        random.shuffle(found)
        return found

    async def _decide(self, waiting: list[tuple[str, int]]) -> None:
        """Approve reviews at wjdh, as its own staff do, for so many minutes."""
        settings = self._remote.settings
        async with httpx.AsyncClient(base_url=settings["GATEWAY_WJDH_URL"], trust_env=False, timeout=30) as client:
            form = {name: settings[f"GATEWAY_WJDH_{name.upper()}"] for name in ("secret_id", "secret_key")}
            token = (await client.post("/api/v1/wjdh/secret", data=form)).json()["access_token"]
            due = time.monotonic()
            end = due + self._options.minutes * 60
            while due < end:
                if waiting:
                    code, number = waiting.pop()
                    form, headers = {"id": str(number), "status": APPROVED}, {"authorization": f"Bearer {token}"}
                    (await client.put("/api/v1/wjdh/shenhe", data=form, headers=headers)).raise_for_status()
                    concerned = {clerk.name for clerk in self._clerks if clerk.code == code}
                    self._tally.decided[number] = time.monotonic(), concerned
                due += random.expovariate(self._options.decisions)
                await asyncio.sleep(max(0.0, min(due, end) - time.monotonic()))

    async def _calls(self) -> int:
        """That both platforms got so far."""
        answers = [await self._control.get(f"{control}calls") for control in self._controls]
        return sum(sum(answer.json()["counts"].values()) for answer in answers)

    async def _size(self) -> int:
        """Bytes of the database."""
        connection = await asyncpg.connect(self._database.url)
        try:
            return int(await connection.fetchval("SELECT pg_database_size(current_database())"))
        finally:
            await connection.close()


def _print_row(name: str, value: object) -> None:
    print(f"| {name} | {value} |", flush=True)


def _percentiles(values: list[float], *shares: float) -> str:
    ordered = sorted(values)
    return ", ".join(f"{percentile(ordered, share):.1f}" for share in shares)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/load", description=__doc__)
    parser.add_argument("--communities", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--clerks", type=int, default=2000, help="default: %(default)s")
    parser.add_argument("--minutes", type=float, default=10, help="default: %(default)s")
    parser.add_argument("--gateways", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--pause", type=float, default=15, help="seconds between two requests of a clerk (%(default)s)")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds of each platform call (%(default)s)")
    parser.add_argument("--decisions", type=float, default=2, help="a second, at the platform itself (%(default)s)")
    parser.add_argument("--log", type=Path, default=None, help="where the gateways log")
    return parser.parse_args()


async def main(options: argparse.Namespace) -> int:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = await stack.enter_async_context(cluster())
        remote = await stack.enter_async_context(platforms("--made-communities", str(options.communities)))
        environ = {
            **remote.settings,
            "GATEWAY_DATA_DIR": str(folder / "data"),
            "GATEWAY_DATABASE_URL": database.url,
            "GATEWAY_ID_KEY": os.urandom(32).hex(),
            "GATEWAY_MAX_CONNECTIONS": str(2 * options.clerks),
        }
        gateways = [GatewayProcess(environ, options.log) for _ in range(options.gateways)]
        for gateway in gateways:
            await gateway.start()
            stack.push_async_callback(gateway.stop)
        proxy = Nginx(folder, [gateway.port for gateway in gateways], connections=8 * options.clerks)
        await stack.enter_async_context(proxy.running(shutil.which("nginx") or "/usr/sbin/nginx"))
        city = City(options, database, remote, gateways)
        await city.hire(proxy, DevelopmentIssuer.open(load_settings(environ)), stack)
        return await city.run()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no process is left behind
    sys.exit(uvloop.run(main(parse_options())))
