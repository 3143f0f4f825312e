"""The audit trail: who revealed or decided what. Only ever added to, and written in batches."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import Connection, select

from gateway.errors import JournalError
from gateway.journal.database import Database, insert_new
from gateway.journal.identifiers import new_id
from gateway.journal.records import AuditEntry, RecordRef, Slice
from gateway.journal.rows import read_slice
from gateway.journal.tables import audit

# Seconds an entry waits for company: what a crash can lose.
DELAY = 0.2
RETRY_DELAY = 5.0
LARGEST_BATCH = 500
LARGEST_BACKLOG = 10_000

_log = structlog.get_logger(__name__)


class Audit:
    """See `AuditEntry`."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._backlog: deque[dict[str, Any]] = deque()
        self._flushing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    def record(
        self,
        *,
        subject: str,
        action: str,
        community_code: str | None = None,
        record: RecordRef | None = None,
        fields: Sequence[str] = (),
        operation_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        """Note an entry; it is written within `DELAY` seconds, or as soon as the journal works again.

        Raises JournalError when too many entries wait for the journal: what cannot be recorded is not to be revealed.
        """
        if len(self._backlog) >= LARGEST_BACKLOG:
            raise JournalError("The audit trail can not be written now.")
        now = self._clock()
        self._backlog.append(
            {
                "id": new_id(now),
                "at": now,
                "subject": subject,
                "action": action,
                "community_code": community_code,
                "record_type": record.type if record else None,
                "record_community_code": record.community_code if record else None,
                "record_id": record.platform_id if record else None,
                "fields": list(fields),
                "operation_id": operation_id,
                "request_id": request_id,
            }
        )
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_soon())

    async def flush(self) -> None:
        """Make every entry noted so far durable. Raises JournalError; the entries are kept for the next try."""
        async with self._flushing:
            while self._backlog:
                batch = list(islice(self._backlog, LARGEST_BATCH))

                def work(connection: Connection, batch: list[dict[str, Any]] = batch) -> None:
                    # Those of a flush that was cut off after its commit are there already.
                    connection.execute(insert_new(connection, audit), batch)

                await self._database.write(work)
                for _ in batch:
                    self._backlog.popleft()

    async def list(self, offset: int, limit: int) -> Slice[AuditEntry]:
        """What has been written, newest first."""
        rows = select(audit).order_by(audit.c.id.desc())
        return await self._database.read(lambda connection: read_slice(connection, AuditEntry, rows, offset, limit))

    async def close(self) -> None:
        """Write what is left. Raises JournalError when it cannot be."""
        if self._writer is not None:
            self._writer.cancel()
        await self.flush()

    async def _write_soon(self) -> None:
        await asyncio.sleep(DELAY)
        while self._backlog:
            try:
                await self.flush()
            except JournalError as error:
                _log.warning("audit_delayed", reason=error.message, entries=len(self._backlog))
                await asyncio.sleep(RETRY_DELAY)
