from typing import Any

import pytest
from journal_fixtures import make_entry
from standing_clock import FrozenClock

from gateway.journal import audit
from gateway.journal.audit import AuditQuery
from gateway.journal.journal import Journal
from gateway.journal.records import AuditAction, AuditEntry, RecordRef, RecordRefs


def entry(clock: FrozenClock, **changes: Any) -> AuditEntry:
    return make_entry(clock.now, **changes)


async def found(journal: Journal, **filters: Any) -> list[AuditEntry]:
    return [each async for each in journal.audit.entries(AuditQuery(**filters))]


async def test_audit_entry_round_trips(journal: Journal, clock: FrozenClock) -> None:
    shown = entry(clock)
    denied = entry(clock, action=AuditAction.DENIED, records=None, fields=("people",), missing_scope="people:read")
    await journal.audit.add([shown, denied])

    assert await found(journal) == sorted((shown, denied), key=lambda each: each.id)


async def test_entry_added_again_is_stored_once(journal: Journal, clock: FrozenClock) -> None:
    """As after a commit whose acknowledgement was lost."""
    first = entry(clock)
    await journal.audit.add([first])
    await journal.audit.add([first, entry(clock)])

    assert len(await found(journal)) == 2


async def test_entries_are_read_oldest_first_in_batches(
    journal: Journal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LARGEST_BATCH", 3)
    entries = []
    for number in range(7):
        entries.append(entry(clock, request_id=str(number)))
        clock.advance(seconds=1)
    await journal.audit.add(entries)

    assert await found(journal) == entries


async def test_record_without_community_matches_any_community(journal: Journal, clock: FrozenClock) -> None:
    bare, placed, elsewhere = (
        entry(clock, records=RecordRefs("Shenhe", community_code, ("6", "7")))
        for community_code in (None, "10002", "00001")
    )
    others = [
        entry(clock, records=RecordRefs(type_, None, (id_,))) for type_, id_ in (("Repair", "7"), ("Shenhe", "8"))
    ]
    await journal.audit.add([bare, placed, elsewhere, *others])

    def in_order(*entries: AuditEntry) -> list[AuditEntry]:
        return sorted(entries, key=lambda each: each.id)

    assert await found(journal, record=RecordRef("Shenhe", "10002", "7")) == in_order(bare, placed)
    assert await found(journal, record=RecordRef("Shenhe", None, "7")) == in_order(bare, placed, elsewhere)


async def test_record_is_found_in_every_bucket_by_its_name(
    journal: Journal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BUCKET", 2)
    monkeypatch.setattr(audit, "crc32", lambda _name: 0)  # as of two records of one hash
    entries = []
    for number in range(7):
        entries.append(entry(clock, records=RecordRefs("Order", "10002", (str(number % 2),))))
        clock.advance(seconds=1)
    await journal.audit.add(entries)

    assert await found(journal, record="1") == entries[1::2]
