"""The audit trail as it is kept: only ever added to, until its time is over."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar
from zlib import crc32

import msgspec
from sqlalchemy import Column, Connection, Row, Select, and_, bindparam, func, literal, select

from gateway.journal.database import Database
from gateway.journal.listing import Condition, Filters, Query, Records, within
from gateway.journal.records import AuditAction, AuditEntry, Listed, RecordRef, RecordRefs
from gateway.journal.tables import audit, audit_records, storable

LARGEST_BATCH = 500  # entries in one transaction, so that a long backlog keeps nobody else waiting
BUCKET = 4096
"""Entries in a bucket of the index. A search by record looks into each once: in a year of 110 million entries, 27,000
times. In larger ones a batch of entries would change more pages of the index.
"""
_KEYS = BUCKET << 30  # keys of a bucket: 30 bits of a record's hash, and the place of an entry in its bucket


def _entries(record: RecordRef | str) -> Select[Any]:
    """The numbers of entries by the hash of this record. A few records share one: their names tell them apart."""
    last, first = (select((end(audit.c.number) // BUCKET).label("bucket")) for end in (func.max, func.min))
    buckets = last.cte(recursive=True)
    buckets = buckets.union_all(select(buckets.c.bucket - 1).where(buckets.c.bucket > first.scalar_subquery()))
    key, lowest = audit_records.c.key, buckets.c.bucket * _KEYS + (crc32(_name(record).encode()) >> 2) * BUCKET
    return select(key // _KEYS * BUCKET + key % BUCKET).where(key.between(lowest, lowest + (BUCKET - 1)))


def _of_record(record: RecordRef | str) -> Condition:
    """Whether an entry is of this record: one that was reached without its community is the same record."""
    lines = literal("\n") + audit.c.record_ids + literal("\n")
    is_named = lines.contains(f"\n{_name(record)}\n", autoescape=True)
    if isinstance(record, str):
        return is_named
    return and_(
        is_named, audit.c.record_type == record.type, *within(audit.c.record_community_code, record.community_code)
    )


class AuditQuery(Query, frozen=True, kw_only=True):
    """Entries by when they were last noted. `record` may be the hash that is all there is of a person's id."""

    place: ClassVar[Column[str]] = audit.c.record_community_code
    filters: ClassVar[Filters] = {
        "action": audit.c.action.__eq__,
        "subject": audit.c.subject.__eq__,
        "record": _of_record,
        "last": audit.c.id.__le__,
    }
    narrow: ClassVar[tuple[str, ...]] = ("record",)

    action: AuditAction | None = None
    subject: str | None = None
    record: RecordRef | str | None = None
    last: str | None = None

    def select(self, connection: Connection, *columns: Any) -> Select[Any]:
        """What is of a record is looked for first: PostgreSQL would rather read the whole trail than its index."""
        rows = super().select(connection, *columns)
        if self.record is None:
            return rows
        numbers = connection.scalars(_entries(self.record)).all()
        return rows.where(audit.c.number.in_(bindparam("numbers", numbers, expanding=True, literal_execute=True)))


class Reveal(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was shown unmasked, the last time: `fields` had personal data. `record` is None without an id.

    `key` says where it stands in the trail: the id of its entry and its place there, with a dot between them.
    """

    key: str
    at: datetime
    subject: str
    record: RecordRef | None
    fields: tuple[str, ...]
    operation_name: str | None
    request_id: str


class Audit(Records[AuditEntry]):
    """See `AuditEntry`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, audit, AuditEntry)

    def record(self, row: Row[Any]) -> AuditEntry:
        values = dict(zip(self._names, row, strict=True)) | {"fields": row.fields.split(" "), "records": None}
        if row.record_type is not None:
            ids = tuple(row.record_ids.split("\n"))
            values["records"] = RecordRefs(row.record_type, row.record_community_code, ids)
        return msgspec.convert(values, AuditEntry)

    async def add(self, entries: Sequence[AuditEntry]) -> None:
        """Make these entries durable, all of them or none. Those that are there already stay as they are."""
        await self._database.write(lambda connection: _insert(connection, entries))

    async def entries(self, query: AuditQuery | None = None) -> AsyncIterator[AuditEntry]:
        """What is asked for, or all, oldest first."""
        asked, last = query or AuditQuery(), ""

        def work(connection: Connection) -> list[AuditEntry]:
            rows = asked.select(connection, audit).where(audit.c.id > last)
            return self.all(connection, rows.order_by(audit.c.id).limit(LARGEST_BATCH))

        while found := await self._database.read(work):
            for entry in found:
                yield entry
            last = found[-1].id

    async def reveals(self, query: AuditQuery, limit: int, after: str | None = None) -> Listed[Reveal]:
        """The newest reveals after the one with this key: those of an entry in its order, entries newest first."""
        last, _, index = (after or "").partition(".")
        query = msgspec.structs.replace(query, action=AuditAction.REVEALED, last=last or None)
        # One more than the page, and one whose reveals may all be before it: each entry has at least one.
        entries = await self.list(query, limit + 1)
        found = [
            reveal
            for entry in entries.items
            for reveal in _reveals(entry, query, int(index) if entry.id == last else -1)
        ]
        return Listed(tuple(found[:limit]), len(found) > limit)

    async def count_reveals(self, query: AuditQuery) -> int:
        """How many there are in all. It reads all their entries."""
        query = msgspec.structs.replace(query, action=AuditAction.REVEALED)
        separators = func.length(audit.c.record_ids) - func.length(func.replace(audit.c.record_ids, "\n", ""))
        each = func.coalesce(separators, 0) + 1 if query.record is None else None
        return await self.count(query, each)


def first_key() -> Select[Any]:
    """The least key of the index by record that may lead to an entry."""
    return select(func.min(audit.c.number) // BUCKET * _KEYS)


def _reveals(entry: AuditEntry, query: AuditQuery, after: int) -> Iterator[Reveal]:
    """The reveals of one entry that match the query, after this place in it."""
    records: Sequence[RecordRef | None] = [None]
    if of := entry.records:
        records = [RecordRef(of.type, of.community_code, platform_id) for platform_id in of.platform_ids]
    wanted = None if query.record is None else _name(query.record)
    for index, record in enumerate(records):
        if index > after and (wanted is None or (record is not None and record.platform_id == wanted)):
            yield Reveal(
                key=f"{entry.id}.{index}",
                at=entry.at,
                subject=entry.subject,
                record=record,
                fields=entry.fields,
                operation_name=entry.operation_name,
                request_id=entry.request_id,
            )


def _insert(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """By statements that the drivers prepare once: SQLAlchemy's compiler and types would take longer than all else."""
    if connection.dialect.name == "postgresql":
        taken = "SELECT nextval('audit_numbers') FROM generate_series(1, $1)"
        rows, keys = _rows(entries, connection.exec_driver_sql(taken, (len(entries),)).scalars(), lambda at: at)
        insert = "INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        connection.exec_driver_sql(f"{insert} ON CONFLICT (id) DO NOTHING", rows)
        index = "INSERT INTO audit_records SELECT unnest($1::bigint[]) ON CONFLICT DO NOTHING"
        connection.exec_driver_sql(index, (keys,))
    else:
        file: Any = connection.connection.driver_connection
        [last] = file.execute("SELECT coalesce(max(number), 0) FROM audit").fetchone()
        rows, keys = _rows(entries, range(last + 1, last + 1 + len(entries)), _sqlite_time)
        insert = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        file.executemany(f"{insert} ON CONFLICT (id) DO NOTHING", rows)
        index = "INSERT OR IGNORE INTO audit_records SELECT value FROM json_each(?)"
        file.execute(index, (msgspec.json.encode(keys).decode(),))


def _rows(
    entries: Sequence[AuditEntry], numbers: Iterable[int], stored_time: Callable[[datetime], object]
) -> tuple[list[tuple[object, ...]], list[int]]:
    """The rows of entries, and the keys of the index in their order."""
    rows: list[tuple[object, ...]] = []
    keys: list[int] = []
    for number, entry in zip(numbers, entries, strict=True):
        record_type = community_code = names = None
        if entry.records is not None:
            record_type, community_code = entry.records.type, entry.records.community_code
            names = _lines(entry.records.platform_ids)
            keys += index_keys(number, names.encode())
        texts = (entry.subject, community_code, entry.operation_name, entry.request_id)
        subject, community_code, operation_name, request_id = (text and storable(text) for text in texts)
        row = (number, entry.id, stored_time(entry.at), subject, entry.action.value, record_type, community_code, names)
        others = (" ".join(entry.fields), entry.count, entry.missing_scope, operation_name, request_id)
        rows.append(row + others)
    return rows, sorted(keys)


def index_keys(number: int, names: bytes) -> list[int]:
    """The keys that lead from each of an entry's records, lines of text, to the entry of this number."""
    place = number // BUCKET * _KEYS + number % BUCKET
    return [place + (hash_ >> 2) * BUCKET for hash_ in map(crc32, names.split(b"\n"))]


def _lines(platform_ids: tuple[str, ...]) -> str:
    if not "".join(platform_ids).isprintable():
        platform_ids = tuple(map(_stored_id, platform_ids))
    return "\n".join(platform_ids)


def _name(record: RecordRef | str) -> str:
    return _stored_id(record if isinstance(record, str) else record.platform_id)


def _stored_id(text: str) -> str:
    """The identifier as it is kept, and looked for: one line."""
    return storable(text).replace("\n", "\ufffd")


def _sqlite_time(at: datetime) -> str:
    """As `UTC_TIME` has it."""
    return f"{at.isoformat(' ', 'microseconds')[:26]}Z"
