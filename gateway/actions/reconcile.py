"""The reconciler: ends the writes whose answer was lost, and what a crash left unfinished."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from gateway.actions.write import Check, Found, not_applied
from gateway.errors import GatewayError, JournalError
from gateway.journal.journal import Journal
from gateway.journal.records import Operation
from schema.normalise.states import Outcome

log = structlog.get_logger(__name__)

ABANDONED_AFTER = timedelta(minutes=2)
"""Longer than any write may last: what is older and unfinished was left by a crash."""

LEASE = timedelta(minutes=1)
SETTLED_AFTER = timedelta(minutes=2)
"""So long after it was sent, no platform still works on a request: what is not there by then will not come."""

GIVE_UP_AFTER = timedelta(hours=24)
INTERVAL = 10.0


class Reconciler:
    """Run one per gateway; several share the work.

    `checks` tells by mutation how a write is read back, `endings` what is to be done when it was found to be applied.
    """

    def __init__(
        self,
        journal: Journal,
        checks: Mapping[str, Check],
        endings: Mapping[str, Callable[[Operation], None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._operations = journal.operations
        self._checks = checks
        self._endings = endings
        self._clock = clock

    async def run(self) -> None:
        """Look every few seconds. Ends only by cancellation."""
        while True:
            try:
                await self.reconcile_due()
            except JournalError as error:
                log.warning("reconciler waits for the journal", reason=error.message)
            await asyncio.sleep(INTERVAL)

    async def reconcile_due(self) -> int:
        """Read back what is due. Returns how many were looked at. Raises JournalError."""
        due = await self._operations.take_over(older_than=ABANDONED_AFTER, lease=LEASE)
        for operation in due:
            try:
                await self._reconcile(operation)
            except JournalError:
                raise
            except Exception:
                log.exception("reconciliation failed", operation=operation.id, mutation=operation.mutation)
        return len(due)

    async def _reconcile(self, operation: Operation) -> None:
        check = self._checks.get(operation.mutation)
        age = self._clock() - (operation.sent_at or operation.started_at)
        if check is None:
            await self._operations.finish(operation.id, Outcome.UNKNOWN)
            return
        try:
            seen = await check(operation)
        except JournalError:
            raise
        except GatewayError as error:
            log.info("read-back failed", operation=operation.id, code=error.code)
            return
        if seen.found is Found.APPLIED:
            confirmed = await self._operations.finish(
                operation.id, Outcome.CONFIRMED, record=seen.done.record, answer=seen.done.answer
            )
            self._endings[operation.mutation](confirmed)
        elif seen.found is Found.NOT_APPLIED and age >= SETTLED_AFTER:
            await self._operations.finish(operation.id, Outcome.REFUSED, user_errors=seen.errors or (not_applied(),))
        elif age >= GIVE_UP_AFTER:
            await self._operations.finish(operation.id, Outcome.UNKNOWN)
