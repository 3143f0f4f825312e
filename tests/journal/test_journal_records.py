"""What the journal keeps comes back as it was, in its order: identifiers, announcements, audit entries, any text; and
beside writes.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID

import msgspec
from journal_fixtures import make_announcement, make_entry, reserve
from sqlalchemy import Connection, text
from standing_clock import FrozenClock

from gateway.journal import audit
from gateway.journal.audit import AuditQuery
from gateway.journal.journal import Journal
from gateway.journal.listing import AnnouncementQuery, OperationQuery
from gateway.journal.records import (
    AuditAction,
    AuditEntry,
    Listed,
    Operation,
    ReceiptKind,
    RecordRef,
    RecordRefs,
    UserError,
    first_id,
    new_id,
)
from gateway.normalise.vocabulary import Outcome

NOW = datetime(2026, 11, 24, 8, 0, 0, 123_000, tzinfo=UTC)
TEXT = "\0 \ud800 门"
"""With characters that a database does not store: U+0000 and unpaired surrogates."""
STORED = "\ufffd \ufffd 门"


def test_identifiers_are_uuids_of_version_7_in_order() -> None:
    identifiers = [new_id(NOW + timedelta(milliseconds=n)) for n in range(100)]
    first = UUID(identifiers[0])

    assert (first.version, first.variant, first.int >> 80) == (7, RFC_4122, int(NOW.timestamp() * 1000))
    assert identifiers == sorted(identifiers)
    assert len({new_id(NOW) for _ in range(1000)}) == 1000
    assert new_id(NOW - timedelta(milliseconds=1)) < first_id(NOW) < new_id(NOW)
    assert first_id(NOW - timedelta(days=36_500)) == first_id(datetime(1970, 1, 1, tzinfo=UTC)) < new_id(NOW)


async def test_announcements_are_kept_once_and_listed_newest_first(journal: Journal, clock: FrozenClock) -> None:
    kept = [make_announcement(clock.advance(seconds=1), platform_id=number) for number in (7, 3, 9)]
    elsewhere = make_announcement(clock.now, platform_id=1, community_code="10002")
    for each in (*kept, elsewhere, make_announcement(clock.advance(seconds=1), title="another")):
        await journal.announcements.add(each)
    query = AnnouncementQuery(communities=frozenset(["00001"]))
    assert await journal.announcements.list(query, 2) == Listed((kept[2], kept[1]), has_more=True)

    newer = make_announcement(clock.advance(seconds=1), platform_id=4)
    await journal.announcements.add(newer)
    for given, items in (({}, (newer, *kept[::-1])), ({"after": kept[1].id}, (kept[0],)), ({"offset": 3}, (kept[0],))):
        assert await journal.announcements.list(query, 9, **given) == Listed(items, has_more=False)
    assert await journal.announcements.count(query) == 4
    assert await journal.announcements.by_number("00001", 3) == kept[1]
    for code, number in (("10002", 3), ("00001", 5)):
        assert await journal.announcements.by_number(code, number) is None


async def find_entries(journal: Journal, **filters: Any) -> list[AuditEntry]:
    return [each async for each in journal.audit.entries(AuditQuery(**filters))]


async def test_audit_entries_are_found_in_order_and_by_record(journal, clock, monkeypatch):
    """In several batches, and in every bucket of the index, where all records have one hash."""
    monkeypatch.setattr(audit, "LARGEST_BATCH", 3)
    monkeypatch.setattr(audit, "BUCKET", 2)
    monkeypatch.setattr(audit, "crc32", lambda _name: 0)
    denied = {"action": AuditAction.DENIED, "records": None, "fields": ("people",), "missing_scope": "people:read"}
    entries = [make_entry(clock.now, **denied)]
    for number in range(7):
        records = RecordRefs("Order", "10002", (str(number % 2),))
        entries.append(make_entry(clock.advance(seconds=1), records=records))
    await journal.audit.add(entries)

    assert await find_entries(journal) == entries
    assert await find_entries(journal, record="1") == entries[2::2]


async def test_audit_entry_with_invalid_text_is_found(journal: Journal, clock: FrozenClock) -> None:
    records = RecordRefs("Order", "10002", (TEXT,))
    shown = make_entry(clock.now, subject=TEXT, records=records, operation_name=TEXT)
    await journal.audit.add([shown])

    records = RecordRefs("Order", "10002", (STORED,))
    kept = msgspec.structs.replace(shown, subject=STORED, records=records, operation_name=STORED)
    assert await find_entries(journal, subject=TEXT, record=RecordRef("Order", "10002", TEXT)) == [kept]


async def begun(journal: Journal) -> Operation:
    texts = dict.fromkeys(("subject", "community_code", "reason"), TEXT)
    operation, _ = await reserve(journal.operations, key="key", mutation="createOrder", **texts)
    return operation


async def test_operation_with_invalid_text_is_found_and_its_json_exact(journal: Journal) -> None:
    operation = await begun(journal)
    await journal.operations.mark_sent(operation, {"title": TEXT})
    error = UserError(code="UPSTREAM_REFUSED", message=TEXT, message_zh=TEXT, upstream_message=TEXT)
    written: dict[str, Any] = {"record": RecordRef("Order", "10002", TEXT), "answer": {"number": TEXT}}
    await journal.operations.finish(operation.id, Outcome.CONFIRMED, **written, user_errors=[error])

    [kept] = (await journal.operations.list(OperationQuery(communities=frozenset([TEXT])), 10)).items
    assert (kept.subject, kept.reason) == (STORED, STORED)
    assert (kept.expected, kept.answer, kept.user_errors) == ({"title": TEXT}, {"number": TEXT}, (error,))
    assert (await begun(journal)).id == operation.id
    assert await journal.operations.recorded("Order", "10002", [TEXT, "2"]) == {TEXT}


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
