"""Rows that gateways of an earlier version have written without an entry get one: as they are now (ADR 23)."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from gateway.journal.chain import ADOPTED, Chain, Link, digest_row
from gateway.journal.records import Trail
from gateway.journal.tables import audit, chain, operations

PAGE = 500


class Adopted(msgspec.Struct, frozen=True):
    """A page of rows that were looked at, up to the id `last`; None: there are no more. `rows` had no entry; the
    operations `changed` had one of another content.
    """

    last: str | None
    rows: int
    changed: tuple[str, ...] = ()


def adopt_audit_page(connection: Connection, entries: Chain, after: str) -> Adopted:
    """Adopt rows of the audit trail, in a chain of their own: each chain is cut at its beginning when rows expire."""
    covered = select(chain.c.row_id).where(
        chain.c.row_id == audit.c.id, chain.c.trail.in_((Trail.AUDIT, Trail.EARLIER))
    )
    wanted = select(audit).where(audit.c.id > after, ~covered.exists()).order_by(audit.c.id).limit(PAGE)
    rows = connection.execute(wanted).all()
    entries.append(connection, Trail.EARLIER, [Link(ADOPTED, row.id, row) for row in rows])
    return Adopted(rows[-1].id if rows else None, len(rows))


def adopt_operation_page(connection: Connection, entries: Chain, after: str) -> Adopted:
    """Adopt operations, and those that an earlier version has changed since their latest entry."""
    # Locked: what another gateway changes meanwhile would be read without its entry.
    wanted = select(operations).where(operations.c.id > after).order_by(operations.c.id).limit(PAGE).with_for_update()
    rows = connection.execute(wanted).all()
    latest = (
        select(func.max(chain.c.sequence))
        .where(chain.c.trail == Trail.OPERATION, chain.c.row_id.in_([row.id for row in rows]))
        .group_by(chain.c.row_id)
    )
    of_rows = select(chain).where(chain.c.trail == Trail.OPERATION, chain.c.sequence.in_(latest))
    known = {entry.row_id: entry for entry in connection.execute(of_rows)}
    without = [row for row in rows if row.id not in known]
    changed = [row for row in rows if row.id in known and _differs(known[row.id], row)]
    entries.append(connection, Trail.OPERATION, [Link(ADOPTED, row.id, row) for row in (*without, *changed)])
    return Adopted(rows[-1].id if rows else None, len(without), tuple(row.id for row in changed))


def _differs(entry: Row[Any], row: Row[Any]) -> bool:
    was: bytes | None = entry.content
    return was is None or digest_row(entry.algorithm, row) != was
