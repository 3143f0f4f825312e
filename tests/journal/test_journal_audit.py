import asyncio
from pathlib import Path

import pytest
from journal_fixtures import FrozenClock

from gateway.errors import JournalError
from gateway.journal import audit
from gateway.journal.audit import Audit
from gateway.journal.database import Work
from gateway.journal.journal import Journal, open_journal
from gateway.journal.records import AuditEntry, RecordRef
from gateway.journal.sqlite import open_sqlite
from gateway.settings import Settings

PERSON = RecordRef("People", "10002", "hash-of-a-person")


async def test_an_entry_says_who_what_and_which_fields(journal: Journal, clock: FrozenClock) -> None:
    journal.audit.record(
        subject="officer",
        action="reveal",
        community_code="10002",
        record=PERSON,
        fields=("phone", "idCard"),
        operation_id="operation",
        request_id="request",
    )
    await journal.audit.flush()

    (entry,) = (await journal.audit.list(0, 10)).items
    assert entry == AuditEntry(
        id=entry.id,
        at=clock.now,
        subject="officer",
        action="reveal",
        community_code="10002",
        record=PERSON,
        fields=("phone", "idCard"),
        operation_id="operation",
        request_id="request",
    )


async def test_entries_are_written_without_being_waited_for(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "DELAY", 0.0)
    journal.audit.record(subject="officer", action="reveal")

    async with asyncio.timeout(5):
        while not (await journal.audit.list(0, 1)).total:
            pass


async def test_what_waits_is_written_at_the_end(settings: Settings) -> None:
    async with open_journal(settings) as journal:
        for _ in range(audit.LARGEST_BATCH + 1):
            journal.audit.record(subject="officer", action="reveal")
    async with open_journal(settings) as journal:
        assert (await journal.audit.list(0, 1)).total == audit.LARGEST_BATCH + 1


class _FailsOnce:
    """A database whose first write is committed and then reported as failed, as after a time-out."""

    def __init__(self, database: object) -> None:
        self._database = database
        self._failed = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    async def write(self, work: Work[object]) -> object:
        value = await self._database.write(work)  # type: ignore[attr-defined] # a stand-in for any database
        if not self._failed:
            self._failed = True
            raise JournalError("timed out")
        return value


async def test_entries_outlive_a_failure_and_are_not_doubled(
    settings: Settings, clock: FrozenClock, tmp_path: Path
) -> None:
    async with open_journal(Settings(data_dir=tmp_path / "made")):
        pass
    database = await open_sqlite(tmp_path / "made", 2.0)
    trail = Audit(_FailsOnce(database), clock)
    trail.record(subject="officer", action="reveal")

    with pytest.raises(JournalError):
        await trail.flush()
    await trail.flush()

    assert (await trail.list(0, 10)).total == 1
    await trail.close()
    await database.close()


async def test_what_can_not_be_recorded_is_not_to_be_revealed(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LARGEST_BACKLOG", 2)
    journal.audit.record(subject="officer", action="reveal")
    journal.audit.record(subject="officer", action="reveal")
    with pytest.raises(JournalError, match="audit trail"):
        journal.audit.record(subject="officer", action="reveal")

    await journal.audit.flush()
    journal.audit.record(subject="officer", action="reveal")
