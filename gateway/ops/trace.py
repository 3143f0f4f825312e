"""What one operation did: how many platform calls it made and, where somebody wants to see it, its trace.

A `Meter` counts for every operation. A `Trace` is made for few: all that is written here is written only then, and the
places that could add to one ask for nothing more than whether there is one. It holds no values of arguments and nothing
that a platform sent.
"""

import time
from collections.abc import Awaitable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from math import inf
from random import getrandbits
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from gateway.normalise.times import CHINA
from gateway.ops.calls import ASKING, CallTrace, Completion, Path, Source, new_span_id
from gateway.ops.slots import GATEWAY

ValueT = TypeVar("ValueT")

PHASES: Final = ("authenticate", "read", "parse", "validate", "plan", "execute", "serialise")


class Meter(msgspec.Struct, eq=False):
    """Counts the platform calls that an operation makes, logins apart, and the reads that it has `kept` answers of. No
    call is made beyond the `limit`. `trace` is its trace, if it has one. `caller` is who waits for slots
    (`gateway.ops.slots`).
    """

    calls: int = 0
    limit: float = inf
    kept: int = 0
    caller: str = GATEWAY
    trace: "Trace | None" = None


METER: ContextVar[Meter | None] = ContextVar("meter", default=None)
"""The meter of the operation under way; None in work of the gateway's own."""


def current_trace() -> "Trace | None":
    """The trace of the operation under way."""
    meter = METER.get()
    return None if meter is None else meter.trace


def enter_phase(phase: str) -> None:
    """The operation under way begins this phase, if anybody looks."""
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

    `is_exported`: it becomes spans. `is_shown`: it is part of the answer. Then graphql-core executes the operation, and
    the values are looked at as well: their data issues, and what was masked. `level` is that of a plan.
    """

    def __init__(self, parent: TraceParent | None, *, is_exported: bool = False) -> None:
        self.began = time.perf_counter()
        self.started_at = datetime.now(CHINA)
        self.parent = parent
        self.trace_id = parent.trace_id if parent else f"{getrandbits(128) or 1:032x}"
        self.span_id = new_span_id()
        self.is_exported = is_exported
        self.is_shown = False
        self.request_id = ""
        self.operation_name: str | None = None
        self.operation_type = "query"
        self.calls: list[CallTrace] = []
        self.data_issues: dict[tuple[Path, str], tuple[str, str]] = {}  # problem and platform, by path and field
        self.masked: dict[Path, None] = {}
        self.reveals: dict[tuple[str, str], int] = {}  # records, by type and field
        self.duration = 0.0
        self.batches: list[tuple[str, int, float, float]] = []  # loader, keys, start and end
        self._phases: dict[str, list[float]] = {"authenticate": [0.0, 0.0]}  # start and duration, in seconds
        self._phase = "authenticate"
        self._entered = self.began
        self.level = 0
        self._asked: dict[tuple[int, Hashable], list[Path]] = {}

    # Phases

    def enter(self, phase: str) -> None:
        """This phase begins, and the one before it ends."""
        now = time.perf_counter()
        self.leave(now)
        self._phase, self._entered = phase, now
        self._phases.setdefault(phase, [now - self.began, 0.0])

    def leave(self, now: float | None = None) -> None:
        """The phase ends."""
        if self._phase:
            self._phases[self._phase][1] += (time.perf_counter() if now is None else now) - self._entered
            self._phase = ""

    def finish(self) -> None:
        """The operation has ended."""
        self.leave()
        self.duration = time.perf_counter() - self.began

    # Who asks

    def ask(self, loader: object, key: Hashable) -> None:
        """The loader is asked for this key, for what is running now."""
        self._asked.setdefault((id(loader), key), []).extend(ASKING.get())

    def find_paths(self, loader: object, key: Hashable) -> tuple[Path, ...]:
        """What asked this loader for this key."""
        asked = self._asked.get((id(loader), key))
        return tuple(dict.fromkeys(asked)) if asked else ASKING.get()

    async def under(self, paths: tuple[Path, ...], awaitable: Awaitable[ValueT]) -> ValueT:
        """The value of what is awaited for these paths."""
        with self.asking(paths):
            return await awaitable

    @contextmanager
    def asking(self, paths: tuple[Path, ...]) -> Iterator[None]:
        """What runs within is for these paths."""
        token = ASKING.set(paths)
        try:
            yield
        finally:
            ASKING.reset(token)

    # Calls

    def begin_call(self, platform: str, endpoint: str, kind: str, form: bytes) -> CallTrace:
        """A call with this form is begun for this operation. Of the form, only the names of its fields are noted."""
        call = CallTrace("own", platform, endpoint, kind, self.level, self.trace_id)
        fields = (field.partition("=") for field in form.decode("ascii").split("&") if field and kind != "login")
        call.arguments = [(name, "number" if value.isdigit() else "text") for name, _, value in fields]
        self.calls.append(call)
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
            read.waiters.append(Completion(call, read))

    @contextmanager
    def batch(self, loader: object, keys: int) -> Iterator[None]:
        """A loader asks for so many keys at once, within."""
        name = type(loader).__name__.removesuffix("Loader").lower()
        started = time.perf_counter()
        try:
            yield
        finally:
            self.batches.append((name, keys, started, time.perf_counter()))

    def reveal(self, type_name: str, field: str, records: int) -> None:
        """So many records were shown with this field as it is."""
        self.reveals[type_name, field] = self.reveals.get((type_name, field), 0) + records

    # The result

    def phases(self) -> list[tuple[str, float, float]]:
        """Those that there were, in order: name, start since the beginning, and duration, in seconds."""
        return [(name, *self._phases[name]) for name in PHASES if name in self._phases]  # type: ignore[misc] # always two

    def levels(self) -> list[int]:
        """The level of the response that needs each call, in the order of `calls`.

        That of a plan's level; under graphql-core, one more than of the calls whose values lead to its paths.
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
        """As `extensions.trace` has it: see docs/observability.md."""
        return {
            "traceId": self.trace_id,
            "requestId": self.request_id,
            "operationName": self.operation_name,
            "operationType": self.operation_type,
            "execution": "graphql-core",
            "startedAt": self.started_at.isoformat(timespec="milliseconds"),
            "durationMs": _ms(self.duration),
            "phases": [
                {"name": name, "startMs": _ms(start), "durationMs": _ms(duration)}
                for name, start, duration in self.phases()
            ],
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
            "reveals": self._reveals_json(),
        }

    def _call_json(self, number: int, call: CallTrace, level: int) -> dict[str, Any]:
        ended = time.perf_counter() if call.ended is None else call.ended
        return {
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
            "tokenMs": _between(call.began, call.has_token),
            "queuedMs": _between(call.has_token, call.has_slot),
            "connectingMs": _between(call.connecting or call.sent, call.connected or call.sent),
            "waitingMs": _between(call.sent, call.first_byte),
            "readingMs": _between(call.first_byte, ended),
            "attempts": call.attempts,
            "tokenRenewals": call.token_renewals,
            "outcome": call.outcome,
            "retryable": call.retryable,
            "bytes": call.bytes,
            "rows": call.rows,
            "dataIssues": call.data_issues,
        }

    def _reveals_json(self) -> list[dict[str, Any]]:
        types: dict[str, dict[str, int]] = {}
        for (type_name, field), records in self.reveals.items():
            types.setdefault(type_name, {})[field] = records
        return [
            {"type": name, "fields": sorted(fields), "records": max(fields.values())} for name, fields in types.items()
        ]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else _ms(max(0.0, end - start))
