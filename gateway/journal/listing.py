"""The rows of the journal's tables as records, and parts of them, newest first, by what is asked for.

Indexes lead from a community, alone or with one further column, to its rows in the order of `id`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Executable, Row, Select, Table, Update, and_, func, select

from gateway.journal.database import Database
from gateway.journal.records import Listed, RecordRef, first_id
from gateway.journal.tables import announcements, operations, payment_conflicts, payments
from gateway.normalise.vocabulary import DeliveryState, Outcome

Condition: TypeAlias = ColumnElement[bool]
Filters: TypeAlias = Mapping[str, Callable[[Any], Condition]]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Rows from `since` on and before `until`, of these communities: None is of all, and of none.

    Both are compared with the times in identifiers, to the millisecond. `place` is the column of the community,
    `filters` the conditions of further attributes, where these are not None. With one of the `narrow` attributes few
    rows are asked for, which something else than their community leads to.
    """

    place: ClassVar[Column[str]]
    filters: ClassVar[Filters] = {}
    narrow: ClassVar[tuple[str, ...]] = ()

    communities: frozenset[str] | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[Condition]:
        """What is asked for besides the community."""
        asked = {name: getattr(self, name) for name in self.filters}
        found = [self.filters[name](value) for name, value in asked.items() if value is not None]
        row_id = self.place.table.c.id
        if self.since is not None:
            found.append(row_id >= first_id(self.since))
        if self.until is not None:
            found.append(row_id < first_id(self.until))
        return found

    def select(self, connection: Connection, *columns: Any) -> Select[Any]:
        """These columns of the rows that are asked for."""
        rows = select(*columns).select_from(self.place.table).where(*self.conditions())
        if self.communities is None:
            return rows
        # Without statistics SQLite would read and sort all their rows: this keeps it from their index.
        is_slow = connection.dialect.name == "sqlite" and len(self.communities) > 1
        return rows.where((func.coalesce(self.place, "") if is_slow else self.place).in_(sorted(self.communities)))

    def newest(self, connection: Connection, limit: int, offset: int, after: str | None) -> Sequence[Row[Any]]:
        """So many rows from an offset on, or after the row with this id."""
        table = self.place.table
        # Few rows are sorted: in the order of an index, a database would look for them among all rows.
        is_narrow = any(getattr(self, name) for name in self.narrow)
        subject, codes = getattr(self, "subject", None), self.communities or ()
        if subject is None or is_narrow or len(codes) > 1:
            rows = self.select(connection, table).order_by((table.c.id.concat("") if is_narrow else table.c.id).desc())
        else:
            # As a range, in the order of its index: PostgreSQL takes the rows of a subject to lie evenly in time, and
            # would look for the last ones of a subject that has left among all rows since.
            of, rest = table.c.subject, msgspec.structs.replace(self, subject=None)
            rows = rest.select(connection, table).where(of.between(subject, subject))
            rows = rows.order_by(of.desc(), table.c.id.desc())
        rows = rows.offset(offset) if after is None else rows.where(table.c.id < after)
        return connection.execute(rows.limit(limit)).all()


def within(community_code: Column[str], code: str | None) -> Sequence[Condition]:
    """That it is this community or unknown: a record that was reached without its community is the same record."""
    return () if code is None else (func.coalesce(community_code, code) == code,)


def on_record(record: RecordRef) -> Condition:
    """That an operation is on this record."""
    on = operations.c
    named = (on.record_type == record.type, on.record_id == record.platform_id)
    return and_(*named, *within(on.record_community_code, record.community_code))


class OperationQuery(Query, frozen=True, kw_only=True):
    """Operations by when they were begun."""

    place: ClassVar[Column[str]] = operations.c.community_code
    filters: ClassVar[Filters] = {
        "outcome": operations.c.state.__eq__,
        "mutations": operations.c.mutation.in_,
        "subject": operations.c.subject.__eq__,
        "record": on_record,
    }
    narrow: ClassVar[tuple[str, ...]] = ("record",)

    outcome: Outcome | None = None
    mutations: tuple[str, ...] | None = None
    subject: str | None = None
    record: RecordRef | None = None


def _has_conflicts(conflicting: bool) -> Condition:
    conflicts = select(payment_conflicts.c.payment_id)
    return payments.c.id.in_(conflicts) if conflicting else payments.c.id.not_in(conflicts)


class PaymentQuery(Query, frozen=True, kw_only=True):
    """Payments by when they were received. `conflicting`: with conflicts, or without any."""

    place: ClassVar[Column[str]] = payments.c.community_code
    filters: ClassVar[Filters] = {
        "state": payments.c.state.__eq__,
        "conflicting": _has_conflicts,
        "order_number": payments.c.order_number.__eq__,
    }
    narrow: ClassVar[tuple[str, ...]] = ("order_number", "conflicting")

    state: DeliveryState | None = None
    conflicting: bool | None = None
    order_number: str | None = None


class AnnouncementQuery(Query, frozen=True, kw_only=True):
    """Announcements by when they were published."""

    place: ClassVar[Column[str]] = announcements.c.community_code


RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class Records(Generic[RecordT]):
    """The rows of a table as records. Every method that waits raises JournalError when the journal cannot be used.

    `rows` are the columns of a record: all, where one of its fields is made of several.
    """

    def __init__(self, database: Database, table: Table, struct: type[RecordT]) -> None:
        self._database = database
        self._table = table
        self._struct = struct
        columns, names = tuple(map(str, table.c.keys())), struct.__struct_fields__
        self._names = names if set(names) <= set(columns) else columns
        self.rows = select(*(table.c[name] for name in self._names))

    def record(self, row: Row[Any]) -> RecordT:
        return msgspec.convert(dict(zip(self._names, row, strict=True)), self._struct)

    def all(self, connection: Connection, statement: Executable) -> list[RecordT]:
        return list(map(self.record, connection.execute(statement)))

    def first(self, connection: Connection, statement: Executable, values: Mapping[str, Any] = {}) -> RecordT | None:
        row = connection.execute(statement, values).first()
        return None if row is None else self.record(row)

    async def get(self, row_id: str) -> RecordT | None:
        found = await self.find(self._table.c.id == row_id)
        return found[0] if found else None

    async def find(self, *conditions: Condition) -> list[RecordT]:
        return await self.read(self.rows.where(*conditions))

    async def read(self, rows: Select[Any]) -> list[RecordT]:
        return await self._database.read(lambda connection: self.all(connection, rows))

    async def change(self, changes: Update) -> list[RecordT]:
        """Returns the rows that were changed, as they are now."""
        return await self._database.write(lambda connection: self.all(connection, changes.returning(self._table)))

    async def list(self, query: Query, limit: int, offset: int = 0, after: str | None = None) -> Listed[RecordT]:
        """A part of those that are asked for, newest first: from an offset on, or after the row with this id. All are
        not counted: that takes far longer.
        """
        # One more, where there is one.
        rows = await self._database.read(lambda connection: query.newest(connection, limit + 1, offset, after))
        return Listed(tuple(map(self.record, rows[:limit])), len(rows) > limit)

    async def count(self, query: Query, each: ColumnElement[Any] | None = None) -> int:
        """How many are asked for; `each`: what a row counts for. It reads an index: 0.1 s for a million rows."""
        number = func.count() if each is None else func.sum(each)
        return await self._database.read(lambda connection: connection.scalar(query.select(connection, number)) or 0)


FARTHEST = timedelta(hours=12)  # nothing in the journal is so far ahead but by a clock that was wrong


def is_past(time: Column[datetime], now: datetime) -> Condition:
    """Whether it has come; what a wrong clock has set has, too: nothing is to wait for that."""
    return (time <= now) | (time > now + FARTHEST)


def once(rows: Select[Any]) -> Select[Any]:
    """Rows for an IN, looked for once: a subquery that skips locked rows finds others each time, beyond its limit."""
    found = rows.cte()
    return select(*found.c)
