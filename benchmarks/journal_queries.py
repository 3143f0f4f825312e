#!/usr/bin/env -S .venv/bin/python
"""A year of a large journal: bytes a row, how long pages and histories take, and forgetting a month, all under load.

    benchmarks/journal_queries.py [--pages 1000000] [--copies 1] [--runs 30] [--seconds 20] [--only ENGINE]

The journal is made up: `--pages` entries of the audit trail, each a page of twenty records, a tenth as many operations
and a twentieth as many payments, of a thousand communities of very different size and two thousand subjects. For each
filter there is a value that many rows have and one that few or old ones have. PostgreSQL is the server of
GATEWAY_TEST_DATABASE_URL; with `--copies` it copies a part of the trail, which takes a third of the time.
"""

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate, count, islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "scripts" / "kill_harness"))

import asyncpg
from throw_away import database

from gateway.journal.audit import BUCKET, AuditQuery, index_keys
from gateway.journal.journal import Journal, open_journal
from gateway.journal.listing import OperationQuery, PaymentQuery
from gateway.journal.records import AuditAction, AuditEntry, NewOperation, RecordRef, RecordRefs, new_id
from gateway.journal.retention import Retention
from gateway.journal.sqlite import FILE_NAME
from gateway.normalise.vocabulary import DeliveryState, Outcome
from gateway.settings import Settings

END = datetime(2026, 11, 24, tzinfo=UTC)
BEGIN = END - timedelta(days=365)
KEPT = 335  # days: a month is forgotten

COMMUNITIES = [str(10001 + number) for number in range(1000)]
MODULES = [f"MODULE_{number}" for number in range(9)]
SUBJECTS = [f"officer-{number:04}" for number in range(2000)]
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
"""The kind of record of each, and how often it comes."""

Row = tuple[object, ...]


def identifier(at: datetime, number: int) -> str:
    """As the journal's own, but for the random part."""
    text = f"{int(at.timestamp() * 1000):012x}7000{0x8000000000000000 + number:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def choose(seed: int, values: Sequence[str], weights: Sequence[float] = ()) -> Iterator[str]:
    """The same each time; without weights the first of them much more often than the last."""
    chance, sums = random.Random(seed), [*accumulate(weights or (1 / (number + 1) for number in range(len(values))))]
    while True:
        yield from chance.choices(values, cum_weights=sums, k=1000)


def moments(rows: int, until: datetime = END) -> Iterator[tuple[int, str, str, str, str]]:
    """The number, identifier, time, community and subject of each row."""
    step = (until - BEGIN) / rows
    for number, code, subject in zip(range(rows), choose(1, COMMUNITIES), choose(2, SUBJECTS), strict=False):
        at = BEGIN + number * step
        yield number, identifier(at, number), at.strftime("%Y-%m-%d %H:%M:%S.%fZ"), code, subject


def operations(rows: int) -> Iterator[Row]:
    mutations = choose(3, [*MUTATIONS], [weight for _, weight in MUTATIONS.values()])
    states = choose(4, ["CONFIRMED", "REFUSED", "UNKNOWN"], [9600, 390, 10])
    for (number, id_, at, code, subject), mutation, state in zip(moments(rows), mutations, states, strict=False):
        kind = MUTATIONS[mutation][0]
        record = MODULES[number % 9] if kind == "Module" else code if kind == "Community" else str(number // 3)
        expected = '{"modules": {"MODULE_1": true}}' if kind in ("Module", "Community") else None
        yield (
            *(id_, f"{number:036x}", subject, mutation, f"{number:064x}", code, state, at, at),
            *(None if state == "UNKNOWN" else at, kind, code, record, expected, "[]", "[]"),
        )


def payments(rows: int) -> Iterator[Row]:
    for number, id_, at, code, _ in moments(rows):
        state = "DEAD" if number % 5000 == 0 else "DELIVERED"
        numbers = f"{number:020}", f"{number:022}", f"{number:028}"
        yield id_, *numbers, code, state, 1, at, None if state == "DEAD" else at, 1


def announcements(rows: int) -> Iterator[Row]:
    for number, id_, at, code, _ in moments(rows):
        yield id_, code, number, "停水通知", "今天停水，请储水。" * 20, 0, "false", "true", "[]", at


def reveals(rows: int, copies: int) -> Iterator[Row]:
    for number, id_, at, code, subject in moments(rows, BEGIN + (END - BEGIN) / copies):
        ids, fields = "\n".join(shown(number)), "content.people.phone content.people.idCard"
        yield number, id_, at, subject, "REVEALED", "Shenhe", code, ids, fields, 1, "ReviewsPage", f"{number:032x}"


def shown(number: int) -> list[str]:
    """The records of a page: each of them stands on five pages, a thousand pages apart."""
    return [str((number % 1000 + number // 5000 * 1000) * 20 + each) for each in range(20)]


def reveal_keys(rows: int) -> Iterator[Row]:
    for number in range(rows):
        for key in sorted(index_keys(number, "\n".join(shown(number)).encode())):
            yield (key,)


_RECORD = "record_type record_community_code record_"
COLUMNS = {
    "operations": "id idempotency_key subject mutation fingerprint community_code state started_at sent_at finished_at "
    f"{_RECORD}id expected user_errors read_backs",
    "payments": "id order_number shop_number weixin_number community_code state attempts received_at delivered_at "
    "lease_token",
    "announcements": "id community_code platform_id title content weight pinned published images created_at",
    "audit": f"number id at subject action {_RECORD}ids fields count operation_name request_id",
    "audit_records": "key",
}


def tables(pages: int, copies: int = 1) -> Mapping[str, Iterator[Row]]:
    return {
        "operations": operations(pages // 10),
        "payments": payments(pages // 20),
        "announcements": announcements(pages // 1000),
        "audit": reveals(pages // copies, copies),
        "audit_records": reveal_keys(pages // copies),
    }


Counts = dict[str, tuple[int, int]]  # rows and bytes of each table, with its indexes


def fill_sqlite(settings: Settings, pages: int) -> Counts:
    found: Counts = {}
    words: Mapping[object, object] = {"true": 1, "false": 0}
    with closing(sqlite3.connect(settings.data_dir / FILE_NAME)) as file, file:
        for table, rows in tables(pages).items():
            columns = COLUMNS[table].split()
            names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
            statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
            file.executemany(statement, ([words.get(value, value) for value in row] for row in rows))
        for table in COLUMNS:
            size = "SELECT sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) WHERE tbl_name = ?"
            [found[table]] = file.execute(f"SELECT count(*), ({size}) FROM {table}", (table,))  # noqa: S608
    return found


_LATER = "lpad(to_hex(('x' || replace(left(id, 13), '-', ''))::bit(48)::bigint + $1), 12, '0')"
COPY_AUDIT = f"""
    INSERT INTO audit SELECT number + $2, overlay({_LATER} PLACING '-' || substr({_LATER}, 9) FROM 9) || substr(id, 14),
        at + $1 * interval '1 ms', subject, action, record_type, record_community_code, record_ids, fields, count,
        missing_scope, operation_name, request_id
    FROM audit WHERE number < $3"""  # noqa: S608
COPY_KEYS = "INSERT INTO audit_records SELECT key + $1 FROM audit_records WHERE key < $2"


async def fill_postgres(settings: Settings, pages: int, copies: int) -> Counts:
    """The trail is made for a part of the year, a multiple of a bucket, and copied for each of the others."""
    made = dict.fromkeys(COLUMNS, 0)

    async def fill(table: str, rows: Iterator[Row]) -> None:
        async def lines() -> AsyncIterator[bytes]:
            while batch := [*islice(rows, 2_000)]:
                made[table] += len(batch)
                texts = ("\t".join("\\N" if value is None else str(value) for value in row) for row in batch)
                yield "".join(text.replace("\n", "\\n") + "\n" for text in texts).encode()
                await asyncio.sleep(0)

        connection = await asyncpg.connect(settings.database_url, server_settings={"timezone": "UTC"})
        await connection.copy_to_table(table, source=lines(), columns=COLUMNS[table].split(), format="text")
        await connection.close()

    async def copy(table: str, statement: str, *shifts: int, base: int) -> None:
        connection = await asyncpg.connect(settings.database_url)
        for number in range(1, copies):
            await connection.execute(statement, *(number * shift for shift in shifts), base)
        made[table] *= copies
        await connection.close()

    rows = tables(pages, copies)
    await asyncio.gather(*(fill(table, rows[table]) for table in COLUMNS))
    part = pages // copies
    milliseconds, [keys] = int((END - BEGIN).total_seconds() * 1000) // copies, index_keys(part, b"")
    await asyncio.gather(
        copy("audit", COPY_AUDIT, milliseconds, part, base=part), copy("audit_records", COPY_KEYS, keys, base=keys)
    )
    connection = await asyncpg.connect(settings.database_url)
    await connection.fetch("SELECT setval('audit_numbers', $1)", pages)
    await connection.execute("VACUUM ANALYZE")
    size = "SELECT pg_total_relation_size($1::text::regclass)"
    found = {table: (rows, await connection.fetchval(size, table)) for table, rows in made.items()}
    await connection.close()
    return found


Ask = Callable[[Journal], Awaitable[Any]]


def page(kind: str, **given: Any) -> Ask:
    if kind == "reveals":
        asked = AuditQuery(**given)
        return lambda journal: journal.audit.reveals(asked, 20)
    query = OperationQuery(**given) if kind == "operations" else PaymentQuery(**given)
    return lambda journal: getattr(journal, kind).list(query, 20)


def questions(pages: int, copies: int) -> Mapping[str, Ask]:
    written = pages // 10
    one, twenty = frozenset(["10001"]), frozenset(COMMUNITIES[::50])
    reviews = [RecordRef("Shenhe", "10001", str(number)) for number in range(written // 6, written // 6 + 20)]
    modules = [RecordRef("Module", "10001", name) for name in MODULES]
    day = {"since": BEGIN + timedelta(days=200), "until": BEGIN + timedelta(days=201)}
    where: Mapping[str, Any] = {"all": {}, "one community": {"communities": one}, "20": {"communities": twenty}}
    what: Mapping[str, Mapping[str, Any]] = {
        "operations: no filter": {},
        "operations: outcome UNKNOWN": {"outcome": Outcome.UNKNOWN},
        "operations: mutation rare": {"mutations": ("retryPayment",)},
        "operations: three mutations": {"mutations": ("approveShenhe", "rejectShenhe", "syncModules")},
        "operations: subject rare": {"subject": SUBJECTS[-1]},
        "operations: a day, outcome REFUSED": {**day, "outcome": Outcome.REFUSED},
        "operations: record": {"record": RecordRef("Shenhe", "10001", str(written // 6))},
        "payments: no filter": {},
        "payments: state DEAD": {"state": DeliveryState.DEAD},
        "payments: order number": {"order_number": f"{pages // 40:020}"},
        "reveals: no filter": {},
        "reveals: subject": {"subject": SUBJECTS[0]},
        "reveals: subject rare": {"subject": SUBJECTS[-1]},
        "reveals: record": {"record": RecordRef("Shenhe", None, shown(pages // copies // 2)[3])},
        "reveals: a day": day,
    }
    return {
        f"{name}, {place}": page(name.partition(":")[0], **values, **among)
        for name, values in what.items()
        for place, among in where.items()
    } | {
        "history of 20 reviews": lambda journal: journal.operations.histories(reviews),
        "history of 9 modules": lambda journal: journal.operations.histories(modules),
    }


def figures(what: str, took: Sequence[float]) -> str:
    """The best is what the work takes; the rest is what else the machine does."""
    took = sorted(took)
    middle, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    return f"  {what:<56} best {took[0]:8.2f}   median {middle:8.2f}   p99 {p99:8.2f}   slowest {took[-1]:8.2f}"


async def timed(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return (time.perf_counter() - begun) * 1000


async def ask_all(journal: Journal, asked: Mapping[str, Ask], runs: int) -> None:
    best = median = 0.0
    for question, ask in asked.items():
        took = sorted([await timed(ask(journal)) for _ in range(runs + 2)][2:])
        best, median = max(best, took[0]), max(median, took[len(took) // 2])
        print(figures(question, took), flush=True)
    print(f"  of all pages: best at most {best:.2f}, median at most {median:.2f}")


@asynccontextmanager
async def load(journal: Journal, asked: Mapping[str, Ask]) -> AsyncIterator[dict[str, list[float]]]:
    """While the block lasts, ten times a second a write of three commits, a notification, ten pages of the audit trail,
    and one of these reads: how long each takes, in milliseconds.
    """
    took: dict[str, list[float]] = {"write, three commits": [], "notification": [], "ten audit entries": []}
    took |= {question: [] for question in asked}

    async def write(number: int) -> None:
        key = f"{datetime.now(UTC)} {number}"
        of: dict[str, Any] = {"subject": "load", "mutation": "approveShenhe", "community_code": "10001"}
        new = NewOperation(idempotency_key=key, fingerprint="", **of)
        operation, _ = await journal.operations.reserve(new)
        await journal.operations.finish((await journal.operations.mark_sent(operation)).id, Outcome.CONFIRMED)

    async def audit(number: int) -> None:
        now = datetime.now(UTC)
        refs = RecordRefs("Shenhe", "10001", tuple(f"{number}-{each}" for each in range(20)))
        of: dict[str, Any] = {"subject": "load", "action": AuditAction.REVEALED, "records": refs, "fields": ("phone",)}
        of |= {"count": 1, "missing_scope": None, "operation_name": None, "request_id": ""}
        await journal.audit.add([AuditEntry(id=new_id(now), at=now, **of) for _ in range(10)])

    async def notify(number: int) -> None:
        name = f"{datetime.now(UTC)} {number}"
        await journal.payments.receive(name, name, name, subject="load")

    async def again(question: str, work: Callable[[int], Awaitable[object]], pause: float) -> None:
        for number in count():
            took[question].append(await timed(work(number)))
            await asyncio.sleep(pause)

    works = [(write, 0.1), (notify, 0.1), (audit, 0.1)]
    works += [(partial(lambda ask, _: ask(journal), ask), 0.1 * len(asked)) for ask in asked.values()]
    tasks = [asyncio.create_task(again(each, *work)) for each, work in zip(took, works, strict=True)]
    yield took
    for task in tasks:
        task.cancel()


HEADLINES = (
    *("operations: no filter, all", "operations: subject rare, one community", "history of 20 reviews"),
    *("reveals: subject, all", "reveals: subject rare, one community", "reveals: record, all"),
)


async def bench(
    name: str, settings: Settings, fill: Callable[[], Awaitable[Counts]], options: argparse.Namespace
) -> None:
    async with open_journal(settings):
        pass
    begun = time.perf_counter()
    counts = await fill()
    print(f"{name}: {options.pages:,} pages of the audit trail, made in {time.perf_counter() - begun:.0f} s")
    for table, (rows, size) in counts.items():
        print(f"  {table:<24}{rows:>14,} rows {size / 1e6:>12,.1f} MB {size / max(rows, 1):>8,.0f} bytes a row")
    asked = questions(options.pages, 1 if name == "SQLite" else options.copies)
    headlines = {question: asked[question] for question in HEADLINES}
    async with open_journal(settings) as journal:
        print(f"alone; milliseconds, of {options.runs} runs")
        await ask_all(journal, asked, options.runs)
        retention = Retention(journal.database, Settings(retention_days=f"all={KEPT}").retained, lambda: END)
        for what, work in (
            ("under load", asyncio.sleep(options.seconds)),
            (f"under load, while {365 - KEPT} days are forgotten", retention.forget()),
        ):
            async with load(journal, headlines) as took:
                seconds = await timed(work) / 1000
            print(f"{what}, {seconds:.0f} s", *(figures(each, values) for each, values in took.items()), sep="\n")
        print("alone, after that")
        await ask_all(journal, headlines, options.runs)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1_000_000)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()

    if options.only != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(data_dir=Path(folder))
            await bench("SQLite", settings, lambda: asyncio.to_thread(fill_sqlite, settings, options.pages), options)
    if options.only != "sqlite":
        async with database() as url:
            on_server, copies = Settings(database_url=url), options.copies
            pages = options.pages // copies // BUCKET * BUCKET * copies or options.pages
            await bench("PostgreSQL", on_server, lambda: fill_postgres(on_server, pages, copies), options)


asyncio.run(main())
