"""What was new in the platforms' answers: the same for all gateways of the journal."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select, update

from gateway.journal.database import Database, insert_new
from gateway.journal.records import DriftRecord
from gateway.journal.rows import to_record
from gateway.journal.tables import drift
from gateway.normalise.drift import Sighting
from gateway.normalise.observation import MOST_UNKNOWN_WORDS, TOO_MANY
from gateway.normalise.vocabulary import DriftKind

FORGOTTEN_AFTER = timedelta(days=30)
"""After so long without being seen, what was new is forgotten."""

_KEY = (drift.c.endpoint, drift.c.record, drift.c.key, drift.c.kind, drift.c.found)
_ALL = select(drift).order_by(*_KEY)


class DriftRecords:
    """Every method raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def read(self) -> list[DriftRecord]:
        return await self._database.read(_read)

    async def add(self, sightings: Mapping[Sighting, int], rows: Mapping[tuple[str, str], int]) -> list[DriftRecord]:
        """Add in how many rows what was seen, and how many rows of each endpoint and record were looked at. Returns
        all that there is then.
        """
        now = self._clock()

        def work(connection: Connection) -> list[DriftRecord]:
            connection.execute(_ALL.with_for_update())  # in order, so that no two gateways wait for each other
            connection.execute(delete(drift).where(drift.c.last_seen_at < now - FORGOTTEN_AFTER))
            for (endpoint, record), amount in sorted(rows.items()):
                of_record = and_(drift.c.endpoint == endpoint, drift.c.record == record)
                connection.execute(update(drift).where(of_record).values(rows=drift.c.rows + amount))
            for sighting, count in sorted(sightings.items()):
                looked_at = rows.get((sighting.endpoint, sighting.record), count)
                _add(connection, sighting, count, looked_at, now)
            return _without_long_lists(connection, _read(connection))

        return await self._database.write(work)


def _read(connection: Connection) -> list[DriftRecord]:
    return [to_record(row, DriftRecord) for row in connection.execute(_ALL)]


def _add(connection: Connection, sighting: Sighting, count: int, rows: int, now: datetime) -> None:
    values: dict[str, Any] = sighting._asdict()
    new = values | {"count": count, "rows": rows, "first_seen_at": now, "last_seen_at": now}
    if connection.execute(insert_new(connection, drift), new).first() is None:
        this = [drift.c[name] == value for name, value in values.items()]
        connection.execute(update(drift).where(*this).values(count=drift.c.count + count, last_seen_at=now))


def _without_long_lists(connection: Connection, records: Iterable[DriftRecord]) -> list[DriftRecord]:
    """A list that the document has forgotten is not that long: what is under such a key may be of people."""
    groups: dict[tuple[str, str, str, DriftKind], list[DriftRecord]] = defaultdict(list)
    for record in records:
        groups[record.endpoint, record.record, record.key, record.kind].append(record)
    kept: list[DriftRecord] = []
    for (endpoint, name, key, kind), group in groups.items():
        is_long = len(group) > MOST_UNKNOWN_WORDS or (len(group) > 1 and any(each.found == TOO_MANY for each in group))
        if not is_long:
            kept += group
            continue
        this = (drift.c.endpoint == endpoint, drift.c.record == name, drift.c.key == key, drift.c.kind == kind)
        merged = DriftRecord(
            endpoint=endpoint,
            record=name,
            key=key,
            kind=kind,
            found=TOO_MANY,
            count=sum(each.count for each in group),
            rows=max(each.rows for each in group),
            first_seen_at=min(each.first_seen_at for each in group),
            last_seen_at=max(each.last_seen_at for each in group),
        )
        connection.execute(delete(drift).where(*this))
        connection.execute(insert(drift), {name: getattr(merged, name) for name in merged.__struct_fields__})
        kept.append(merged)
    return kept
