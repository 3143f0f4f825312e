"""The reconciler: ends the writes whose answer was lost, and what a crash left unfinished."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from gateway.actions.write import Found, ReadsBack
from gateway.actions.writer import settled_after
from gateway.errors import GatewayError, JournalError
from gateway.journal.journal import Journal
from gateway.journal.records import Operation
from gateway.normalise.states import Outcome

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=1)
GIVE_UP_AFTER = timedelta(hours=24)
INTERVAL = 10.0


class Reconciler:
    """Run one per gateway; several share the work.

    `reading_back`: by mutation, the actions that read its writes back; the others stay UNKNOWN. `under_way` are the
    operations that this process is carrying out itself; `call_timeout` is in seconds.
    """

    def __init__(
        self,
        journal: Journal,
        reading_back: Mapping[str, ReadsBack],
        under_way: Collection[str],
        call_timeout: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._operations = journal.operations
        self._reading_back = reading_back
        self._under_way = under_way
        self._settled_after = settled_after(call_timeout)
        self._clock = clock

    async def run(self) -> None:
        """Look every few seconds. Ends only by cancellation."""
        while True:
            with suppress(JournalError):  # which is logged where it happens
                await self.reconcile_due()
            await asyncio.sleep(INTERVAL)

    async def reconcile_due(self) -> int:
        """Read back what is due, each on its own. Returns how many were looked at.

        Raises JournalError, at the end, when the journal failed for one of them: it comes again when its lease ends.
        """
        due = await self._operations.take_over(older_than=self._settled_after, lease=LEASE, under_way=self._under_way)
        failures: list[JournalError] = []
        for operation in due:
            try:
                await self._reconcile(operation)
            except JournalError as error:
                log.warning("reconciliation not recorded", operation=operation.id, reason=error.message)
                failures.append(error)
            except Exception:
                log.exception("reconciliation failed", operation=operation.id, mutation=operation.mutation)
        if failures:
            raise failures[0]
        return len(due)

    async def _reconcile(self, operation: Operation) -> None:
        actions = self._reading_back.get(operation.mutation)
        age = self._clock() - (operation.sent_at or operation.started_at)
        if actions is None:
            await self._give_up(operation, read_back=False)
            return
        try:
            seen = await actions.read_back(operation)
        except JournalError:
            raise
        except GatewayError as error:
            log.info("read-back failed", operation=operation.id, code=error.code)
            return
        was_read = seen.found is not Found.NOT_READ
        if seen.found is Found.APPLIED:
            confirmed = await self._operations.finish(
                operation.id, Outcome.CONFIRMED, record=seen.done.record, answer=seen.done.answer, read_back=True
            )
            actions.on_change(confirmed)
        elif seen.found is Found.NOT_APPLIED and age >= self._settled_after:
            await self._operations.finish(operation.id, Outcome.REFUSED, user_errors=seen.errors, read_back=True)
        elif age >= GIVE_UP_AFTER:
            await self._give_up(operation, read_back=was_read)
        elif was_read:
            await self._operations.record_read_back(operation.id)

    async def _give_up(self, operation: Operation, *, read_back: bool) -> None:
        """It stays UNKNOWN: somebody has to look at the platform."""
        await self._operations.finish(operation.id, Outcome.UNKNOWN, read_back=read_back)
        log.error("write stays unclear", operation=operation.id, mutation=operation.mutation)
