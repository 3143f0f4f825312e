#!/usr/bin/env -S .venv/bin/python
"""Intake of payment notifications into the journal: durable receives per second, by engine and concurrency.

    benchmarks/journal.py [--seconds 2] [--data-dir DIR] [--server postgresql://...]

SQLite's file is made in a fresh folder inside DIR (on the disk to be measured, not in memory); PostgreSQL's tables in
a database of their own on the server, dropped at the end. Without a server only SQLite is measured.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import asyncpg

from gateway.journal.journal import Journal, open_journal
from gateway.settings import Settings

CONCURRENCY = (1, 16, 64)


async def measure(journal: Journal, callers: int, seconds: float, numbers: "count[int]") -> tuple[float, list[float]]:
    """Receives per second by this many callers who do nothing else, and how long each receive took."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def intake() -> None:
        while (begun := time.perf_counter()) < end:
            number = next(numbers)
            await journal.payments.receive(f"{number:020}", f"{number:022}", f"{number:028}", subject="bench")
            took.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(intake() for _ in range(callers)))
    return len(took) / (time.perf_counter() - begun), sorted(took)


async def bench(name: str, durability: str, settings: Settings, seconds: float) -> None:
    print(f"{name}: {durability}")
    numbers = count()
    async with open_journal(settings) as journal:
        for callers in CONCURRENCY:
            cpu = time.process_time()
            rate, took = await measure(journal, callers, seconds, numbers)
            cpu = (time.process_time() - cpu) / len(took)
            median, slow = took[len(took) // 2], took[int(len(took) * 0.99)]
            print(
                f"  {callers:>3} at once  {rate:8,.0f}/s   median {median * 1e3:6.2f} ms   p99 {slow * 1e3:6.2f} ms"
                f"   CPU here {cpu * 1e6:4,.0f} µs each"
            )


def sync_time(folder: str) -> float:
    """Seconds of one append and fdatasync on this disk, the median of many."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(200):
            begun = time.perf_counter()
            os.write(file.fileno(), bytes(4096))
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return sorted(took)[len(took) // 2]


@asynccontextmanager
async def database_on(server: str) -> AsyncIterator[tuple[str, str]]:
    """A fresh database's URL, and the server's own words on durability."""
    name = f"gateway_bench_{os.getpid()}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    try:
        words = [f"{word} = {await connection.fetchval(f'SHOW {word}')}" for word in ("fsync", "wal_sync_method")]
        yield f"{server.rpartition('/')[0]}/{name}", ", ".join(["synchronous_commit = on", *words])
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--data-dir", default=tempfile.gettempdir())
    parser.add_argument("--server", default=os.environ.get("GATEWAY_TEST_DATABASE_URL", ""))
    options = parser.parse_args()

    print(f"one append with fdatasync on this disk: {sync_time(options.data_dir) * 1e3:.2f} ms")
    with tempfile.TemporaryDirectory(dir=options.data_dir) as folder:
        await bench("SQLite", "WAL, synchronous = FULL", Settings(data_dir=Path(folder)), options.seconds)
    if options.server:
        async with database_on(options.server) as (url, durability):
            await bench("PostgreSQL", durability, Settings(database_url=url), options.seconds)


asyncio.run(main())
