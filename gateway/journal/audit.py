"""The audit trail as it is kept: only ever added to, until its time is over."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any, ClassVar

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.journal.database import Database
from gateway.journal.listing import Conditions, Cut, between, counted, newest, within
from gateway.journal.records import AuditAction, AuditEntry, Listed, RecordRef, RecordRefs, first_id
from gateway.journal.tables import audit, audit_records, storable_id

LARGEST_BATCH = 500
"""Entries in one transaction, so that a long backlog keeps nobody else waiting."""


class RevealPlace(msgspec.Struct, frozen=True):
    """Where a reveal stands in the trail: its entry, and its place there."""

    entry_id: str
    index: int


class RevealQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Reveals from `since` on and before `until`, those of entries from that of `after` on.

    `record` may be the hash that is all there is of a person's id.
    """

    place: ClassVar[Column[str]] = audit.c.record_community_code

    communities: frozenset[str] | None = None
    subject: str | None = None
    record: RecordRef | str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: RevealPlace | None = None

    @property
    def is_narrow(self) -> bool:
        return self.record is not None

    def conditions(self, dialect: str) -> Conditions:
        found = [audit.c.action == AuditAction.REVEALED, *between(audit, "at", self.since, self.until)]
        if self.record is not None:
            found += _of_record(dialect, self.record)
        if self.subject is not None:
            found.append(audit.c.subject == self.subject)
        if self.after is not None:
            found.append(audit.c.id <= self.after.entry_id)
        return found


class Reveal(msgspec.Struct, frozen=True, kw_only=True):
    """One record that was shown unmasked: the fields with personal data in it, to whom, and in which request, the last
    time. `record` is None for what has no id.
    """

    place: RevealPlace
    at: datetime
    subject: str
    record: RecordRef | None
    fields: tuple[str, ...]
    operation_name: str | None
    request_id: str


class Audit:
    """See `AuditEntry`. Every method raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entries: Sequence[AuditEntry]) -> None:
        """Make these entries durable, all of them or none. Those that are there already stay as they are."""
        rows = [_row(entry) for entry in entries]
        if rows:
            await self._database.write(
                lambda connection: connection.execute(_insert(connection.dialect.name), rows).close()
            )

    async def read(
        self,
        *,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        record: RecordRef | str | None = None,
    ) -> AsyncIterator[AuditEntry]:
        """Entries from `since` on and before `until`, of this subject and of this record, oldest first.

        `record` may be the hash that is all there is of a person's id. A row that was reached without its community is
        the same row, whichever of the two is asked for.
        """
        rows = select(audit).where(*between(audit, "at", since, until)).order_by(audit.c.id).limit(LARGEST_BATCH)
        if subject is not None:
            rows = rows.where(audit.c.subject == subject)
        last = ""
        while found := await self._page(rows.where(audit.c.id > last), record):
            for entry in found:
                yield entry
            last = found[-1].id

    async def reveals(self, query: RevealQuery, limit: int, after: RevealPlace | None = None) -> Listed[Reveal]:
        """The newest reveals after this one: those of an entry in its order, entries newest first."""
        query = msgspec.structs.replace(query, after=after)
        # One more than the page, and one whose reveals may all be before it: each entry has at least one.
        rows = await self._database.read(lambda connection: newest(connection, query, Cut(limit + 1)))
        found = chain.from_iterable(_reveals(_entry(row), query) for row in rows)
        wanted = [reveal for reveal in found if after is None or _is_after(reveal.place, after)]
        return Listed(tuple(wanted[:limit]), len(wanted) > limit)

    async def count_reveals(self, query: RevealQuery) -> int:
        """How many there are in all. It reads all their entries."""

        def read(connection: Connection) -> int:
            if query.record is not None:
                return counted(connection, query)
            length = func.cardinality if connection.dialect.name == "postgresql" else func.json_array_length
            return counted(connection, query, func.coalesce(length(audit.c.record_ids), 1))

        return await self._database.read(read)

    async def forget(self, age: timedelta, now: datetime) -> int:
        """Delete some of what is older than this; returns how many entries. 0: nothing older is left."""
        old = select(audit.c.id).where(audit.c.id < first_id(now - age)).order_by(audit.c.id).limit(LARGEST_BATCH)
        statement = delete(audit).where(audit.c.id.in_(old))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def _page(self, rows: Select[Any], record: RecordRef | str | None) -> list[AuditEntry]:
        def read(connection: Connection) -> list[AuditEntry]:
            page = rows if record is None else rows.where(*_of_record(connection.dialect.name, record))
            return [_entry(row) for row in connection.execute(page)]

        return await self._database.read(read)


def _reveals(entry: AuditEntry, query: RevealQuery) -> Iterator[Reveal]:
    """The reveals of one entry that match the query."""
    records: Sequence[RecordRef | None] = [None]
    if entry.records is not None:
        of = entry.records
        records = [RecordRef(of.type, of.community_code, platform_id) for platform_id in of.platform_ids]
    wanted = query.record.platform_id if isinstance(query.record, RecordRef) else query.record
    for index, record in enumerate(records):
        if wanted is None or (record is not None and record.platform_id == storable_id(wanted)):
            yield Reveal(
                place=RevealPlace(entry.id, index),
                at=entry.at,
                subject=entry.subject,
                record=record,
                fields=entry.fields,
                operation_name=entry.operation_name,
                request_id=entry.request_id,
            )


def _is_after(place: RevealPlace, other: RevealPlace) -> bool:
    return place.entry_id < other.entry_id or (place.entry_id == other.entry_id and place.index > other.index)


def _of_record(dialect: str, record: RecordRef | str) -> Conditions:
    """A row that was reached without its community is the same row, whichever of the two is asked for."""
    if isinstance(record, str):
        return [_holds(dialect, record)]
    found = [_holds(dialect, record.platform_id), audit.c.record_type == record.type]
    return found + within(audit.c.record_community_code, record.community_code)


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
