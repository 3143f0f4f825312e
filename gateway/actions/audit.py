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
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from gateway.actions.identity import RevealedType, Reveals
from gateway.auth.masking import mask_text
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal, Scope
from gateway.errors import JournalError, JournalRefusedError
from gateway.execution.run import Observation
from gateway.futures import wait_at_most
from gateway.journal.audit import Audit
from gateway.journal.records import AuditAction, AuditEntry, RecordRefs, new_id
from gateway.ops.logs import StateLog, write_lines

log = structlog.get_logger(__name__)

LONGEST_NAME = 64

WHOLE = "exchange"  # stands for all fields of a record where a trace shows it as its platform sent it

INTERVAL = 0.5  # seconds from one writing to the next, at most
SOONER_FROM = 10_000  # notes, one for each record of a page, that do not wait for the interval

MOST_HELD = 20_000
"""Records of pages that are held until the next writing, so that a page is known when it is shown again."""

LONGEST_WAIT = timedelta(seconds=30)
MOST_WAITING = 20_000

LARGEST_BATCH = 250  # entries that are made and written at once: the event loop does nothing else while they are made


class Request(Protocol):
    """What the trail keeps of the context of a request."""

    principal: Principal
    request_id: str
    operation_name: str | None


class _Note(msgspec.Struct, frozen=True):
    """What was shown or denied, and to whom, as `AuditEntry` has it."""

    subject: str
    action: AuditAction
    records: RecordRefs | None
    fields: tuple[str, ...]
    missing_scope: str | None = None


class _Times(msgspec.Struct):
    """How often, and when and in which request the last time."""

    at: datetime
    operation_name: str | None
    request_id: str
    count: int = 0


class AuditTrail:
    """One per process: a worker. `types` are those of the schema that have personal fields, by name. `write_lines`
    writes lines of the log.
    """

    def __init__(
        self,
        audit: Audit,
        ids: NodeIds,
        types: Mapping[str, RevealedType],
        clock: Callable[[], datetime],
        write_lines: Callable[[Iterable[str]], object] = write_lines,
    ) -> None:
        self._audit = audit
        self.reveals = Reveals(types, ids)
        self._clock = clock
        self._write_lines = write_lines
        self._noted: dict[_Note, _Times] = {}
        self._held: dict[tuple[str, int, int], tuple[Sequence[Observation], list[_Times]]] = {}
        self._held_records = 0
        self._taken: deque[tuple[_Note, _Times]] = deque()
        self._batch: list[AuditEntry] = []
        self._new = self._unwritten = 0
        self._late_from: datetime | None = None
        self._flushing = asyncio.Lock()
        self._many = asyncio.Event()
        self._masking = StateLog("personal data masked while the audit trail waits", "personal data shown again")

    @property
    def waiting(self) -> int:
        """Notes that are not durable yet."""
        return self._new + self._unwritten

    def admit(self, principal: Principal) -> Principal:
        """The caller as they are to be served now: without `pii:read` while that cannot be recorded."""
        if self._late_from is not None and principal.reveals_pii and self.lags():
            return replace(principal, scopes=principal.scopes - {Scope.PII_READ})
        return principal

    def reveal(self, request: Request, observations: Sequence[Observation], *, are_kept: bool = False) -> None:
        """Note that these fields of these records are about to be shown as they are.

        What is personal in them is found out now, while they are at hand. `are_kept`: some are of the cache, and may be
        shown again. The very objects are known then: they are held, so that none takes the place of another in memory.
        """
        subject, (records, fields) = request.principal.subject, observations[0]
        place = (subject, id(records[0]), id(fields))
        shown, noted = self._held.get(place, (None, []))
        if are_kept and shown == observations:
            now = self._clock()
            for times in noted:
                _count(times, request, now)
            return
        noted = [
            self._note(request, _Note(subject, AuditAction.REVEALED, named, personal))
            for named, personal in self.reveals.find(observations)
        ]
        if are_kept:
            if self._held_records > MOST_HELD:
                self._held, self._held_records = {}, 0
            self._held_records += sum([len(records) for records, _ in observations])
            self._held[place] = observations, noted

    def reveal_whole(self, request: Request, outcomes: Sequence[object]) -> None:
        """Note that what platforms sent, of which these were made, is about to be shown verbatim."""
        for records in self.reveals.find_whole(outcomes):
            self._note(request, _Note(request.principal.subject, AuditAction.REVEALED, records, (WHOLE,)))

    def deny(self, request: Request, field: str, scope: str) -> None:
        """Note that the caller asked for a field without the scope that it needs."""
        self._note(request, _Note(request.principal.subject, AuditAction.DENIED, None, (field,), scope))

    def _note(self, request: Request, note: _Note) -> _Times:
        """Equal notes are one."""
        now = self._clock()
        times = self._noted.get(note)
        if times is None:
            times = self._noted[note] = _Times(now, None, request.request_id)
            self._new += _size(note.records)
            if self._new >= SOONER_FROM:
                self._many.set()
            if self._late_from is None:
                self._late_from = now + LONGEST_WAIT
        _count(times, request, now)
        return times

    async def run(self) -> None:
        """Write again and again. Ends only by cancellation."""
        while True:
            await wait_at_most(self._many, INTERVAL)
            try:
                await self.flush()
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
            self._many.clear()
            self._taken.extend(self._noted.items())
            self._unwritten += self._new
            self._noted, self._new = {}, 0
            self._held, self._held_records = {}, 0
            while self._batch or self._taken:
                await self._write_batch()
            self._unwritten = 0
            self._late_from = now + LONGEST_WAIT if self._noted else None

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
        return self.waiting >= MOST_WAITING or self._clock() > self._late_from

    async def _write_batch(self) -> None:
        """Make and write entries; where the journal does not take all of a batch, one by one what it takes. They are
        made as they are written: a long wait makes many.
        """
        new = [_entry(*self._taken.popleft()) for _ in range(min(LARGEST_BATCH - len(self._batch), len(self._taken)))]
        self._batch += new
        with suppress(OSError):  # a log that takes no line keeps none from the journal
            self._write_lines(map(_line, new))
        try:
            await self._audit.add(self._batch)
            self._batch = []
        except JournalRefusedError:
            while self._batch:
                try:
                    await self._audit.add(self._batch[:1])
                except JournalRefusedError as error:
                    entry = self._batch[0]
                    log.error(
                        "audit lost", notes=_size(entry.records), request_id=entry.request_id, reason=error.message
                    )
                del self._batch[0]


def _size(records: RecordRefs | None) -> int:
    """How many notes they are."""
    return 1 if records is None else len(records.platform_ids)


def _count(times: _Times, request: Request, now: datetime) -> None:
    times.at, times.operation_name, times.request_id = now, request.operation_name, request.request_id
    times.count += 1


def _entry(note: _Note, times: _Times) -> AuditEntry:
    name = times.operation_name
    return AuditEntry(
        id=new_id(times.at),
        at=times.at,
        count=times.count,
        operation_name=None if name is None else mask_text(name[:LONGEST_NAME]),
        request_id=times.request_id,
        **msgspec.structs.asdict(note),
    )


def _line(entry: AuditEntry) -> str:
    """A line of the log, at whatever level that is: the journal has the same."""
    head = f'{{"event":"audit","timestamp":"{datetime.now(UTC).isoformat()}","level":"info","logger":"audit",'
    try:
        return f"{head}{msgspec.json.encode(entry).decode()[1:]}\n"
    except UnicodeEncodeError:  # half a surrogate pair, as platforms and callers may send it
        return f"{head}{json.dumps(msgspec.to_builtins(entry))[1:]}\n"
