"""The audit trail as it is kept: only ever added to, until its time is over."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.journal.database import Database
from gateway.journal.identifiers import first_id
from gateway.journal.records import AuditEntry, RecordRef
from gateway.journal.rows import record_columns, to_record
from gateway.journal.tables import audit

LARGEST_BATCH = 500
"""Entries in one transaction, so that a long backlog keeps nobody else waiting."""


class Audit:
    """See `AuditEntry`. Every method raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entries: Sequence[AuditEntry]) -> None:
        """Make these entries durable, all of them or none. Those that are there already stay as they are."""
        rows = [_row(entry) for entry in entries]
        if rows:
            await self._database.write(lambda connection: connection.execute(_insert(connection.dialect.name), rows))

    async def read(
        self, *, subject: str | None = None, since: datetime | None = None, record: RecordRef | str | None = None
    ) -> AsyncIterator[AuditEntry]:
        """Entries since then, of this subject and of this record, oldest first.

        `record` may be the hash that is all there is of a person's id. A row that was reached without its community is
        the same row, whichever of the two is asked for.
        """
        rows = select(audit).order_by(audit.c.id).limit(LARGEST_BATCH)
        if subject is not None:
            rows = rows.where(audit.c.subject == subject)
        if since is not None:
            rows = rows.where(audit.c.at >= since)
        if isinstance(record, str):
            rows = rows.where(audit.c.record_id == record)
        elif record is not None:
            rows = rows.where(audit.c.record_type == record.type, audit.c.record_id == record.platform_id)
            if record.community_code is not None:
                community = audit.c.record_community_code
                rows = rows.where(or_(community == record.community_code, community.is_(None)))
        last = ""
        while found := await self._page(rows.where(audit.c.id > last)):
            for entry in found:
                yield entry
            last = found[-1].id

    async def forget(self, age: timedelta, now: datetime) -> int:
        """Delete some of what is older than this; returns how many entries. 0: nothing older is left."""
        oldest = select(audit.c.id).where(audit.c.id < first_id(now - age)).order_by(audit.c.id).limit(LARGEST_BATCH)
        statement = delete(audit).where(audit.c.id.in_(oldest))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def _page(self, rows: Select[Any]) -> list[AuditEntry]:
        return await self._database.read(
            lambda connection: [to_record(row, AuditEntry) for row in connection.execute(rows)]
        )


def _row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "subject": entry.subject,
        "action": entry.action,
        "record_type": None,
        "record_community_code": None,
        "record_id": None,
        **record_columns(entry.record),
        "fields": list(entry.fields),
        "count": entry.count,
        "missing_scope": entry.missing_scope,
        "operation_name": entry.operation_name,
        "request_id": entry.request_id,
    }


@cache
def _insert(dialect: str) -> Any:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(audit).on_conflict_do_nothing()
