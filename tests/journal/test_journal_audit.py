from datetime import timedelta
from typing import Any

import pytest
from journal_fixtures import FrozenClock

from gateway.journal import audit
from gateway.journal.identifiers import new_id
from gateway.journal.journal import Journal
from gateway.journal.records import AuditAction, AuditEntry, RecordRef

PERSON = RecordRef("People", None, "hash-of-a-person")


def entry(clock: FrozenClock, **changes: Any) -> AuditEntry:
    values: dict[str, Any] = {
        "id": new_id(clock.now),
        "at": clock.now,
        "subject": "officer",
        "action": AuditAction.REVEALED,
        "record": PERSON,
        "fields": ("phone", "idCard"),
        "count": 2,
        "missing_scope": None,
        "operation_name": "Person",
        "request_id": "request",
    }
    return AuditEntry(**values | changes)


async def found(journal: Journal, **filters: Any) -> list[AuditEntry]:
    return [each async for each in journal.audit.read(**filters)]


async def test_an_entry_comes_back_as_it_was(journal: Journal, clock: FrozenClock) -> None:
    shown = entry(clock)
    denied = entry(clock, action=AuditAction.DENIED, record=None, fields=("people",), missing_scope="people:read")
    await journal.audit.add([shown, denied])

    assert await found(journal) == sorted((shown, denied), key=lambda each: each.id)


async def test_nothing_to_add_is_nothing(journal: Journal) -> None:
    await journal.audit.add([])

    assert await found(journal) == []


async def test_an_entry_added_again_is_there_once(journal: Journal, clock: FrozenClock) -> None:
    """As after a commit whose acknowledgement was lost."""
    first = entry(clock)
    await journal.audit.add([first])
    await journal.audit.add([first, entry(clock)])

    assert len(await found(journal)) == 2


async def test_entries_are_found_by_whom_since_when_and_of_what(journal: Journal, clock: FrozenClock) -> None:
    order = RecordRef("Order", "10002", "20201213110146000001")
    old = entry(clock)
    at = clock.advance(hours=1)
    new = entry(clock, record=order)
    other = entry(clock, subject="clerk", record=RecordRef("Order", "00001", "20201213110146000001"))
    await journal.audit.add([old, new, other])

    assert await found(journal, subject="clerk") == [other]
    assert await found(journal, since=at) == sorted((new, other), key=lambda each: each.id)
    assert await found(journal, record=order) == [new]
    assert await found(journal, record=PERSON) == await found(journal, record=PERSON.platform_id) == [old]
    assert await found(journal, subject="clerk", record=PERSON) == []


async def test_any_number_of_entries_is_read_from_the_oldest_on(
    journal: Journal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LARGEST_BATCH", 3)
    entries = []
    for number in range(7):
        entries.append(entry(clock, request_id=str(number)))
        clock.advance(seconds=1)
    await journal.audit.add(entries)

    assert await found(journal) == entries


async def test_entries_are_forgotten_when_their_time_is_over(
    journal: Journal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LARGEST_BATCH", 2)
    await journal.audit.add([entry(clock) for _ in range(3)])
    clock.advance(days=10)
    kept = entry(clock)
    await journal.audit.add([kept])

    gone = [await journal.audit.forget(timedelta(days=10), clock.advance(seconds=1)) for _ in range(3)]

    assert gone == [2, 1, 0]
    assert await found(journal) == [kept]


async def test_a_hundred_years_are_kept_whole(journal: Journal, clock: FrozenClock) -> None:
    kept = entry(clock)
    await journal.audit.add([kept])

    assert await journal.audit.forget(timedelta(days=36_500), clock.now) == 0
    assert await found(journal) == [kept]


async def test_a_row_reached_without_its_community_is_the_same_row(journal: Journal, clock: FrozenClock) -> None:
    bare = entry(clock, record=RecordRef("Shenhe", None, "7"))
    placed = entry(clock, record=RecordRef("Shenhe", "10002", "7"))
    elsewhere = entry(clock, record=RecordRef("Shenhe", "00001", "7"))
    others = [entry(clock, record=RecordRef(type_, None, id_)) for type_, id_ in (("Repair", "7"), ("Shenhe", "8"))]
    await journal.audit.add([bare, placed, elsewhere, *others])

    def in_order(*entries: AuditEntry) -> list[AuditEntry]:
        return sorted(entries, key=lambda each: each.id)

    assert await found(journal, record=placed.record) == in_order(bare, placed)
    assert await found(journal, record=bare.record) == in_order(bare, placed, elsewhere)
