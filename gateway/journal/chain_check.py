"""Whether the audit trail and the operations are what was written: the hash chains, read to their ends (ADR 23).

All of it is one unit of work: it sees one state of the journal, and holds a page of it in memory.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select

from gateway.journal.chain import ADOPTED, WITHDRAWN, Anchor, digest_before_first, digest_row, entry_digest
from gateway.journal.identifiers import first_id, get_moment
from gateway.journal.records import Trail
from gateway.journal.tables import audit, chain, chain_heads, operations

PAGE = 1000

CLOCKS_APART = timedelta(minutes=1)

_UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError)
"""What a value raises that only somebody else can have put into a row."""

ValueT = TypeVar("ValueT")


class Harm(StrEnum):
    """What was done to the journal."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    REWRITTEN = "rewritten"


class Finding(msgspec.Struct, frozen=True):
    """A place that is not as it was written."""

    harm: Harm
    what: str


class TrailCheck(msgspec.Struct, kw_only=True):
    """What was found in one chain. `entries` were read, of the places `first` to `last`. Rows until `cut_until` were
    deleted by retention. `not_covered` rows were written before the chain began at `begun_at`; `adopted` ones had been
    written without an entry. `anchors` lie on the chain; `anchors_cut` are of before its beginning.
    """

    trail: Trail
    name: str
    begun_at: datetime | None
    first: int = 0
    last: int = 0
    entries: int = 0
    cut_until: datetime | None = None
    not_covered: int = 0
    adopted: int = 0
    anchors: int = 0
    anchors_cut: int = 0
    findings: list[Finding] = msgspec.field(default_factory=list)

    def found(self, harm: Harm, what: str) -> None:
        self.findings.append(Finding(harm, what))


def check_chains(
    connection: Connection, anchors: Sequence[Anchor], retention: timedelta, now: datetime
) -> tuple[TrailCheck, ...]:
    """Check every chain there is. The links of a chain are read up to the first that is wrong.

    `connection` is to see one state of the journal, whatever others write meanwhile.
    """
    checks = []
    for trail in Trail:
        of_trail = [anchor for anchor in anchors if anchor.trail is trail]
        check = _Walk(connection, trail, of_trail, first_id(now - retention + CLOCKS_APART)).run()
        if check is not None:
            checks.append(check)
    return tuple(checks)


class _Walk:
    """Along one chain. Rows of the audit trail with an id from `kept_from` on are to be there."""

    def __init__(self, connection: Connection, trail: Trail, anchors: Sequence[Anchor], kept_from: str) -> None:
        self._connection = connection
        self._trail = trail
        self._anchors = anchors
        self._kept_from = kept_from
        self._cut_id = ""
        self._table: Table = operations if trail is Trail.OPERATION else audit

    def run(self) -> TrailCheck | None:
        """None: there is no such chain, and nothing that should have one."""
        try:
            head = self._connection.execute(select(chain_heads).where(chain_heads.c.trail == self._trail)).first()
        except _UNREADABLE:
            return self._headless(Harm.CHANGED, "the head of the chain cannot be read")
        if head is None:
            return self._without_head()
        self._head = head
        self._check = check = TrailCheck(trail=self._trail, name=head.name, begun_at=head.begun_at)
        try:
            end = self._follow(self._compare_anchors())
        except _UNREADABLE:
            check.found(Harm.CHANGED, f"an entry beyond place {check.last} cannot be read")
        else:
            if end is not None:
                self._compare_end(*end)
        if self._trail is not Trail.EARLIER:
            self._look_for_uncovered()
        return check

    def _headless(self, harm: Harm, what: str) -> TrailCheck:
        return TrailCheck(trail=self._trail, name="", begun_at=None, findings=[Finding(harm, what)])

    def _without_head(self) -> TrailCheck | None:
        entry = select(chain.c.sequence).where(chain.c.trail == self._trail)
        rows = select(self._table.c.id) if self._trail is not Trail.EARLIER else entry
        if not self._anchors and all(self._connection.execute(each.limit(1)).first() is None for each in (entry, rows)):
            return None
        return self._headless(Harm.REMOVED, "the head of the chain is gone")

    def _compare_anchors(self) -> dict[int, list[Anchor]]:
        """Those to be found on the way, by their places."""
        head, check = self._head, self._check
        on_the_way: dict[int, list[Anchor]] = {}
        for anchor in self._anchors:
            if anchor.chain != head.name:
                check.found(
                    Harm.REWRITTEN, f"the anchor of {anchor.at.isoformat()} is of another chain, {anchor.chain}"
                )
            elif anchor.sequence > head.sequence:
                check.found(
                    Harm.REMOVED,
                    f"the chain ends at place {head.sequence}, on {anchor.at.isoformat()} it went to {anchor.sequence}",
                )
            elif 0 < anchor.sequence < head.cut_sequence:
                check.anchors_cut += 1
            elif anchor.sequence:
                on_the_way.setdefault(anchor.sequence, []).append(anchor)
            else:
                check.anchors += 1
        return on_the_way

    def _follow(self, anchors: Mapping[int, Sequence[Anchor]]) -> tuple[int, bytes] | None:
        """Compare link after link, and the rows. Returns the last place and its digest; None: a link is wrong."""
        head, check = self._head, self._check
        place = check.first = head.cut_sequence or 1
        previous = head.cut_previous
        self._compare_cut()
        for page in self._pages(0):
            latest = self._get_latest(page)
            rows = self._get_rows(page)
            for index, entry in enumerate(page):
                if place == 1:
                    previous = _or_none(lambda: digest_before_first(entry.algorithm, head)) or b""  # noqa: B023 # called at once
                if entry.sequence != place or _digest(previous, entry, place) != entry.digest:
                    self._diagnose(previous, place, page[index:])
                    return None
                if latest.get(entry.row_id, place) == place:
                    self._compare_row(entry, rows.get(entry.row_id))
                for anchor in anchors.get(place, ()):
                    if anchor.digest == entry.digest.hex():
                        check.anchors += 1
                    else:
                        what = f"place {place} is not what it was when the anchor of {anchor.at.isoformat()} was taken"
                        check.found(Harm.REWRITTEN, what)
                check.entries += 1
                check.last = place
                check.adopted += entry.change == ADOPTED
                previous = entry.digest
                place += 1
        return place - 1, previous

    def _compare_cut(self) -> None:
        head, check = self._head, self._check
        if not head.cut_sequence:
            return
        cut = self._connection.execute(
            select(chain.c.row_id).where(chain.c.trail == self._trail, chain.c.sequence == head.cut_sequence)
        ).first()
        moment = None if cut is None else _or_none(lambda: get_moment(cut.row_id))
        if cut is None or moment is None:
            return  # which is found as the first link
        check.cut_until = moment
        self._cut_id = cut.row_id
        if self._trail is Trail.OPERATION or cut.row_id >= self._kept_from:
            what = (
                f"the entries up to place {head.cut_sequence}, of {moment.isoformat()}, are gone, and were to be kept"
            )
            check.found(Harm.REMOVED, what)

    def _compare_end(self, last: int, digest: bytes) -> None:
        head, check = self._head, self._check
        if head.sequence > last:
            check.found(Harm.REMOVED, f"the chain ends at place {last}, its head says {head.sequence}")
        elif head.sequence < last:
            check.found(Harm.INSERTED, f"the chain goes on to place {last}, its head says {head.sequence}")
        elif last and head.digest != digest:
            check.found(Harm.CHANGED, "the head has another digest than the last entry")

    def _diagnose(self, previous: bytes, place: int, page: Sequence[Row[Any]]) -> None:
        """Say what is wrong with the link that should be at this place; the entries from there on are what there is."""
        check, [entry, *_] = self._check, page
        for other in self._entries(place):
            if _digest(previous, other, place) != other.digest:
                continue
            if (
                entry.sequence > place
                or other.sequence > place + 1
                or _digest(other.digest, entry, place + 1) == entry.digest
            ):
                check.found(Harm.REORDERED, f"what belongs at place {place} is at {other.sequence}")
            else:
                check.found(Harm.INSERTED, f"the entry at place {place} was put before what belongs there")
            return
        if entry.sequence > place:
            check.found(Harm.REMOVED, f"the entries of the places {place} to {entry.sequence - 1} are gone")
        else:
            check.found(Harm.CHANGED, f"the entry at place {place} does not follow from the one before it")

    def _compare_row(self, entry: Row[Any], row: object) -> None:
        """The row of an entry; of an operation, if it is its latest one."""
        check = self._check
        is_gone = entry.change == WITHDRAWN or entry.sequence == self._head.cut_sequence
        where = f"row {entry.row_id} (place {entry.sequence}, {entry.at.isoformat()})"
        if is_gone:
            if row is not None:
                check.found(Harm.INSERTED, f"{where} is there again")
        elif row is None:
            check.found(Harm.REMOVED, f"{where} is gone")
        elif not isinstance(row, Row):
            check.found(Harm.CHANGED, f"{where} cannot be read")
        elif (content := _or_none(lambda: digest_row(entry.algorithm, row))) != entry.content:
            other = select(chain.c.row_id).where(chain.c.trail == self._trail, chain.c.content == content).limit(1)
            if content is not None and (moved := self._connection.execute(other).first()) is not None:
                check.found(Harm.REORDERED, f"{where} has the content of row {moved.row_id}")
            else:
                check.found(Harm.CHANGED, f"{where} does not have the content that was written")

    def _get_rows(self, page: Sequence[Row[Any]]) -> dict[str, object]:
        """The rows of these entries by their ids; in place of one that cannot be read its error."""
        ids = {entry.row_id for entry in page}
        try:
            return {row.id: row for row in self._connection.execute(self._selected(ids))}
        except _UNREADABLE:
            found: dict[str, object] = {}
            for row_id in ids:
                try:
                    found |= {row.id: row for row in self._connection.execute(self._selected((row_id,)))}
                except _UNREADABLE as error:
                    found[row_id] = error
            return found

    def _selected(self, ids: Collection[str]) -> Select[Any]:
        return select(self._table).where(self._table.c.id.in_(ids))

    def _get_latest(self, page: Sequence[Row[Any]]) -> dict[str, int]:
        """The places of the latest entries of these operations: a row is as that one says. Of the audit trail, every
        entry is the only one.
        """
        if self._trail is not Trail.OPERATION:
            return {}
        places = (
            select(chain.c.row_id, func.max(chain.c.sequence).label("place"))
            .where(chain.c.trail == self._trail, chain.c.row_id.in_({entry.row_id for entry in page}))
            .group_by(chain.c.row_id)
        )
        return {row.row_id: row.place for row in self._connection.execute(places)}

    def _look_for_uncovered(self) -> None:
        """Rows without an entry: there may be as many as were there when the chain began, and none since."""
        check, head = self._check, self._head
        trails = (Trail.OPERATION,) if self._trail is Trail.OPERATION else (Trail.AUDIT, Trail.EARLIER)
        begun = first_id(head.begun_at)
        row_id = self._table.c.id
        covered = select(chain.c.row_id).where(chain.c.row_id == row_id, chain.c.trail.in_(trails)).exists()

        def without(*conditions: ColumnElement[bool]) -> tuple[int, str | None]:
            counted = select(func.count(), func.min(row_id)).where(~covered, *conditions)
            count, least = self._connection.execute(counted).one()
            return count, least

        count, least = without(row_id >= begun)
        if count:
            check.found(Harm.INSERTED, f"row {least} has no entry ({count} in all)")
        count, least = without(row_id < min(self._cut_id, begun))
        if count:
            check.found(Harm.INSERTED, f"row {least} has no entry, and is older than what retention has cut")
        count, least = without(row_id >= self._cut_id, row_id < begun)
        if not count:
            return
        adopted = select(func.count(chain.c.row_id.distinct())).where(chain.c.row_id < begun, chain.c.trail.in_(trails))
        if count + (self._connection.scalar(adopted) or 0) > head.rows_before:
            what = f"{count} rows have no entry, from row {least} on: fewer were there when the chain began"
            check.found(Harm.INSERTED, what)
        else:
            check.not_covered = count

    def _entries(self, after: int) -> Iterator[Row[Any]]:
        for page in self._pages(after):
            yield from page

    def _pages(self, after: int) -> Iterator[Sequence[Row[Any]]]:
        entries = select(chain).where(chain.c.trail == self._trail).order_by(chain.c.sequence)
        while page := self._connection.execute(entries.where(chain.c.sequence > after).limit(PAGE)).all():
            yield page
            after = page[-1].sequence


def _digest(previous: bytes, entry: Row[Any], place: int) -> bytes | None:
    """The digest of an entry, if it were at this place; None where it can have none."""
    return _or_none(lambda: entry_digest(previous, {**entry._mapping, "sequence": place}))


def _or_none(value: Callable[[], ValueT]) -> ValueT | None:
    try:
        return value()
    except _UNREADABLE:
        return None
