"""What the journal forgets: rows whose time is over, unless they still matter, a few at a time beside the load."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Column, Connection, delete, func, select, true

from gateway.errors import JournalError
from gateway.journal.audit import first_key
from gateway.journal.database import Database
from gateway.journal.listing import Condition
from gateway.journal.records import first_id
from gateway.journal.tables import announcements, audit, audit_records, operations, payments
from gateway.normalise.vocabulary import DeliveryState, Outcome

INTERVAL = 3600.0  # seconds between two times that all is looked through
BATCH = 500  # rows in one transaction: a write waits for no more
KEYS = 10_000  # the same of the audit trail's index, whose rows are narrow
REST = 4  # times as long as a transaction took, until the next one begins

_LOCK = 0x666F72676574  # any fixed number: of the gateways of a journal, one at a time forgets

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Retention:
    """One per process. `days` says how long rows are kept, by their kind as in `settings.RETAINED`."""

    database: Database
    days: Mapping[str, float]
    clock: Callable[[], datetime]

    async def run(self) -> None:
        """Forget again and again. Ends only by cancellation."""
        while True:
            with suppress(JournalError):  # which is logged where it happens
                await self.forget()
            await asyncio.sleep(INTERVAL)

    async def forget(self) -> None:
        """Delete what is too old, but for writes whose outcome is open, payments that the security platform does not
        have, and announcements that the platform may still show on top. Raises JournalError.
        """
        now = self.clock()
        ends = {kind: now - timedelta(days=days) for kind, days in self.days.items()}
        is_over = operations.c.state.in_((Outcome.CONFIRMED, Outcome.REFUSED))
        is_delivered = payments.c.state == DeliveryState.DELIVERED
        is_shown = announcements.c.pinned & announcements.c.published
        await self._forget(operations.c.id, first_id(ends["operations"]), is_over)
        await self._forget(payments.c.id, first_id(ends["payments"]), is_delivered)
        await self._forget(announcements.c.id, first_id(ends["announcements"]), ~is_shown)
        await self._forget(audit.c.id, first_id(ends["audit"]))
        first = await self.database.read(lambda connection: connection.scalar(first_key()))
        await self._forget(audit_records.c.key, first, batch=KEYS)

    async def _forget(self, place: Column[Any], end: Any, may_go: Condition = true(), batch: int = BATCH) -> None:  # noqa: B008 # a constant
        """Delete rows before `end` in the order of `place`, which is indexed. Each batch begins behind the last one: it
        meets neither what that left, nor deleted rows that PostgreSQL has not vacuumed yet.
        """
        last, gone = None, 0

        def work(connection: Connection) -> tuple[Any, int]:
            is_postgres = connection.dialect.name == "postgresql"
            if is_postgres and not connection.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
                return end, 0
            rows = [place < end] if last is None else [place > last, place < end]
            latest = connection.scalar(select(place).where(*rows).order_by(place).offset(batch - 1).limit(1))
            upto = place < end if latest is None else place <= latest
            deleted = connection.execute(delete(place.table).where(*rows, upto, may_go)).rowcount
            return end if latest is None else latest, deleted

        while last != end:
            began = monotonic()
            last, deleted = await self.database.write(work)
            gone += deleted
            await asyncio.sleep(REST * (monotonic() - began))
        if gone:
            log.info("rows forgotten", table=place.table.name, rows=gone)
