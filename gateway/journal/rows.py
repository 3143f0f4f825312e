"""Between rows and records."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, func, or_, select

from gateway.journal.listing import Cut, Query, newest
from gateway.journal.records import Listed, Listing, RecordRef

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
    return {
        "record_type": record.type,
        "record_community_code": record.community_code,
        "record_id": record.platform_id,
    }


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
