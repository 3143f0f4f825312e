"""Many simultaneous long reads beside writes."""

import asyncio
import time
from datetime import UTC, datetime
from itertools import count

import pytest
from sqlalchemy import Connection, Executable, Select, create_engine, delete, event, insert, select, text

from gateway.journal.journal import Journal
from gateway.journal.listing import read_listing
from gateway.journal.records import Announcement, ReceiptKind
from gateway.journal.tables import announcements

LONG = 0.1


def read_long(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_sleep({LONG})"))
    else:
        time.sleep(LONG)


async def test_write_does_not_wait_for_readers(journal: Journal) -> None:
    reads = [asyncio.create_task(journal._database.read(read_long)) for _ in range(60)]
    await asyncio.sleep(LONG / 2)

    begun = time.monotonic()
    receipt = await journal.payments.receive("1", "1", "1", subject="callback")
    took = time.monotonic() - begun

    assert receipt.kind is ReceiptKind.NEW
    assert took < 4 * LONG
    assert not all(read.done() for read in reads)
    await asyncio.gather(*reads, return_exceptions=True)


async def test_cancelled_reads_free_their_connections(journal: Journal) -> None:
    reads = [asyncio.create_task(journal._database.read(read_long)) for _ in range(12)]
    await asyncio.sleep(LONG / 2)
    for read in reads:
        read.cancel()

    assert await journal.payments.without_community() == frozenset()


NEWEST_FIRST = select(announcements).order_by(announcements.c.platform_id.desc())


def announcement(number: int) -> dict[str, object]:
    return {
        "community_code": "10002",
        "platform_id": number,
        "title": "停水通知",
        "content": "明日停水",
        "weight": 0,
        "pinned": False,
        "published": True,
        "images": [],
        "created_at": datetime(2026, 11, 24, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("meanwhile", "total"), [(insert(announcements).values(announcement(3)), 3), (delete(announcements), 2)]
)
def test_page_and_total_agree_under_concurrent_change(meanwhile: Executable, total: int) -> None:
    """On PostgreSQL each statement sees what is committed when it starts."""
    with create_engine("sqlite://").connect() as connection:
        announcements.create(connection)
        connection.execute(insert(announcements), [announcement(number) for number in (1, 2)])
        selects = count(1)

        @event.listens_for(connection, "before_execute")
        def before(_connection: Connection, statement: object, *_: object) -> None:
            if isinstance(statement, Select) and next(selects) == 2:
                connection.execute(meanwhile)

        page = read_listing(connection, Announcement, NEWEST_FIRST, 0, 2)

    assert [item.platform_id for item in page.items] == [2, 1]
    assert page.total == total
