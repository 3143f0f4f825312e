"""The audit trail: who was shown whose personal data unmasked, and who was denied what. Never the data itself.

What happens is noted in memory and written to the journal every `INTERVAL`: an answer does not wait for a commit. So a
crash loses what was noted within the last `INTERVAL` and the time of one commit; a stop in order loses nothing. While
the journal cannot be written, notes wait. After `LONGEST_WAIT`, or with `MOST_WAITING` of them, callers who may see
personal data are served as if they might not, until the journal has caught up: nothing is shown without a record. An
entry that the journal refuses, whenever it is written, is lost alone: the log tells of which request.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol, TypeAlias

import msgspec
import structlog
from prometheus_client import Gauge

from gateway.actions.identity import RevealedType
from gateway.auth.masking import mask_text
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal, Scope
from gateway.errors import JournalError, JournalRefusedError
from gateway.execution.variants import Observation, ObservedField
from gateway.journal.audit import LARGEST_BATCH, Audit
from gateway.journal.identifiers import new_id
from gateway.journal.records import AuditAction, AuditEntry, RecordRef
from gateway.ops.state_log import StateLog

log = structlog.get_logger(__name__)

INTERVAL = 0.5
"""Seconds from one writing to the next."""

LONGEST_WAIT = timedelta(seconds=30)
MOST_WAITING = 20_000

FORGET_INTERVAL = timedelta(hours=1)
LONGEST_NAME = 64


class Request(Protocol):
    """Of the context of a request, what the trail tells."""

    principal: Principal
    request_id: str
    operation_name: str | None


class _Last(msgspec.Struct, frozen=True, gc=False):
    """The last time: when, and in which request."""

    at: datetime
    operation_name: str | None
    request_id: str


class _Shown(msgspec.Struct):
    """How often these records were shown together, unchanged, and when for the last time."""

    records: Sequence[Any]
    last: _Last
    count: int = 1


_Together: TypeAlias = defaultdict[tuple[Hashable, ...], list[_Shown]]
"""Records that were shown together, by the keys of all of them: most pages that are shown again hold the same records,
unchanged. Where one of them has changed, the page is noted once more beside the first.
"""

_Reveal: TypeAlias = tuple[str, tuple[ObservedField, ...]]
"""The subject, and the fields, which are of one type."""

_Denial: TypeAlias = tuple[str, str, str]
"""The subject, the field, and the scope it needs."""


class AuditTrail:
    """One per process: a worker. `types` are those of the schema that have personal fields, by name, and `retention`
    is how long entries are kept.
    """

    def __init__(
        self,
        audit: Audit,
        ids: NodeIds,
        types: Mapping[str, RevealedType],
        retention: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._audit = audit
        self._ids = ids
        self._types = types
        self._retention = retention
        self._clock = clock
        self._revealed = _nothing_revealed()
        self._denied: Counter[_Denial] = Counter()
        self._last_denied: dict[_Denial, _Last] = {}
        self._notes = 0
        self._taken: deque[Iterator[AuditEntry]] = deque()
        self._batch: list[AuditEntry] = []
        self._unwritten = 0
        self._late_from: datetime | None = None
        self._flushing = asyncio.Lock()
        self._masking = StateLog("personal data masked while the audit trail waits", "personal data shown again")
        self.waiting = Gauge("gateway_audit_waiting", "Notes that are not in the audit trail yet", registry=None)
        self.waiting.set_function(lambda: self._notes + self._unwritten)

    def admit(self, principal: Principal) -> Principal:
        """The caller as they are to be served now: without `pii:read` while that cannot be recorded."""
        if principal.reveals_pii and self._lags():
            return principal.without(Scope.PII_READ)
        return principal

    def reveal(self, request: Request, observations: Iterable[Observation]) -> None:
        """Note that these fields of these records are about to be shown as they are."""
        last = self._last(request)
        subject = request.principal.subject
        for records, fields in observations:
            keys = tuple(map(self._types[fields[0].type_name].identity.key, records))
            noted = self._revealed[subject, fields][keys]
            if noted and noted[-1].records == records:
                shown = noted[-1]
                shown.last = last
                shown.count += 1
            else:
                noted.append(_Shown(records, last))
                self._notes += len(keys)

    def deny(self, request: Request, field: str, scope: str) -> None:
        """Note that the caller asked for a field without the scope that it needs."""
        last = self._last(request)
        key = (request.principal.subject, field, scope)
        self._notes += key not in self._denied
        self._denied[key] += 1
        self._last_denied[key] = last

    async def run(self) -> None:
        """Write again and again, and forget what is too old. Ends only by cancellation."""
        forget_at = self._clock()
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self.flush()
                if self._clock() >= forget_at and not await self._audit.forget(self._retention, self._clock()):
                    forget_at = self._clock() + FORGET_INTERVAL
            except JournalError:
                if self._lags():
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
            while self._next_batch():
                await self._write_batch()
            self._unwritten = 0
            self._late_from = now + LONGEST_WAIT if self._notes else None

    async def close(self) -> None:
        """Write what is left, at the end. Raises JournalError when it cannot be; the log says how much is lost."""
        try:
            await self.flush()
        except JournalError:
            log.error("audit lost", notes=self._unwritten)
            raise

    def _lags(self) -> bool:
        if self._late_from is None:
            return False
        return self._notes + self._unwritten >= MOST_WAITING or self._clock() > self._late_from

    def _last(self, request: Request) -> _Last:
        now = self._clock()
        if self._late_from is None:
            self._late_from = now + LONGEST_WAIT
        return _Last(now, request.operation_name, request.request_id)

    def _take(self) -> None:
        """Begin anew with noting."""
        if not self._notes:
            return
        self._taken.append(self._entries(self._revealed, self._denied, self._last_denied))
        self._unwritten += self._notes
        self._revealed, self._denied, self._last_denied, self._notes = _nothing_revealed(), Counter(), {}, 0

    def _next_batch(self) -> bool:
        """Whether there are more entries to write. They are made as they are written: a long wait makes many."""
        while self._taken and len(self._batch) < LARGEST_BATCH:
            self._batch += islice(self._taken[0], LARGEST_BATCH - len(self._batch))
            if len(self._batch) < LARGEST_BATCH:
                self._taken.popleft()
        return bool(self._batch)

    async def _write_batch(self) -> None:
        """Write the batch at once; or else, where the journal does not take all of it, what it takes."""
        try:
            await self._audit.add(self._batch)
        except JournalRefusedError:
            while self._batch:
                await self._write_or_lose(self._batch[0])
                del self._batch[0]
        else:
            self._batch = []

    async def _write_or_lose(self, entry: AuditEntry) -> None:
        try:
            await self._audit.add([entry])
        except JournalRefusedError as error:
            log.error("audit lost", notes=1, request_id=entry.request_id, reason=error.message)

    def _entries(
        self, revealed: Mapping[_Reveal, _Together], denied: Mapping[_Denial, int], last_denied: Mapping[_Denial, _Last]
    ) -> Iterator[AuditEntry]:
        for (subject, fields), together in revealed.items():
            revealed_type = self._types[fields[0].type_name]
            for times in _each(together):
                revealing = [
                    (personal, record, shown)
                    for record, shown in times
                    if (personal := revealed_type.revealed_fields(record, fields))
                ]
                if revealing:
                    _, record, shown = revealing[-1]
                    yield _entry(
                        shown.last,
                        subject,
                        AuditAction.REVEALED,
                        tuple(dict.fromkeys(name for personal, _, _ in revealing for name in personal)),
                        sum(shown.count for _, _, shown in revealing),
                        record=revealed_type.identity.reference(record, self._ids),
                    )
        for denial, count in denied.items():
            subject, field, scope = denial
            yield _entry(last_denied[denial], subject, AuditAction.DENIED, (field,), count, missing_scope=scope)


def _nothing_revealed() -> defaultdict[_Reveal, _Together]:
    return defaultdict(lambda: defaultdict(list))


def _each(together: _Together) -> Iterable[list[tuple[Any, _Shown]]]:
    """For each record, whichever others it was shown with: what it held and how it was shown, oldest first."""
    times: defaultdict[Hashable, list[tuple[Any, _Shown]]] = defaultdict(list)
    noted = [(keys, shown) for keys, noted in together.items() for shown in noted]
    for keys, shown in sorted(noted, key=lambda note: note[1].last.at):
        for key, record in zip(keys, shown.records, strict=True):
            times[key].append((record, shown))
    return times.values()


def _entry(
    last: _Last,
    subject: str,
    action: AuditAction,
    fields: tuple[str, ...],
    count: int,
    *,
    record: RecordRef | None = None,
    missing_scope: str | None = None,
) -> AuditEntry:
    name = last.operation_name
    return AuditEntry(
        id=new_id(last.at),
        at=last.at,
        subject=subject,
        action=action,
        record=record,
        fields=fields,
        count=count,
        missing_scope=missing_scope,
        operation_name=None if name is None else mask_text(name[:LONGEST_NAME]),
        request_id=last.request_id,
    )
