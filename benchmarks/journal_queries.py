#!/usr/bin/env -S .venv/bin/python
"""Pages of a large journal: how long each filter of `operations` and `payments`, and histories, take.

    benchmarks/journal_queries.py [--rows 1000000] [--runs 30] [--data-dir DIR] [--only sqlite|postgresql]

The journal is made up: fifty communities of very different size, two hundred subjects, three years, and for each filter
a value that many rows have and one that few or old ones have. PostgreSQL is the server of GATEWAY_TEST_DATABASE_URL.
"""

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "scripts" / "kill_harness"))

import asyncpg
from throw_away import database

from gateway.journal.audit import AuditQuery, index_keys
from gateway.journal.journal import Journal, open_journal
from gateway.journal.listing import Cut, OperationQuery, PaymentQuery
from gateway.journal.operations import HistoryKey
from gateway.journal.records import RecordRef, RecordRefs
from gateway.journal.sqlite import FILE_NAME
from gateway.normalise.vocabulary import DeliveryState, Outcome
from gateway.settings import Settings

END = datetime(2026, 11, 24, tzinfo=UTC)
BEGIN = END - timedelta(days=3 * 365)
COMMUNITIES = [str(10001 + number) for number in range(50)]
QUIET = "99999"
"""A community with ten operations, the oldest of all."""

MUTATIONS = {
    "approveShenhe": ("Shenhe", 400),
    "updateRepair": ("Repair", 300),
    "createOrder": ("Order", 160),
    "rejectShenhe": ("Shenhe", 100),
    "createAnnouncement": ("Announcement", 25),
    "setModule": ("Module", 10),
    "syncModules": ("Community", 4),
    "retryPayment": ("Payment", 1),
}
MODULES = [f"MODULE_{number}" for number in range(9)]
SUBJECTS = [f"officer-{number:03}" for number in range(200)]
WEIGHTS = [1 / (number + 1) for number in range(200)]

Row = dict[str, Any]
PAGE = Cut(20)


def identifier(at: datetime, number: int) -> str:
    """As the journal's own, but for the random part."""
    text = f"{int(at.timestamp() * 1000):012x}7000{0x8000000000000000 + number:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def operations(rows: int) -> Iterator[Row]:
    chance = random.Random(18)  # the same journal each time
    step = (END - BEGIN) / rows
    for number in range(rows):
        at = BEGIN + number * step
        [code] = [QUIET] if number < 10 else chance.choices(COMMUNITIES, WEIGHTS[:50])
        [mutation] = chance.choices([*MUTATIONS], [weight for _, weight in MUTATIONS.values()])
        kind = MUTATIONS[mutation][0]
        record = chance.choice(MODULES) if kind == "Module" else code if kind == "Community" else str(number // 3)
        state = chance.choices(["CONFIRMED", "REFUSED", "UNKNOWN"], [9600, 390, 10])[0]
        modules = '{"modules": {"MODULE_1": true}}' if kind in ("Module", "Community") else None
        yield {
            "id": identifier(at, number),
            "idempotency_key": f"key-{number}",
            "subject": chance.choices(SUBJECTS, WEIGHTS)[0],
            "mutation": mutation,
            "fingerprint": f"{number:064x}",
            "community_code": code,
            "state": state,
            "started_at": at,
            "sent_at": at,
            "finished_at": None if state == "UNKNOWN" else at,
            "record_type": kind,
            "record_community_code": code,
            "record_id": record,
            "expected": modules,
            "user_errors": "[]",
            "read_backs": "[]",
        }


def payments(rows: int) -> Iterator[Row]:
    chance = random.Random(2)
    step = (END - BEGIN) / rows
    for number in range(rows):
        at = BEGIN + number * step
        [code] = [QUIET] if number < 10 else chance.choices(COMMUNITIES, WEIGHTS[:50])
        state = "DEAD" if number % 5000 == 0 else "DELIVERED"
        yield {
            "id": identifier(at, number),
            "order_number": f"{number:020}",
            "shop_number": f"{number:022}",
            "weixin_number": f"{number:028}",
            "community_code": code,
            "state": state,
            "attempts": 1,
            "received_at": at,
            "delivered_at": at if state == "DELIVERED" else None,
            "lease_token": 1,
        }


def conflicts(rows: int) -> Iterator[Row]:
    for number in range(0, rows, 2000):
        at = BEGIN + number * (END - BEGIN) / rows
        yield {
            "payment_id": identifier(at, number),
            "subject": "resident-platform",
            "payload_hash": f"{number:064x}",
            "received_at": at,
            **dict.fromkeys(("order_number", "shop_number", "weixin_number"), "1"),
        }


def reveals(rows: int) -> Iterator[Row]:
    chance = random.Random(3)
    step = (END - BEGIN) / rows
    for number in range(rows):
        at = BEGIN + number * step
        [code] = [QUIET] if number < 10 else chance.choices(COMMUNITIES, WEIGHTS[:50])
        yield {
            "number": number + 1,
            "id": identifier(at, number),
            "at": at,
            "subject": chance.choices(SUBJECTS, WEIGHTS)[0],
            "action": "REVEALED",
            "record_type": "Shenhe",
            "record_community_code": code,
            "record_ids": "\n".join(str(number * 20 + each) for each in range(20)),
            "fields": "content.people.phone",
            "count": 1,
            "request_id": f"request-{number}",
        }


def reveal_keys(rows: int) -> Iterator[Row]:
    for number in range(rows):
        names = b"\n".join(b"%d" % (number * 20 + each) for each in range(20))
        yield from ({"key": key} for key in index_keys(number + 1, names))


def tables(rows: int) -> Mapping[str, Iterator[Row]]:
    fifth = rows // 5
    return {
        "operations": operations(rows),
        "payments": payments(fifth),
        "payment_conflicts": conflicts(fifth),
        "audit": reveals(fifth),
        "audit_records": reveal_keys(fifth),
    }


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, 20_000)):
        yield batch


def fill_sqlite(settings: Settings, rows: int) -> None:
    def stored(value: object) -> object:
        return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value

    with closing(sqlite3.connect(settings.data_dir / FILE_NAME)) as file, file:
        for table, made in tables(rows).items():
            for batch in batches(made):
                names = list(batch[0])
                statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
                file.executemany(statement, [[stored(value) for value in row.values()] for row in batch])


async def fill_postgres(settings: Settings, rows: int) -> None:
    connection = await asyncpg.connect(settings.database_url)
    for table, made in tables(rows).items():
        for batch in batches(made):
            records = [tuple(row.values()) for row in batch]
            await connection.copy_records_to_table(table, records=records, columns=list(batch[0]))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


Ask = Callable[[Journal], Awaitable[Any]]


def listed(**given: Any) -> Ask:
    query = OperationQuery(**given)
    return lambda journal: journal.operations.list(query, PAGE)


def paid(**given: Any) -> Ask:
    query = PaymentQuery(**given)
    return lambda journal: journal.payments.list(query, PAGE)


def revealed(**given: Any) -> Ask:
    query = AuditQuery(**given)
    return lambda journal: journal.audit.reveals(query, 20)


def questions(rows: int) -> Mapping[str, Ask]:
    one, twenty = frozenset(["10001"]), frozenset([*COMMUNITIES[:19], QUIET])
    reviews = [HistoryKey("Shenhe", "10001", (str(number),)) for number in range(rows // 6, rows // 6 + 20)]
    modules = [HistoryKey("Module", "10001", (name,), name) for name in MODULES]
    day = {"since": BEGIN + timedelta(days=500), "until": BEGIN + timedelta(days=501)}
    where: Mapping[str, Mapping[str, Any]] = {
        "all": {},
        "one community": {"communities": one},
        "a quiet one": {"communities": frozenset([QUIET])},
        "20 communities": {"communities": twenty},
    }
    what: Mapping[str, Mapping[str, Any]] = {
        "no filter": {},
        "outcome UNKNOWN": {"outcome": Outcome.UNKNOWN},
        "mutation rare": {"mutations": ("retryPayment",)},
        "three mutations": {"mutations": ("approveShenhe", "rejectShenhe", "syncModules")},
        "subject rare": {"subject": SUBJECTS[-1]},
        "outcome and mutation": {"outcome": Outcome.UNKNOWN, "mutations": ("retryPayment",)},
        "a day, outcome REFUSED": {**day, "outcome": Outcome.REFUSED},
        "record": {"records": RecordRefs("Shenhe", "10001", (str(rows // 6),))},
    }
    payment: Mapping[str, Mapping[str, Any]] = {
        "no filter": {},
        "state DEAD": {"state": DeliveryState.DEAD},
        "conflicting": {"conflicting": True},
        "order number": {"order_number": f"{rows // 10:020}"},
    }
    reveal: Mapping[str, Mapping[str, Any]] = {
        "no filter": {},
        "subject rare": {"subject": SUBJECTS[-1]},
        "record": {"record": RecordRef("Shenhe", None, str(rows // 10))},
        "a day": day,
    }
    return {
        f"{kind}: {name}, {place}": make(**values, **among)
        for kind, make, filters in (
            ("operations", listed, what),
            ("payments", paid, payment),
            ("reveals", revealed, reveal),
        )
        for name, values in filters.items()
        for place, among in where.items()
    } | {
        "history of 20 reviews": lambda journal: journal.operations.histories(reviews),
        "history of 9 modules": lambda journal: journal.operations.histories(modules),
    }


async def measure(journal: Journal, ask: Ask, runs: int) -> list[float]:
    took = []
    for run in range(runs + 2):
        begun = time.perf_counter()
        await ask(journal)
        if run >= 2:
            took.append((time.perf_counter() - begun) * 1000)
    return sorted(took)


def line(question: str, took: list[float]) -> str:
    """The best is what the work takes; the rest is what else the machine does."""
    return f"  {question:<56} best {took[0]:8.2f}   median {took[len(took) // 2]:8.2f}   slowest {took[-1]:8.2f}"


async def bench(name: str, settings: Settings, fill: Callable[[], Awaitable[None]], rows: int, runs: int) -> None:
    async with open_journal(settings):
        pass
    begun = time.perf_counter()
    await fill()
    print(f"{name}: {rows:,} operations, made in {time.perf_counter() - begun:.0f} s; milliseconds, of {runs} runs")
    best = median = 0.0
    async with open_journal(settings) as journal:
        for question, ask in questions(rows).items():
            took = await measure(journal, ask, runs)
            best, median = max(best, took[0]), max(median, took[len(took) // 2])
            print(line(question, took))
    print(f"  of all pages: best at most {best:.2f}, median at most {median:.2f}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--data-dir", default=tempfile.gettempdir())
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    rows, runs = options.rows, options.runs

    if options.only != "postgresql":
        with tempfile.TemporaryDirectory(dir=options.data_dir) as folder:
            settings = Settings(data_dir=Path(folder))
            await bench("SQLite", settings, lambda: asyncio.to_thread(fill_sqlite, settings, rows), rows, runs)
    if options.only != "sqlite":
        async with database() as url:
            on_server = Settings(database_url=url)
            await bench("PostgreSQL", on_server, lambda: fill_postgres(on_server, rows), rows, runs)


asyncio.run(main())
