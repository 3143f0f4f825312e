"""Many long reads at once, and a write beside them."""

import asyncio
import time

from sqlalchemy import Connection, text

from gateway.journal.journal import Journal
from gateway.journal.records import ReceiptKind

LONG = 0.1


def read_long(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_sleep({LONG})"))
    else:
        time.sleep(LONG)


async def test_a_write_does_not_wait_for_all_who_read(journal: Journal) -> None:
    reads = [asyncio.create_task(journal._database.read(read_long)) for _ in range(60)]
    await asyncio.sleep(LONG / 2)

    begun = time.monotonic()
    receipt = await journal.payments.receive("1", "1", "1", subject="callback")
    took = time.monotonic() - begun

    assert receipt.kind is ReceiptKind.NEW
    assert took < 4 * LONG
    assert not all(read.done() for read in reads)
    await asyncio.gather(*reads, return_exceptions=True)


async def test_who_gives_up_reading_keeps_nobody_else_from_it(journal: Journal) -> None:
    reads = [asyncio.create_task(journal._database.read(read_long)) for _ in range(12)]
    await asyncio.sleep(LONG / 2)
    for read in reads:
        read.cancel()

    assert await journal.payments.without_community() == frozenset()
