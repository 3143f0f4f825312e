"""The audit trail: who was shown whose personal data unmasked, and who was denied what. Never the data itself.

What happens is noted in memory and written to the journal every `INTERVAL`: an answer does not wait for a commit. So a
crash loses what was noted within the last `INTERVAL` and the time of one commit; a stop in order loses nothing. While
the journal cannot be written, notes wait. After `LONGEST_WAIT`, or with `MOST_WAITING` of them, callers who may see
personal data are served as if they might not, until the journal has caught up: nothing is shown without a record.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice, repeat
from typing import Any, NamedTuple, Protocol

import structlog
from prometheus_client import Gauge

from gateway.actions.shown import Kind, kind_of, shown_fields
from gateway.auth.masking import mask_text
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal, Scope
from gateway.errors import JournalError
from gateway.execution.variants import Observation, ObservedField
from gateway.journal.audit import LARGEST_BATCH, Audit
from gateway.journal.identifiers import new_id
from gateway.journal.records import AuditAction, AuditEntry, RecordRef

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


class _Last(NamedTuple):
    """The last time: when, and in which request."""

    at: datetime
    operation_name: str | None
    request_id: str


class _Group(NamedTuple):
    """Records of one class of which a subject was shown the same fields, by what tells them apart.

    How often each, and the last time, with the record as it was then.
    """

    subject: str
    kind: Kind
    fields: tuple[ObservedField, ...]
    counts: Counter[Hashable]
    last: dict[Hashable, tuple[Any, _Last]]


_Denial = tuple[str, str, str]
"""The subject, the field, and the scope it needs."""


class AuditTrail:
    """One per process: a worker. `retention` is how long entries are kept."""

    def __init__(self, audit: Audit, ids: NodeIds, retention: timedelta, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._ids = ids
        self._retention = retention
        self._clock = clock
        self._revealed: dict[Hashable, _Group] = {}
        self._denied: Counter[_Denial] = Counter()
        self._last_denied: dict[_Denial, _Last] = {}
        self._notes = 0
        self._taken: deque[Iterator[AuditEntry]] = deque()
        self._batch: list[AuditEntry] = []
        self._unwritten = 0
        self._waiting_since: datetime | None = None
        self._flushing = asyncio.Lock()
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
        for objects, fields in observations:
            group = self._group(subject, type(objects[0]), fields)
            known = len(group.last)
            keys = [*map(group.kind.key, objects)]
            group.counts.update(keys)
            group.last.update(zip(keys, zip(objects, repeat(last)), strict=False))
            self._notes += len(group.last) - known

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
            except JournalError as error:
                log.warning("audit delayed", reason=error.message, notes=self._unwritten, masking=self._lags())

    async def flush(self) -> None:
        """Make all that is noted durable. Raises JournalError; then nothing is lost, the next try begins with it."""
        async with self._flushing:
            now = self._clock()
            self._take()
            while self._next_batch():
                await self._audit.add(self._batch)
                self._batch = []
            self._unwritten = 0
            self._waiting_since = now if self._notes else None

    async def close(self) -> None:
        """Write what is left, at the end. Raises JournalError when it cannot be; the log says how much is lost."""
        try:
            await self.flush()
        except JournalError:
            log.error("audit lost", notes=self._unwritten)
            raise

    def _lags(self) -> bool:
        if self._waiting_since is None:
            return False
        return self._notes + self._unwritten >= MOST_WAITING or self._clock() - self._waiting_since > LONGEST_WAIT

    def _last(self, request: Request) -> _Last:
        now = self._clock()
        if self._waiting_since is None:
            self._waiting_since = now
        return _Last(now, request.operation_name, request.request_id)

    def _group(self, subject: str, record_class: type, fields: tuple[ObservedField, ...]) -> _Group:
        key = (subject, record_class, fields)
        group = self._revealed.get(key)
        if group is None:
            group = self._revealed[key] = _Group(subject, kind_of(record_class), fields, Counter(), {})
        return group

    def _take(self) -> None:
        """Begin anew with noting."""
        if not self._notes:
            return
        self._taken.append(self._entries(self._revealed, self._denied, self._last_denied))
        self._unwritten += self._notes
        self._revealed, self._denied, self._last_denied, self._notes = {}, Counter(), {}, 0

    def _next_batch(self) -> bool:
        """Whether there are more entries to write. They are made as they are written: a long wait makes many."""
        while self._taken and len(self._batch) < LARGEST_BATCH:
            self._batch += islice(self._taken[0], LARGEST_BATCH - len(self._batch))
            if len(self._batch) < LARGEST_BATCH:
                self._taken.popleft()
        return bool(self._batch)

    def _entries(
        self, revealed: Mapping[Hashable, _Group], denied: Mapping[_Denial, int], last_denied: Mapping[_Denial, _Last]
    ) -> Iterator[AuditEntry]:
        for group in revealed.values():
            for key, (record, last) in group.last.items():
                fields = shown_fields(group.kind, record, group.fields)
                if fields:
                    reference = group.kind.reference(record, self._ids)
                    count = group.counts[key]
                    yield _entry(last, group.subject, AuditAction.REVEALED, fields, count, record=reference)
        for denial, count in denied.items():
            subject, field, scope = denial
            yield _entry(last_denied[denial], subject, AuditAction.DENIED, (field,), count, missing_scope=scope)


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
