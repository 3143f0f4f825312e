"""The audit trail: who was shown whose personal data unmasked, and who was denied what. Never the data itself.

What happens is noted in memory and written to the journal every `INTERVAL`, or sooner when it is much: an answer does
not wait for a commit. So a crash loses what was noted within the last `INTERVAL` and the time of one commit; a stop in
order loses nothing. While the journal cannot be written, notes wait. After `LONGEST_WAIT`, or with `MOST_WAITING` of
them, callers who may see personal data are served as if they might not, until the journal has caught up: nothing is
shown without a record. An entry that the journal refuses, whenever it is written, is lost alone: the log names its
request.

Each entry is also a line of the log, written before the journal has it: who can write in the database cannot reach the
log where that is shipped away.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from msgspec import structs

from gateway.actions.audit_notes import AuditNotes, Occasion
from gateway.actions.identity import RevealedType
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal, Scope
from gateway.errors import JournalError, JournalRefusedError
from gateway.execution.variants import Observation
from gateway.journal.audit import Audit
from gateway.journal.records import AuditEntry
from gateway.ops.logs import StateLog, write_line
from gateway.turn import give_way

log = structlog.get_logger(__name__)

INTERVAL = 0.5
"""Seconds from one writing to the next, at most."""

SOONER_FROM = 2_000
"""Notes, one for each record of a page, that do not wait for the interval: each keeps its record in memory."""

LONGEST_WAIT = timedelta(seconds=30)
MOST_WAITING = 20_000

LARGEST_BATCH = 100
"""Entries that are made and written at once: the event loop does nothing else while they are made."""

FORGET_INTERVAL = timedelta(hours=1)


class Request(Protocol):
    """What the trail keeps of the context of a request."""

    principal: Principal
    request_id: str
    operation_name: str | None


class AuditTrail:
    """One per process: a worker. `types` are those of the schema that have personal fields, by name, and `retention`
    is how long entries are kept. `write_line` writes a line of the log.
    """

    def __init__(
        self,
        audit: Audit,
        ids: NodeIds,
        types: Mapping[str, RevealedType],
        retention: timedelta,
        clock: Callable[[], datetime],
        write_line: Callable[[str], object] = write_line,
    ) -> None:
        self._audit = audit
        self._ids = ids
        self._types = types
        self._retention = retention
        self._clock = clock
        self._write_line = write_line
        self._notes = AuditNotes(types, ids)
        self._taken: deque[Iterator[AuditEntry | None]] = deque()
        self._batch: list[AuditEntry] = []
        self._unwritten = 0
        self._late_from: datetime | None = None
        self._flushing = asyncio.Lock()
        self._many = asyncio.Event()
        self._masking = StateLog("personal data masked while the audit trail waits", "personal data shown again")

    @property
    def waiting(self) -> int:
        """Notes that are not durable yet."""
        return self._notes.count + self._unwritten

    def admit(self, principal: Principal) -> Principal:
        """The caller as they are to be served now: without `pii:read` while that cannot be recorded."""
        if self._late_from is not None and principal.reveals_pii and self.lags():
            return principal.without(Scope.PII_READ)
        return principal

    def reveal(self, request: Request, observations: Sequence[Observation]) -> None:
        """Note that these fields of these records are about to be shown as they are."""
        self._notes.reveal(request.principal.subject, observations, self._occasion(request))
        if self._notes.count >= SOONER_FROM:
            self._many.set()

    def deny(self, request: Request, field: str, scope: str) -> None:
        """Note that the caller asked for a field without the scope that it needs."""
        self._notes.deny(request.principal.subject, field, scope, self._occasion(request))

    async def run(self) -> None:
        """Write again and again, and forget what is too old. Ends only by cancellation."""
        forget_at = self._clock()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._many.wait()
            try:
                await self.flush()
                if self._clock() >= forget_at and not await self._audit.forget(self._retention, self._clock()):
                    forget_at = self._clock() + FORGET_INTERVAL
            except JournalError:
                if self.lags():
                    self._masking.failed(notes=self._unwritten)
            else:
                self._masking.worked()

    async def flush(self) -> None:
        """Make all that is noted durable, but for entries that the journal does not take: the log says which are lost.

        Raises JournalError; then nothing is lost, the next try begins with it.
        """
        async with self._flushing:
            now = self._clock()
            self._take()
            while await self._next_batch():
                await self._write_batch()
            self._unwritten = 0
            self._late_from = now + LONGEST_WAIT if self._notes.count else None

    async def close(self) -> None:
        """Write what is left, at the end. Raises JournalError when it cannot be; the log says how much is lost."""
        try:
            await self.flush()
        except JournalError:
            log.error("audit lost", notes=self._unwritten)
            raise

    def lags(self) -> bool:
        """Whether personal data is masked for all."""
        if self._late_from is None:
            return False
        return self._notes.count + self._unwritten >= MOST_WAITING or self._clock() > self._late_from

    def _occasion(self, request: Request) -> Occasion:
        now = self._clock()
        if self._late_from is None:
            self._late_from = now + LONGEST_WAIT
        return Occasion(now, request.operation_name, request.request_id)

    def _take(self) -> None:
        """Begin anew with noting."""
        self._many.clear()
        if not self._notes.count:
            return
        self._taken.append(self._notes.entries())
        self._unwritten += self._notes.count
        self._notes = AuditNotes(self._types, self._ids)

    async def _next_batch(self) -> bool:
        """Whether there are more entries to write. They are made as they are written: a long wait makes many."""
        while self._taken and len(self._batch) < LARGEST_BATCH:
            for entry in self._taken[0]:
                if entry is None:
                    await give_way()
                    continue
                self._log(entry)
                self._batch.append(entry)
                if len(self._batch) == LARGEST_BATCH:
                    break
            else:
                self._taken.popleft()
        return bool(self._batch)

    def _log(self, entry: AuditEntry) -> None:
        """At whatever level the log is: the journal has the same. A log that takes no line keeps none from it."""
        with suppress(OSError):
            self._write_line(_line(entry, datetime.now(UTC)))

    async def _write_batch(self) -> None:
        """Write the batch at once; where the journal does not take all of it, one by one what it takes."""
        try:
            await self._audit.add(self._batch)
            self._batch = []
        except JournalRefusedError:
            while self._batch:
                try:
                    await self._audit.add(self._batch[:1])
                except JournalRefusedError as error:
                    entry = self._batch[0]
                    notes = 1 if entry.records is None else len(entry.records.platform_ids)
                    log.error("audit lost", notes=notes, request_id=entry.request_id, reason=error.message)
                del self._batch[0]


def _line(entry: AuditEntry, timestamp: datetime) -> str:
    line = {"event": "audit", "timestamp": timestamp, "level": "info", "logger": "audit"} | structs.asdict(entry)
    try:
        return msgspec.json.encode(line).decode() + "\n"
    except UnicodeEncodeError:  # half a surrogate pair, as platforms and callers may send it
        return json.dumps(msgspec.to_builtins(line)) + "\n"
