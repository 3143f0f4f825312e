"""A city at work, all on this machine: the sandbox as both platforms, gateways behind nginx with one PostgreSQL, and
clerks who follow their community's reviews and repairs and ask about it now and then. Meanwhile reviews are decided at
the platform itself. Prints a table; ends with 1 if a request failed, or a clerk did not hear of a decision.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "kill_harness"))
sys.path.insert(0, str(Path(__file__).parent.parent / "soak_harness"))

import asyncpg
import httpx
import uvloop
from clerks import ANSWER_TIMEOUT, Clerk, Tally
from cluster import Cluster, cluster
from nginx import Nginx
from processes import CONTROL, CONTROLS, GatewayProcess, Platforms, Usage, platforms

from gateway.auth.issuer import DevelopmentIssuer
from gateway.settings import load_settings

FIRST_MADE = 20001
PER_OFFICE = 100
"""Clerks behind one address: the proxy takes so many connections of one."""

OPENING = 25
"""WebSockets a second, when a day begins."""

PATIENCE = 300.0
"""Seconds within which the last decisions come to all clerks."""

PENDING = """query ($code: ID!) { shenhes(communityCode: $code, first: 50, filter: { status: PENDING }) {
nodes { platformId } } }"""
APPROVED = "1"


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
            "GATEWAY_DATA_DIR": str(folder),
            "GATEWAY_DATABASE_URL": database.url,
            "GATEWAY_ID_KEY": os.urandom(32).hex(),
            "GATEWAY_MAX_CONNECTIONS": str(2 * options.clerks),
        }
        gateways = [GatewayProcess(environ, options.log) for _ in range(options.gateways)]
        for gateway in gateways:
            await gateway.start()
            stack.push_async_callback(gateway.stop)
        ports = [gateway.port for gateway in gateways]
        os.chmod(folder, 0o755)  # noqa: S103 # nginx has workers of another user
        proxy = Nginx(folder, ports, await _certificate(folder), connections=8 * options.clerks)
        await stack.enter_async_context(proxy.running())
        return await _run(options, environ, database, remote, gateways, proxy)


async def _run(
    options: argparse.Namespace,
    environ: dict[str, str],
    database: Cluster,
    remote: Platforms,
    gateways: Sequence[GatewayProcess],
    proxy: Nginx,
) -> int:
    tally = Tally()
    async with AsyncExitStack() as stack:
        clerks = await _clerks(options, environ, proxy, tally, stack)
        await _delay(remote, options.latency)
        opened = asyncio.Semaphore(0)
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            working = []
            for clerk in clerks:
                working.append(group.create_task(clerk.follow(proxy.url, proxy.tls, opened.release)))
                await asyncio.sleep(1 / OPENING)
            for _ in clerks:
                await opened.acquire()
            pending = await _pending(clerks)
            print(f"{len(clerks)} clerks follow after {time.monotonic() - begun:.0f} s", flush=True)
            tally.latencies.clear()
            tally.requests.clear()
            usage, size = [Usage(gateway.pid) for gateway in gateways], await _size(database)
            await remote.forget_calls()
            begun = time.monotonic()
            asking = [group.create_task(clerk.work(options.pause)) for clerk in clerks]
            await _decide(remote, clerks, pending, tally, options)
            seconds = time.monotonic() - begun
            for task in asking:
                task.cancel()
            calls = await _calls(remote)
            after, grown = [Usage(gateway.pid) for gateway in gateways], await _size(database) - size
            until = time.monotonic() + PATIENCE
            while (unheard := sum(len(waiting) for _, waiting in tally.decided.values())) and time.monotonic() < until:
                await asyncio.sleep(1)
            for task in working:
                task.cancel()
    rows = {
        "requests a second": f"{sum(tally.requests.values()) / seconds:.0f} (in all {sum(tally.requests.values()):,})",
        "p50, p99 of an answer, ms": _percentiles(tally.latencies, 1e3),
        "failed": f"{tally.failures.total()} {dict(tally.failures) or ''}",
        "decisions at the platform": f"{len(tally.decided)}, not heard of by a clerk: {unheard}",
        "lateness of their events, p50, p99, most, s": _percentiles(tally.lateness, 1, most=True),
        "events": f"{tally.events:,}, with `missed`: {tally.missed}, reconnections: {tally.reconnections}",
        "platform calls a second": f"{calls / seconds:.0f}",
        "CPU of each gateway, % of a core": ", ".join(
            f"{100 * (now.cpu - then.cpu) / seconds:.0f}" for then, now in zip(usage, after, strict=True)
        ),
        "memory of each gateway, MiB": ", ".join(
            f"{then.memory:.0f} → {now.memory:.0f}" for then, now in zip(usage, after, strict=True)
        ),
        "database growth": f"{grown / 2**20:.1f} MiB, {grown / max(1, sum(tally.requests.values())):.0f} B a request",
    }
    minutes = f"{options.gateways} gateways, {seconds / 60:.1f} minutes"
    print(f"| {options.communities:,} communities, {options.clerks:,} clerks, {minutes} | |\n| :-- | :-- |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")
    return 1 if tally.failures or unheard else 0


async def _clerks(
    options: argparse.Namespace, environ: dict[str, str], proxy: Nginx, tally: Tally, stack: AsyncExitStack
) -> list[Clerk]:
    """In turn of all communities, `PER_OFFICE` of them behind one address."""
    issuer, clerks = DevelopmentIssuer.open(load_settings(environ)), []
    for number in range(options.clerks):
        if number % PER_OFFICE == 0:
            office = f"127.0.1.{number // PER_OFFICE + 1}"
            limits = httpx.Limits(max_connections=PER_OFFICE // 2)
            transport = httpx.AsyncHTTPTransport(verify=proxy.tls, local_address=office, limits=limits)
            client = httpx.AsyncClient(base_url=proxy.url, transport=transport, timeout=ANSWER_TIMEOUT)
            await stack.enter_async_context(client)
        code = str(FIRST_MADE + number % options.communities)
        token = issuer.mint(["*"], [code], f"clerk{number}", 24 * 3600)
        clerks.append(Clerk(f"clerk{number}", code, token, office, client, tally))
    return clerks


async def _pending(clerks: Sequence[Clerk]) -> list[tuple[str, int]]:
    """The reviews that wait, with their communities, mixed."""
    found = []
    for clerk in {clerk.code: clerk for clerk in clerks}.values():
        listed = await clerk.ask("Pending", PENDING, {"code": clerk.code})
        found += [(clerk.code, int(node["platformId"])) for node in listed["shenhes"]["nodes"]]
    random.shuffle(found)
    return found


async def _decide(
    remote: Platforms,
    clerks: Sequence[Clerk],
    pending: list[tuple[str, int]],
    tally: Tally,
    options: argparse.Namespace,
) -> None:
    """Approve reviews at wjdh as its own staff do, for so many minutes or until none waits."""
    settings = remote.settings
    async with httpx.AsyncClient(base_url=settings["GATEWAY_WJDH_URL"], trust_env=False, timeout=30) as client:
        form = {name: settings[f"GATEWAY_WJDH_{name.upper()}"] for name in ("secret_id", "secret_key")}
        token = (await client.post("/api/v1/wjdh/secret", data=form)).json()["access_token"]
        due = time.monotonic()
        end = due + options.minutes * 60
        while due < end:
            if pending:
                code, number = pending.pop()
                form = {"id": str(number), "status": APPROVED}
                headers = {"authorization": f"Bearer {token}"}
                (await client.put("/api/v1/wjdh/shenhe", data=form, headers=headers)).raise_for_status()
                concerned = {clerk.name for clerk in clerks if clerk.code == code}
                tally.decided[number] = (time.monotonic(), concerned)
            due += random.expovariate(options.decisions)
            await asyncio.sleep(max(0.0, min(due, end) - time.monotonic()))


async def _delay(remote: Platforms, seconds: float) -> None:
    for control in _controls(remote):
        async with control as client:
            (await client.post("faults", data={"kind": "latency", "seconds": str(seconds)})).raise_for_status()


async def _calls(remote: Platforms) -> int:
    """Those that both platforms got since they were forgotten."""
    total = 0
    for control in _controls(remote):
        async with control as client:
            total += sum((await client.get("calls")).json()["counts"].values())
    return total


def _controls(remote: Platforms) -> list[httpx.AsyncClient]:
    urls = [remote.settings[f"GATEWAY_{platform}_URL"] for platform in ("WJDH", "SECURITY")]
    return [httpx.AsyncClient(base_url=f"{url}{CONTROL}", headers=CONTROLS, trust_env=False) for url in urls]


async def _certificate(folder: Path) -> bytes:
    """A self-signed one for localhost, with its key."""
    made = folder / "made.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ("-addext", "subjectAltName=DNS:localhost", "-keyout", str(made), "-out", str(folder / "made.crt"))
    process = await asyncio.create_subprocess_exec(*command.split(), *names, stderr=subprocess.DEVNULL)
    if await process.wait():
        raise RuntimeError("openssl made no certificate")
    return made.read_bytes() + (folder / "made.crt").read_bytes()


async def _size(database: Cluster) -> int:
    """Bytes of the database."""
    connection = await asyncpg.connect(database.url)
    try:
        return int(await connection.fetchval("SELECT pg_database_size(current_database())"))
    finally:
        await connection.close()


def _percentiles(values: list[float], scale: float, *, most: bool = False) -> str:
    if not values:
        return "none"
    ordered = sorted(values)
    shown = [ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], *([ordered[-1]] if most else [])]
    return ", ".join(f"{value * scale:.1f}" for value in shown)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no process is left behind
    sys.exit(uvloop.run(main(parse_options())))
