"""The newest rows of a table, each found at the end of an index.

A page of several communities, and the histories of several records, are made of the newest rows of several *groups*:
the rows with the same values in some columns. An index that begins with these columns and ends with `id` has the newest
rows of a group side by side, so a group costs its own page, however many rows there are. With `IN`, both databases read
all rows of all groups and sort them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import product
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
    true,
)

from gateway.journal.tables import storable

NUMBER = "group_number"

Group: TypeAlias = Mapping[str, str]
"""Values by name, and under `NUMBER` what stands beside the rows that are found."""

Given: TypeAlias = Callable[[str], ColumnElement[str]]
Match: TypeAlias = Callable[[Given], Sequence[ColumnElement[bool]]]
"""The conditions of a row to be of a group, whose values it is given by name."""


Conditions: TypeAlias = list[ColumnElement[bool]]

MOST_SKIPPED = 1000
"""Rows before a part, each of which is read in every group; beyond, all rows are read from the newest one on."""


class Cut(msgspec.Struct, frozen=True):
    """Which part of a list, newest first: `limit` rows from `offset` on, or those after the row with the id `after`."""

    limit: int
    offset: int = 0
    after: str | None = None


def newest(
    connection: Connection,
    table: Table,
    conditions: Sequence[ColumnElement[bool]],
    leading: Mapping[str, Sequence[str]] | None,
    cut: Cut,
) -> Sequence[Any]:
    """The rows of a part, and one more where there is one: those that meet the conditions and have, in each of the
    `leading` columns of an index, one of its values. None: there are few, to be found by a condition, and sorted.
    """
    dialect = connection.dialect.name
    conditions = [*conditions, *([] if cut.after is None else [table.c.id < cut.after])]
    offset, limit = (cut.offset, cut.limit + 1) if cut.after is None else (0, cut.limit + 1)
    if leading is None:
        rows = select(table).where(*conditions).order_by(*_order_of_few(table))
        return connection.execute(rows.offset(offset).limit(limit)).all()
    groups = [{NUMBER: "", **dict(zip(leading, values, strict=True))} for values in product(*leading.values())]
    if not groups:
        return []
    if len(groups) > 1 and offset > MOST_SKIPPED:
        among = [func.coalesce(table.c[name], "").in_(values) for name, values in leading.items()]
        rows = select(table).where(*among, *conditions).order_by(table.c.id.desc())
    elif len(groups) == 1:
        of_group = _of_group(dialect, table, leading, groups[0].__getitem__)
        rows = select(table).where(*of_group, *conditions).order_by(*_order(table, leading))
    else:
        found = newest_of_groups(
            dialect,
            [table.c.id],
            groups,
            lambda given: [*_of_group(dialect, table, leading, given), *conditions],
            offset + limit,
            leading,
        ).subquery()
        # Only the rows of the page are fetched, by a statement of their own: with one for both, PostgreSQL may join the
        # ids with all rows of the table.
        ids = connection.scalars(select(found.c.id).order_by(found.c.id.desc()).offset(offset).limit(limit)).all()
        return connection.execute(select(table).where(table.c.id.in_(ids)).order_by(table.c.id.desc())).all()
    return connection.execute(rows.offset(offset).limit(limit)).all()


def newest_of_groups(
    dialect: str,
    columns: Sequence[Column[Any]],
    groups: Sequence[Group],
    match: Match,
    limit: int,
    leading: Collection[str] | None = (),
) -> Select[Any]:
    """These columns of the newest rows of each group, `limit` at most, each with the number of its group.

    All groups have the same names, and they are one parameter: the statement is the same for any number of them.
    `leading`: columns that have one value in a group, to be sorted by first; None as in `newest`.
    """
    table, names = columns[0].table, tuple(groups[0])
    encoded = [{name: storable(value) for name, value in group.items()} for group in groups]
    parameter = bindparam(None, msgspec.json.encode(encoded).decode(), String, unique=True)

    def of_one(given: Given, shown: Sequence[Column[Any]]) -> Select[Any]:
        order = _order_of_few(table) if leading is None else _order(table, leading)
        return select(*shown).where(*match(given)).order_by(*order).limit(limit)

    if dialect == "postgresql":
        records = (
            func.json_to_recordset(cast(parameter, JSON))
            .table_valued(*(column(name, Text) for name in names))
            .render_derived("given", with_types=True)
        )
        found = of_one(lambda name: records.c[name], columns).correlate(records).lateral("found")
        shown = [found.c[each.name] for each in columns]
        return select(records.c[NUMBER], *shown).select_from(records.join(found, true()))

    values = func.json_each(parameter).table_valued("value", name="given")

    def value(name: str) -> ColumnElement[str]:
        return func.json_extract(values.c.value, f"$.{name}", type_=Text())

    row = table.alias("row")
    ids = of_one(value, [table.c.id]).correlate(values)
    shown = [row.c[each.name] for each in columns]
    return select(value(NUMBER).label(NUMBER), *shown).select_from(values.join(row, row.c.id.in_(ids)))


def _of_group(dialect: str, table: Any, leading: Collection[str], given: Callable[[str], Any]) -> Conditions:
    """Whether a row has these values.

    PostgreSQL expects rows that are as frequent among the newest as among all, and would look for them from the newest
    row back, through all of a million where a community has had none for long. So the last column is compared as a
    range: only an index that has it before `id` gives the order that `_order` asks for then. With the columns before
    it as ranges, too, the index would be read from the first row of the group to its last.
    """
    if not leading:
        return []
    *first, last = leading
    found = [table.c[name] == given(name) for name in first]
    if dialect != "postgresql":
        return [*found, table.c[last] == given(last)]
    return [*found, table.c[last] >= given(last), table.c[last] <= given(last)]


def _order_of_few(table: Any) -> list[ColumnElement[Any]]:
    """Newest first, and by no index: PostgreSQL would take that of all rows, in the hope to meet a few soon."""
    return [table.c.id.concat("").desc()]


def _order(table: Any, leading: Collection[str]) -> list[ColumnElement[Any]]:
    """Newest first, where the leading columns have one value each."""
    return [table.c[name].desc() for name in (*leading, "id")]
