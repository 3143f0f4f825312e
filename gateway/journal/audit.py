"""The audit trail as it is kept: only ever added to, until its time is over."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.journal.database import Database
from gateway.journal.identifiers import first_id
from gateway.journal.records import AuditEntry, RecordRef, RecordRefs
from gateway.journal.tables import audit, audit_records, storable_id

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
        if isinstance(record, RecordRef):
            rows = rows.where(audit.c.record_type == record.type)
            if record.community_code is not None:
                community = audit.c.record_community_code
                rows = rows.where(or_(community == record.community_code, community.is_(None)))
        record_id = record.platform_id if isinstance(record, RecordRef) else record
        last = ""
        while found := await self._page(rows.where(audit.c.id > last), record_id):
            for entry in found:
                yield entry
            last = found[-1].id

    async def forget(self, age: timedelta, now: datetime) -> int:
        """Delete some of what is older than this; returns how many entries. 0: nothing older is left."""
        oldest = select(audit.c.id).where(audit.c.id < first_id(now - age)).order_by(audit.c.id).limit(LARGEST_BATCH)
        statement = delete(audit).where(audit.c.id.in_(oldest))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def _page(self, rows: Select[Any], record_id: str | None) -> list[AuditEntry]:
        def read(connection: Connection) -> list[AuditEntry]:
            page = rows if record_id is None else rows.where(_holds(connection.dialect.name, record_id))
            return [_entry(row) for row in connection.execute(page)]

        return await self._database.read(read)


def _holds(dialect: str, record_id: str) -> ColumnElement[bool]:
    """Whether an entry is of this record, by the index of all records of an entry."""
    if dialect == "postgresql":
        return audit.c.record_ids.bool_op("@>")([record_id])
    return audit.c.id.in_(select(audit_records.c.entry_id).where(audit_records.c.record_id == storable_id(record_id)))


def _row(entry: AuditEntry) -> dict[str, Any]:
    records = entry.records
    return {
        "id": entry.id,
        "at": entry.at,
        "subject": entry.subject,
        "action": entry.action,
        "record_type": None if records is None else records.type,
        "record_community_code": None if records is None else records.community_code,
        "record_ids": None if records is None else list(records.platform_ids),
        "fields": list(entry.fields),
        "count": entry.count,
        "missing_scope": entry.missing_scope,
        "operation_name": entry.operation_name,
        "request_id": entry.request_id,
    }


def _entry(row: Row[Any]) -> AuditEntry:
    values: dict[str, Any] = {str(name): value for name, value in row._mapping.items()}
    if values["record_type"] is not None:
        values["records"] = RecordRefs(
            values["record_type"], values["record_community_code"], tuple(values["record_ids"])
        )
    return msgspec.convert({"records": None, **values}, AuditEntry)


@cache
def _insert(dialect: str) -> Any:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(audit).on_conflict_do_nothing()
