"""What one operation did: how many platform calls it made and, for few, its trace.

A `Meter` counts for every operation. A `Trace` is made for few. It holds no values of arguments and nothing that a
platform sent; in development, its `exchanges` do.
"""

import os
import time
from collections.abc import Awaitable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from itertools import pairwise
from math import inf
from random import getrandbits
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec

from gateway.errors import GatewayError
from gateway.normalise.times import CHINA
from gateway.ops.slots import GATEWAY
from gateway.settings import SettingsError
from gateway.wording.settings import Mistake

if TYPE_CHECKING:
    from gateway.ops.spans import SpanExport

ValueT = TypeVar("ValueT")

PHASES: Final = ("authenticate", "read", "parse", "validate", "plan", "execute", "serialise")

Path: TypeAlias = tuple[str | int, ...]  # a place in the response

Source: TypeAlias = Literal["own", "joined", "kept"]
"""A call made for this operation; one in flight for another operation; an answer from the cache."""

Moment: TypeAlias = Literal["token", "slot", "connecting", "sent", "byte"]
"""A call has a token, has a slot, waits for a new connection, was handed to its connection, got its first byte."""

NullReason: TypeAlias = Literal["FAILED", "MASKED", "WITHHELD", "NOT_SENT", "UNREADABLE", "EMPTY", "NOT_APPLICABLE"]
"""Why a value is null: the platform sent it not, unreadably, or has none; the schema's description says what else."""

_FORBIDDEN: Final = ("FORBIDDEN", "FORBIDDEN_COMMUNITY")  # codes of errors

ASKING: ContextVar[tuple[Path, ...]] = ContextVar("asking", default=())
"""The response paths that whatever is running now is for."""


def random_id() -> str:
    """16 hexadecimal digits that are not all 0, for a span or a request: they distinguish, and keep nothing secret."""
    return f"{getrandbits(64) or 1:016x}"


def records_in(outcome: object) -> tuple[Any, ...]:
    """The records that a call came to."""
    items = getattr(outcome, "items", outcome)
    return items if isinstance(items, tuple) else () if outcome is None else (outcome,)


LARGEST_EXCHANGE = 64 * 1024
MOST_EXCHANGED = 2 * 1024 * 1024
"""Bytes of one answer that a trace shows verbatim, and of all of them."""


class CallTrace(msgspec.Struct, eq=False):
    """One platform call, or the use of another operation's. Times are of the trace's clock; None: not known."""

    source: Source
    platform: str
    endpoint: str
    kind: str
    level: int
    trace_id: str
    began: float = msgspec.field(default_factory=time.perf_counter)
    paths: tuple[Path, ...] = msgspec.field(default_factory=ASKING.get)
    arguments: list[tuple[str, str]] = []
    age: float | None = None
    at: dict[Moment, float] = {}
    ended: float | None = None
    attempts: int = 0
    token_renewals: int = 0
    outcome: str = "OK"
    retryable: bool | None = None
    size: int | None = None
    rows: int | None = None
    data_issues: int = 0
    span_id: str = msgspec.field(default_factory=random_id)

    @property
    def traceparent(self) -> bytes:
        return f"00-{self.trace_id}-{self.span_id}-01".encode()

    def note(self, moment: Moment) -> None:
        """The connection engine is there. Once it has sent the call, possibly again, the next byte is the first one."""
        if moment == "sent":
            self.attempts += 1
            self.at.pop("byte", None)
        if moment != "byte" or "byte" not in self.at:
            self.at[moment] = time.perf_counter()

    def end(self, outcome: object) -> None:
        """The call came to a value, or to an error with the contract's code."""
        self.ended = time.perf_counter()
        if isinstance(outcome, BaseException):
            described = outcome.extensions() if isinstance(outcome, GatewayError) else {}
            self.outcome = str(described.get("code", "INTERNAL"))
            self.retryable = described.get("retryable") is True
            return
        records = records_in(outcome)
        self.rows = len(records)
        issues = (getattr(record, "data_issues", ()) for record in records)
        self.data_issues = sum(len(each) for each in issues if isinstance(each, tuple))


class Completion:
    """Stands among those who wait for a read, and ends its trace when it is completed."""

    def __init__(self, trace: "Trace", call: CallTrace, read: Any) -> None:
        self.left = 1
        self.woken = self
        self._trace = trace
        self._call = call
        self._read = read

    def done(self) -> bool:
        return False

    def set_result(self, _result: bool) -> None:
        self._trace.end_call(self._call, self._read)


class Meter(msgspec.Struct, eq=False):
    """Counts the platform calls that an operation makes, logins apart, and the reads that it has `kept` answers of. No
    call is made beyond the `limit`. `caller` is who waits for slots (`gateway.ops.slots`).
    """

    calls: int = 0
    limit: float = inf
    kept: int = 0
    caller: str = GATEWAY
    trace: "Trace | None" = None


METER: ContextVar[Meter | None] = ContextVar("meter", default=None)
"""The meter of the operation under way; None in work of the gateway's own."""


def current_trace() -> "Trace | None":
    meter = METER.get()
    return None if meter is None else meter.trace


def enter_phase(phase: str) -> None:
    """The operation under way begins this phase, if it is traced."""
    trace = current_trace()
    if trace is not None:
        trace.enter(phase)


class TraceParent(NamedTuple):
    """Where a trace goes on (W3C Trace Context): the ids in hexadecimal, and whether the caller records it."""

    trace_id: str
    span_id: str
    is_sampled: bool


class Trace:
    """The trace of one operation, from the head of its request to its answer.

    `is_exported`: it becomes spans. `is_shown`: it is part of the answer, with data issues and what was masked; then
    graphql-core executes the operation. `exchanges` are what calls sent and what came back, by span id, where that is
    shown, and `outcomes` what it was read as: personal data, of which there is no `repr`. `level` is that of a plan.
    """

    exchanges: dict[str, dict[str, Any]] | None = None

    def __init__(self, parent: TraceParent | None) -> None:
        self.began = time.perf_counter()
        self.started_at = datetime.now(CHINA)
        self.parent = parent
        self.trace_id = parent.trace_id if parent else f"{getrandbits(128) or 1:032x}"
        self.span_id = random_id()
        self.is_exported = False
        self.is_shown = False
        self.request_id = ""
        self.operation_name: str | None = None
        self.operation_type = "query"
        self.calls: list[CallTrace] = []
        self.data_issues: dict[tuple[Path, str], tuple[str, str]] = {}  # problem and platform, by path and field
        self.masked: dict[Path, None] = {}
        self.nulls: dict[Path, NullReason] = {}
        self.reveals: dict[str, dict[str, int]] = {}  # records, by type and field
        self.duration = 0.0
        self.batches: list[tuple[str, int, float, float]] = []  # loader, keys, start and end
        self._entered = [("authenticate", self.began)]  # each phase, and when it began
        self.level = 0
        self.outcomes: list[object] = []
        self._room = MOST_EXCHANGED
        self._withheld: set[Path] = set()
        self._asked: dict[tuple[int, Hashable], list[Path]] = {}

    def enter(self, phase: str) -> None:
        """This phase begins, and the one before it ends. Empty: only that."""
        self._entered.append((phase, time.perf_counter()))

    def finish(self) -> None:
        self.enter("")
        self.duration = self._entered[-1][1] - self.began

    def ask(self, loader: object, key: Hashable) -> None:
        """The loader is asked for this key, by what is running now."""
        self._asked.setdefault((id(loader), key), []).extend(ASKING.get())

    def find_paths(self, loader: object, key: Hashable) -> tuple[Path, ...]:
        """The paths of the fields that asked this loader for this key."""
        asked = self._asked.get((id(loader), key))
        return tuple(dict.fromkeys(asked)) if asked else ASKING.get()

    async def under(self, paths: tuple[Path, ...], awaitable: Awaitable[ValueT]) -> ValueT:
        with self.asking(paths):
            return await awaitable

    @contextmanager
    def asking(self, paths: tuple[Path, ...]) -> Iterator[None]:
        """Within the block, what is asked for is for these paths."""
        token = ASKING.set(paths)
        try:
            yield
        finally:
            ASKING.reset(token)

    def begin_call(self, platform: str, endpoint: str, kind: str, work: Any) -> CallTrace:
        """A `Call` is begun for this operation. Only the names of its arguments are noted, and of a login none."""
        call = CallTrace("own", platform, endpoint, kind, self.level, self.trace_id)
        if kind != "login":
            given = [(name, str(value)) for name, value in work.arguments.items() if value != ""]
            call.arguments = [(name, "number" if value.isdigit() else "text") for name, value in given]
        self.calls.append(call)
        work.waiters.append(Completion(self, call, work))
        return call

    def use(self, platform: str, endpoint: str, read: Any, age: float) -> None:
        """Another operation's read is used: one in flight, or one that was completed so many seconds ago."""
        source: Source = "kept" if read.completed else "joined"
        call = CallTrace(source, platform, endpoint, "read", self.level, self.trace_id)
        self.calls.append(call)
        if read.completed:
            call.age = age
            call.end(read.outcome)
        else:
            read.waiters.append(Completion(self, call, read))

    def end_call(self, call: CallTrace, read: Any) -> None:
        """The traced call has ended; `read` is the platform's `Call`."""
        call.end(read.outcome)
        if self.exchanges is not None and (exchange := read.exchange(min(LARGEST_EXCHANGE, self._room))) is not None:
            self.exchanges[call.span_id] = exchange
            self.outcomes.append(read.outcome)
            self._room = max(0, self._room - min(LARGEST_EXCHANGE, read.size))

    @contextmanager
    def batch(self, loader: str, keys: int) -> Iterator[None]:
        """A loader of this name asks for so many keys at once, within."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.batches.append((loader, keys, started, time.perf_counter()))

    def reveal(self, type_name: str, field: str, records: int) -> None:
        fields = self.reveals.setdefault(type_name, {})
        fields[field] = fields.get(field, 0) + records

    def withhold(self) -> None:
        """What is running now is for a community that the caller may not see."""
        self._withheld.update(ASKING.get())

    def explain_nulls(self, data: Any, errors: Iterable[Mapping[str, Any]]) -> None:
        """Leave in `nulls` those of the answer, where errors and what is withheld go before what was noted."""
        failed: dict[Path, NullReason] = {}
        for error in errors:
            path = tuple(error.get("path", ()))
            reason: NullReason = "WITHHELD" if error["extensions"]["code"] in _FORBIDDEN else "FAILED"
            failed |= {path[:length]: reason for length in range(len(path) + 1) if path[:length] not in failed}
        noted, self.nulls = self.nulls, {}
        values: list[tuple[Path, Any]] = [((), data)]
        for path, value in values:
            if value is None:
                known = noted.get(path, "NOT_APPLICABLE")
                self.nulls[path] = failed.get(path) or ("WITHHELD" if path in self._withheld else known)
            elif isinstance(value, dict | list):
                parts = value.items() if isinstance(value, dict) else enumerate(value)
                values += [((*path, step), part) for step, part in parts]

    def phases(self) -> list[tuple[str, float, float]]:
        """Name, start since the beginning, and duration in seconds of the phases that there were, in order."""
        found: dict[str, tuple[float, float]] = {}
        for (name, start), (_, end) in pairwise(self._entered):
            first, duration = found.get(name, (start - self.began, 0.0))
            found[name] = first, duration + end - start
        return [(name, *found[name]) for name in PHASES if name in found]

    def levels(self) -> list[int]:
        """The level of the response that needs each call, in the order of `calls`: that of the plan or, under
        graphql-core, one more than those of the calls whose values lead to its paths.
        """
        deepest: dict[Path, int] = {}
        found: dict[CallTrace, int] = {}
        for call in sorted(self.calls, key=lambda call: min(map(len, call.paths), default=0)):
            before = [deepest.get(path[:length], 0) for path in call.paths for length in range(len(path))]
            level = found[call] = call.level or 1 + max(before, default=0)
            for path in call.paths:
                deepest[path] = max(level, deepest.get(path, 0))
        return [found[call] for call in self.calls]

    def to_json(self) -> dict[str, Any]:
        """The trace as the answer has it in `extensions.trace` (docs/observability.md)."""
        return {
            "traceId": self.trace_id,
            "requestId": self.request_id,
            "operationName": self.operation_name,
            "operationType": self.operation_type,
            "execution": "graphql-core",
            "startedAt": self.started_at.isoformat(timespec="milliseconds"),
            "durationMs": _ms(self.duration),
            "phases": [{"name": name, "startMs": _ms(at), "durationMs": _ms(took)} for name, at, took in self.phases()],
            "calls": [
                self._call_json(number, call, level)
                for number, (call, level) in enumerate(zip(self.calls, self.levels(), strict=True), 1)
            ],
            "batches": [
                {"loader": name, "keys": keys, "startMs": _ms(start - self.began), "durationMs": _ms(end - start)}
                for name, keys, start, end in self.batches
            ],
            "dataIssues": [
                {"path": list(path), "field": field, "problem": problem, "platform": platform}
                for (path, field), (problem, platform) in self.data_issues.items()
            ],
            "masked": [list(path) for path in self.masked],
            "nulls": [{"path": list(path), "reason": reason} for path, reason in self.nulls.items()],
            "reveals": [
                {"type": type_name, "fields": sorted(fields), "records": max(fields.values())}
                for type_name, fields in self.reveals.items()
            ],
        }

    def _call_json(self, number: int, call: CallTrace, level: int) -> dict[str, Any]:
        ended = time.perf_counter() if call.ended is None else call.ended
        at, sent = call.at, call.at.get("sent")
        verbatim = {} if self.exchanges is None else {"exchange": self.exchanges.get(call.span_id)}
        return verbatim | {
            "id": number,
            "platform": call.platform,
            "endpoint": call.endpoint,
            "kind": call.kind,
            "arguments": [{"name": name, "kind": kind} for name, kind in call.arguments],
            "paths": [list(path) for path in call.paths],
            "level": level,
            "source": call.source,
            "ageMs": _ms(call.age),
            "startMs": _ms(call.began - self.began),
            "durationMs": _ms(ended - call.began),
            "tokenMs": _between(call.began, at.get("token")),
            "queuedMs": _between(at.get("token"), at.get("slot")),
            "connectingMs": _between(at.get("connecting", sent), sent),
            "waitingMs": _between(sent, at.get("byte")),
            "readingMs": _between(at.get("byte"), ended),
            "attempts": call.attempts,
            "tokenRenewals": call.token_renewals,
            "outcome": call.outcome,
            "retryable": call.retryable,
            "bytes": call.size,
            "rows": call.rows,
            "dataIssues": call.data_issues,
        }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else _ms(max(0.0, end - start))


ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def open_export(environ: Mapping[str, str] = os.environ) -> "SpanExport | None":
    """Open the export of traces, if a collector is named. Raises SettingsError without the extra `otel`."""
    named = [name for name in ENDPOINTS if environ.get(name, "").strip()]
    if not named:
        return None
    try:
        from gateway.ops.spans import SpanExport  # noqa: PLC0415 # of an extra
    except ImportError:
        raise SettingsError(Mistake.NO_EXTRA(named[0])) from None
    return SpanExport()
