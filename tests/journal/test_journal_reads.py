"""Many simultaneous long reads beside writes."""

import asyncio
import time
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from journal_fixtures import make_announcement
from msgspec.structs import asdict
from sqlalchemy import Connection, Executable, Select, create_engine, delete, event, insert, text

from gateway.journal.journal import Announcements, Journal
from gateway.journal.records import ReceiptKind
from gateway.journal.tables import announcements

LONG = 0.1


def read_long(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_sleep({LONG})"))
    else:
        time.sleep(LONG)


async def test_write_and_next_read_wait_for_no_long_reads(journal: Journal) -> None:
    reads = [asyncio.create_task(journal.database.read(read_long)) for _ in range(60)]
    await asyncio.sleep(LONG / 2)

    begun = time.monotonic()
    receipt = await journal.payments.receive("1", "1", "1", subject="callback")
    took = time.monotonic() - begun

    assert receipt.kind is ReceiptKind.NEW
    assert took < 4 * LONG
    assert not all(read.done() for read in reads)
    for read in reads:
        read.cancel()
    assert await journal.payments.order_numbers(None, 9) == {"1"}


MADE = [asdict(make_announcement(datetime(2026, 11, 24, tzinfo=UTC), platform_id=number)) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("meanwhile", "total"), [(insert(announcements).values(MADE[2]), 3), (delete(announcements), 2)]
)
async def test_page_and_total_agree_under_concurrent_change(meanwhile: Executable, total: int) -> None:
    """On PostgreSQL each statement sees what is committed when it starts."""
    with create_engine("sqlite://").connect() as connection:
        announcements.create(connection)
        connection.execute(insert(announcements), MADE[:2])
        selects = count(1)

        @event.listens_for(connection, "before_execute")
        def before(_connection: Connection, statement: object, *_: object) -> None:
            if isinstance(statement, Select) and next(selects) == 2:
                connection.execute(meanwhile)

        async def read(work: Any) -> Any:
            return work(connection)

        database: Any = SimpleNamespace(read=read)
        items, found = await Announcements(database).part("00001", 0, 2)

    assert [item.platform_id for item in items] == [2, 1]
    assert found == total
