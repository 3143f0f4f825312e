"""The operations on each of several records, by one statement."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import attrgetter

import msgspec
from sqlalchemy import Connection, Select, union_all

from gateway.journal.newest import NUMBER, Conditions, Given, Group, newest_of_groups
from gateway.journal.records import Operation
from gateway.journal.rows import to_record
from gateway.journal.tables import operations

LONGEST_HISTORY = 50
"""Operations on one record."""

MOST_SYNCHRONISATIONS = 200
"""Of a community, the newest that had something to change: those of a module are looked for among them."""


class HistoryKey(msgspec.Struct, frozen=True):
    """A record whose history is asked for, called by one of `platform_ids` in the operations on it.

    `community_code` None: it was reached without its community, and operations of any may be on it. `module`: the name
    by which a synchronisation of its community switches it.
    """

    type: str
    community_code: str | None
    platform_ids: tuple[str, ...]
    module: str | None = None

    @property
    def synchronised(self) -> str | None:
        """The number of the group of the synchronisations that may have switched it."""
        return None if self.module is None or self.community_code is None else f"synchronised {self.community_code}"


def read_histories(connection: Connection, keys: Sequence[HistoryKey]) -> list[tuple[Operation, ...]]:
    """The operations on each record, newest first, `LONGEST_HISTORY` at most."""
    dialect = connection.dialect.name
    parts = [
        *_part(dialect, _in_community(keys), _on_record_in_community),
        *_part(dialect, _in_community(keys), _on_record_by_number),
        *_part(dialect, _anywhere(keys), _on_record, leading=None),
        *_part(dialect, _synchronised(keys), _on_community, MOST_SYNCHRONISATIONS),
    ]
    if not parts:
        return []
    found: defaultdict[str, list[Operation]] = defaultdict(list)
    for row in connection.execute(union_all(*parts) if len(parts) > 1 else parts[0]):
        found[row._mapping[NUMBER]].append(to_record(row, Operation))
    histories = []
    for at, key in enumerate(keys):
        synchronised = found.get(key.synchronised or "", ())
        history = [*found[str(at)], *(each for each in synchronised if _switches(each, key.module))]
        history.sort(key=attrgetter("id"), reverse=True)
        histories.append(tuple(history[:LONGEST_HISTORY]))
    return histories


def _part(
    dialect: str,
    groups: Sequence[Group],
    match: Callable[[Given], Conditions],
    limit: int = LONGEST_HISTORY,
    leading: tuple[()] | None = (),
) -> list[Select[tuple[object, ...]]]:
    """The statement that finds these groups, if there are any."""
    if not groups:
        return []
    return [newest_of_groups(dialect, list(operations.c), groups, match, limit, leading)]


def _in_community(keys: Sequence[HistoryKey]) -> list[Group]:
    return [
        {NUMBER: str(at), "type": key.type, "id": platform_id, "code": key.community_code}
        for at, key in enumerate(keys)
        for platform_id in key.platform_ids
        if key.community_code is not None
    ]


def _anywhere(keys: Sequence[HistoryKey]) -> list[Group]:
    return [
        {NUMBER: str(at), "type": key.type, "id": platform_id}
        for at, key in enumerate(keys)
        for platform_id in key.platform_ids
        if key.community_code is None
    ]


def _synchronised(keys: Sequence[HistoryKey]) -> list[Group]:
    numbers = {number: str(key.community_code) for key in keys if (number := key.synchronised)}
    return [{NUMBER: number, "code": code} for number, code in numbers.items()]


def _on_record(given: Given) -> Conditions:
    return [operations.c.record_type == given("type"), operations.c.record_id == given("id")]


def _on_record_in_community(given: Given) -> Conditions:
    return [*_on_record(given), operations.c.record_community_code == given("code")]


def _on_record_by_number(given: Given) -> Conditions:
    """A row that was written by its bare number is the same row."""
    return [*_on_record(given), operations.c.record_community_code.is_(None)]


def _on_community(given: Given) -> Conditions:
    return [
        operations.c.record_type == "Community",
        operations.c.record_id == given("code"),
        operations.c.record_community_code == given("code"),
        operations.c.expected.is_not(None),
    ]


def _switches(operation: Operation, module: str | None) -> bool:
    """Whether the module was one that the synchronisation had to change."""
    return module in (operation.expected or {}).get("modules", ())
