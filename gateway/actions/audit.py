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
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Protocol, TypeAlias

import msgspec
import structlog
from msgspec import structs

from gateway.actions.identity import Identity, RevealedType
from gateway.auth.masking import mask_text
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal, Scope
from gateway.errors import JournalError, JournalRefusedError
from gateway.execution.variants import Observation, ObservedField
from gateway.journal.audit import Audit
from gateway.journal.records import AuditAction, AuditEntry, RecordRef, RecordRefs, new_id
from gateway.ops.logs import StateLog, write_line
from gateway.turn import give_way

LONGEST_NAME = 64
RECORDS_AT_ONCE = 16


_Reader: TypeAlias = tuple[Callable[[Sequence[Any]], Iterator[tuple[str, ...]]], Identity]
"""Gives what is personal in each record, and whose it is."""


class Occasion(msgspec.Struct, frozen=True, gc=False):
    """When it happened, and in which request."""

    at: datetime
    operation_name: str | None
    request_id: str


class _Denied(msgspec.Struct):
    """How often it was denied, and the last occasion."""

    last: Occasion
    count: int = 0


class _Shown(msgspec.Struct):
    """How often a request revealed this, and the last occasion."""

    observations: Sequence[Observation]
    last: Occasion
    count: int = 1


class AuditNotes:
    """Equal notes are one: `count` is of those that differ. `types` have personal fields, by name."""

    def __init__(self, types: Mapping[str, RevealedType], ids: NodeIds) -> None:
        self._types = types
        self._ids = ids
        # By subject, and the fields and keys of each observation: most requests that are repeated get the same records,
        # unchanged. Where one of them has changed, the request is noted once more.
        self._revealed: defaultdict[tuple[str, tuple[Hashable, ...]], list[_Shown]] = defaultdict(list)
        self._denied: dict[tuple[str, str, str], _Denied] = {}  # by subject, field, and the scope that it needs
        self.count = 0

    def reveal(self, subject: str, observations: Sequence[Observation], occasion: Occasion) -> None:
        """Note that a request shows these fields of these records as they are."""
        types = self._types
        keys = [
            (fields, tuple(map(types[fields[0].type_name].identity.key, records))) for records, fields in observations
        ]
        noted = self._revealed[subject, tuple(keys)]
        if noted and noted[-1].observations == observations:
            shown = noted[-1]
            shown.last = occasion
            shown.count += 1
        else:
            noted.append(_Shown(observations, occasion))
            self.count += sum([len(records) for records, _ in observations])

    def deny(self, subject: str, field: str, scope: str, occasion: Occasion) -> None:
        """Note that a field was denied for want of the scope."""
        key = (subject, field, scope)
        if key not in self._denied:
            self._denied[key] = _Denied(occasion)
            self.count += 1
        denied = self._denied[key]
        denied.last = occasion
        denied.count += 1

    def entries(self) -> Iterator[AuditEntry | None]:
        """Of each request, an entry for all records of a type and community in which the same is personal, and one for
        each denial. Records that had nothing personal in the fields shown are left out. None is a moment to give way.
        """
        readers: dict[tuple[ObservedField, ...], _Reader] = {}
        for (subject, _), noted in self._revealed.items():
            for shown in noted:
                for named in self._named(shown.observations, readers):
                    if named is None:
                        yield None
                        continue
                    personal, records = named
                    yield _entry(shown.last, subject, AuditAction.REVEALED, personal, shown.count, records=records)
        for (subject, field, scope), denied in self._denied.items():
            yield _entry(denied.last, subject, AuditAction.DENIED, (field,), denied.count, missing_scope=scope)

    def _named(
        self, observations: Sequence[Observation], readers: dict[tuple[ObservedField, ...], _Reader]
    ) -> Iterator[tuple[tuple[str, ...], RecordRefs | None] | None]:
        """The records of a request, and what was personal in them: each is named once, with its parts. None is what all
        are called that have no name; alone, it comes after some records that were read.
        """
        shown: dict[RecordRef | None, tuple[tuple[str, ...], ...]] = {}
        for records, fields in observations:
            read, identity = readers.get(fields) or readers.setdefault(fields, self._reader(fields))
            for number, (record, personal) in enumerate(zip(records, read(records), strict=True)):
                if not number % RECORDS_AT_ONCE:
                    yield None
                if personal:
                    first = (identity.reference(record, self._ids), personal)
                    for found, paths in (first, *identity.beside(record, personal)):
                        before = shown.get(found, ())
                        if paths not in before:
                            shown[found] = (*before, paths)
        alike: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
        for found, parts in shown.items():
            if found is None:
                alike[parts, None, None] = []
            else:
                alike[parts, found.type, found.community_code].append(found.platform_id)
        for (parts, type_name, community_code), platform_ids in alike.items():
            named = RecordRefs(type_name, community_code, tuple(platform_ids)) if platform_ids else None
            yield tuple(dict.fromkeys(chain.from_iterable(parts))), named

    def _reader(self, fields: tuple[ObservedField, ...]) -> _Reader:
        revealed_type = self._types[fields[0].type_name]
        return revealed_type.reader(fields), revealed_type.identity


def _entry(
    last: Occasion,
    subject: str,
    action: AuditAction,
    fields: tuple[str, ...],
    count: int,
    *,
    records: RecordRefs | None = None,
    missing_scope: str | None = None,
) -> AuditEntry:
    name = last.operation_name
    return AuditEntry(
        id=new_id(last.at),
        at=last.at,
        subject=subject,
        action=action,
        records=records,
        fields=fields,
        count=count,
        missing_scope=missing_scope,
        operation_name=None if name is None else mask_text(name[:LONGEST_NAME]),
        request_id=last.request_id,
    )


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
