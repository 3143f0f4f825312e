"""Parts of the journal's tables, newest first: what is asked for, the statements that find it, the records of rows.

Indexes lead from a community, alone or with one further column, to its rows in the order of `id`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, func, or_, select

from gateway.journal.records import Listed, Listing, RecordRef, RecordRefs, first_id
from gateway.journal.tables import operations, payment_conflicts, payments
from gateway.normalise.states import DeliveryState, Outcome

_TICKS = timedelta(milliseconds=2)
"""Identifiers distinguish milliseconds."""

Conditions: TypeAlias = list[ColumnElement[bool]]


class Cut(msgspec.Struct, frozen=True):
    """Which part of a list, newest first: `limit` rows from `offset` on, or those after the row with the id `after`."""

    limit: int
    offset: int = 0
    after: str | None = None


class Query(Protocol):
    """Rows of these communities (None: of all, and of none), which stand in the column `place` of their table."""

    place: ClassVar[Column[str]]

    @property
    def communities(self) -> frozenset[str] | None: ...

    @property
    def is_narrow(self) -> bool:
        """Whether few rows are asked for, which something else than their place leads to."""

    def conditions(self, dialect: str) -> Conditions:
        """What is asked for besides."""


class OperationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Operations begun from `since` on and before `until`. `records` are all names of one record."""

    place: ClassVar[Column[str]] = operations.c.community_code

    communities: frozenset[str] | None = None
    outcome: Outcome | None = None
    mutations: tuple[str, ...] | None = None
    subject: str | None = None
    records: RecordRefs | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_narrow(self) -> bool:
        return self.records is not None

    def conditions(self, _dialect: str) -> Conditions:
        found = between(operations, "started_at", self.since, self.until)
        if self.outcome is not None:
            found.append(operations.c.state == self.outcome.value)
        if self.subject is not None:
            found.append(operations.c.subject == self.subject)
        if self.mutations is not None:
            found.append(operations.c.mutation.in_(self.mutations))
        if self.records is not None:
            found += [
                operations.c.record_type == self.records.type,
                operations.c.record_id.in_(self.records.platform_ids),
                *within(operations.c.record_community_code, self.records.community_code),
            ]
        return found


class PaymentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Payments received from `since` on and before `until`. `conflicting`: with conflicts, or without any."""

    place: ClassVar[Column[str]] = payments.c.community_code

    communities: frozenset[str] | None = None
    state: DeliveryState | None = None
    conflicting: bool | None = None
    order_number: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_narrow(self) -> bool:
        return self.order_number is not None or bool(self.conflicting)

    def conditions(self, _dialect: str) -> Conditions:
        found = between(payments, "received_at", self.since, self.until)
        if self.state is not None:
            found.append(payments.c.state == self.state)
        if self.order_number is not None:
            found.append(payments.c.order_number == self.order_number)
        if self.conflicting is not None:
            conflicts = select(payment_conflicts.c.payment_id)
            found.append(payments.c.id.in_(conflicts) if self.conflicting else payments.c.id.not_in(conflicts))
        return found


def newest(connection: Connection, query: Query, cut: Cut) -> Sequence[Any]:
    """The rows of a part, and one more where there is one."""
    table, dialect = query.place.table, connection.dialect.name
    conditions = query.conditions(dialect)
    offset, limit = (cut.offset, cut.limit + 1) if cut.after is None else (0, cut.limit + 1)
    if cut.after is not None:
        conditions.append(table.c.id < cut.after)
    if dialect == "sqlite" and not query.is_narrow and len(query.communities or ()) > 1:
        conditions = [table.c.id.in_(_newest_of_each(query, conditions, offset + limit))]
    else:
        conditions += _among(query)
    # Few rows are sorted: in the order of an index, a database would look for them among all rows.
    newest_first = table.c.id.concat("").desc() if query.is_narrow else table.c.id.desc()
    return connection.execute(select(table).where(*conditions).order_by(newest_first).offset(offset).limit(limit)).all()


def counted(connection: Connection, query: Query, each: ColumnElement[Any] | None = None) -> int:
    """How many there are; `each`: how many each row counts for."""
    number = func.count() if each is None else func.sum(each)
    conditions = [*query.conditions(connection.dialect.name), *_among(query)]
    return connection.scalar(select(number).select_from(query.place.table).where(*conditions)) or 0


def between(table: Table, name: str, since: datetime | None, until: datetime | None) -> Conditions:
    """Identifiers are sorted by this time, to the millisecond: they lead to the rows, the time itself decides."""
    found: Conditions = []
    if since is not None:
        found += [table.c.id >= first_id(since.astimezone(UTC)), table.c[name] >= since]
    if until is not None:
        found += [table.c.id < first_id(until.astimezone(UTC) + _TICKS), table.c[name] < until]
    return found


def within(community_code: Column[str], code: str | None) -> Conditions:
    """That it is this community or unknown: a record that was reached without its community is the same record."""
    return [] if code is None else [func.coalesce(community_code, code) == code]


def _among(query: Query) -> Conditions:
    if query.communities is None:
        return []
    place = func.coalesce(query.place, "") if query.is_narrow else query.place  # so that no index leads from it
    return [place.in_(sorted(query.communities))]


def _newest_of_each(query: Query, conditions: Conditions, limit: int) -> Select[Any]:
    """The ids of the newest rows of each community. SQLite keeps no statistics: for an IN of several communities it
    would read all their rows and sort them.
    """
    table = query.place.table
    given = func.json_each(msgspec.json.encode(sorted(query.communities or ())).decode()).table_valued("value")
    ids = select(table.c.id).where(query.place == given.c.value, *conditions).order_by(table.c.id.desc()).limit(limit)
    row = table.alias("row")
    return select(row.c.id).select_from(given.join(row, row.c.id.in_(ids.correlate(given))))


RecordT = TypeVar("RecordT", bound=msgspec.Struct)

FARTHEST = timedelta(hours=12)
"""Nothing in the journal is so far ahead but by a clock that was wrong."""


def to_record(row: Row[Any], struct: type[RecordT]) -> RecordT:
    """The record of a row. The three `record_…` columns become one RecordRef."""
    values: dict[str, Any] = {str(name): value for name, value in row._mapping.items()}
    if values.get("record_type") is not None:
        values["record"] = RecordRef(values["record_type"], values["record_community_code"], values["record_id"])
    elif "record_type" in values:
        values["record"] = None
    return msgspec.convert(values, struct)


def record_columns(record: RecordRef | None) -> Mapping[str, str | None]:
    """The three columns of a RecordRef; nothing for None, so that an earlier one stays."""
    if record is None:
        return {}
    return {"record_type": record.type, "record_community_code": record.community_code, "record_id": record.platform_id}


def read_listing(
    connection: Connection, struct: type[RecordT], rows: Select[Any], offset: int, limit: int
) -> Listing[RecordT]:
    """The rows from `offset` on, `limit` at most, and how many there are in all.

    They are counted last: what comes before the page is read is counted, and what goes after it is as well.
    """
    items = connection.execute(rows.offset(offset).limit(limit)).all()
    total = connection.scalar(select(func.count()).select_from(rows.order_by(None).subquery())) or 0
    return Listing(tuple(to_record(row, struct) for row in items), max(total, offset + len(items)) if items else total)


def read_listed(connection: Connection, struct: type[RecordT], query: Query, cut: Cut) -> Listed[RecordT]:
    """The rows of a part. How many there are in all is not counted: that takes far longer."""
    rows = newest(connection, query, cut)
    return Listed(tuple(to_record(row, struct) for row in rows[: cut.limit]), len(rows) > cut.limit)


def is_past(time: Column[datetime], now: datetime) -> ColumnElement[bool]:
    """Whether it has come; what a wrong clock has set has, too: nothing is to wait for that."""
    return or_(time <= now, time > now + FARTHEST)


def once(rows: Select[Any]) -> Select[Any]:
    """The same rows for an IN, looked for once, whatever plan PostgreSQL makes.

    A subquery that skips what is locked finds others each time it is run, and so more than its limit in all.
    """
    found = rows.cte()
    return select(*found.c)
