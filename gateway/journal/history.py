"""The operations on each of several records, by one statement."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, and_, case, func, or_, select

from gateway.journal.listing import Conditions, to_record, within
from gateway.journal.records import Operation
from gateway.journal.tables import operations

LONGEST_HISTORY = 50
"""Operations on one record."""

MOST_SYNCHRONISATIONS = 200
"""Of a community, the newest: those of a module are looked for among them, too."""


class HistoryKey(msgspec.Struct, frozen=True):
    """A record whose history is asked for, called by one of `platform_ids` in the operations on it.

    `community_code` None: it was reached without its community, and operations of any may be on it. `module`: the name
    by which a synchronisation of its community switches it.
    """

    type: str
    community_code: str | None
    platform_ids: tuple[str, ...]
    module: str | None = None

    def holds(self, operation: Operation) -> bool:
        """Whether it is on this record. One that was written by its bare number is on the same record."""
        record = operation.record
        if record is None or (
            self.community_code is not None and record.community_code not in (self.community_code, None)
        ):
            return False
        if record.type == self.type:
            return record.platform_id in self.platform_ids
        return record.type == "Community" and self.module in (operation.expected or {}).get("modules", ())


def read_histories(connection: Connection, keys: Sequence[HistoryKey]) -> list[tuple[Operation, ...]]:
    """The operations on each record, newest first, `LONGEST_HISTORY` at most."""
    if not keys:
        return []
    wanted: defaultdict[tuple[str, str | None], set[str]] = defaultdict(set)
    for key in keys:
        wanted[key.type, key.community_code].update(key.platform_ids)
        if key.module is not None and key.community_code is not None:
            wanted["Community", key.community_code].add(key.community_code)
    on = operations.c
    place = func.row_number().over(
        partition_by=(on.record_type, on.record_id, on.record_community_code), order_by=on.id.desc()
    )
    longest = case((on.record_type == "Community", MOST_SYNCHRONISATIONS), else_=LONGEST_HISTORY)
    places = select(on.id, place.label("place"), longest.label("longest"))
    ranked = places.where(or_(*(and_(*_on(*each)) for each in wanted.items()))).subquery()
    newest = select(ranked.c.id).where(ranked.c.place <= ranked.c.longest)
    rows = connection.execute(select(operations).where(on.id.in_(newest)).order_by(on.id.desc()))
    noted = [to_record(row, Operation) for row in rows]
    return [tuple(each for each in noted if key.holds(each))[:LONGEST_HISTORY] for key in keys]


def _on(record: tuple[str, str | None], platform_ids: Iterable[str]) -> Conditions:
    type_, code = record
    return [
        operations.c.record_type == type_,
        operations.c.record_id.in_(sorted(platform_ids)),
        *within(operations.c.record_community_code, code),
    ]
