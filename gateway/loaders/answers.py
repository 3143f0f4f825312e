"""Looks at each answer of a platform once, for all who asked for it, when it has been read: what did not arrive as
documented, and what others watch for.

Data issues are noted where they are counted for Prometheus, and an answer without any costs nothing. Names of the
schema, counts, times and ids of records are kept, never a value.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeAlias, TypeVar

import msgspec
import structlog

from gateway.cache import LookAt
from gateway.journal.records import RecordRef
from gateway.normalise.observation import Observer
from gateway.normalise.records import DataIssue, Page
from gateway.normalise.vocabulary import DataProblem, PlatformName
from gateway.normalise.wire import Wire
from gateway.ops.metrics import Metrics
from gateway.platforms.call import Call

Issues: TypeAlias = tuple[DataIssue, ...]
Flawed: TypeAlias = tuple[object, str | None, Issues]
"""A record, its community, and its issues."""

ValueT = TypeVar("ValueT")


def read_whole(value: ValueT) -> ValueT:
    """A page with the issues of all that its records hold, read for that; anything else as it is."""
    if not isinstance(value, Page):
        return value
    return msgspec.structs.replace(value, flawed=tuple(records_with_issues(value.items)))


def records_with_issues(value: object) -> Sequence[Flawed]:
    """The records of an answer that have issues, each with its community and with all issues of it and of its `inner`
    records. Those of a page are found already; a dictionary has records by community.
    """
    if isinstance(value, Page):
        return value.flawed
    if isinstance(value, dict):
        pairs = [(state, code) for code, states in value.items() for state in states or ()]
    else:
        records = value if isinstance(value, tuple) else (value,)
        pairs = [(record, getattr(record, "community_code", None)) for record in records]
    flawed: list[Flawed] = []
    for record, code in pairs:
        issues: Issues = ()
        unseen = [record]
        while unseen:
            part = unseen.pop(0)
            issues += getattr(part, "data_issues", ())
            unseen[:0] = getattr(part, "inner", ())
        if issues:
            flawed.append((record, code, issues))
    return flawed


MOST_FINDINGS = 2000  # kept, in some 1 MiB; of more, those seen last
PAUSE = timedelta(seconds=1)
"""Between two records of a finding that are looked at, to name one of them: that takes longer than to count it."""

_Key: TypeAlias = tuple[str | None, PlatformName, str, str, DataProblem]
"""The community, and what the first attributes of a finding say: a plain tuple, which is made in half the time."""


class Finding(msgspec.Struct):
    """What is wrong, how often, and a record that showed it lately, if it has an id."""

    platform: PlatformName
    endpoint: str
    field: str
    problem: DataProblem
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    sample: RecordRef | None
    looked_at: datetime | None = None


class DataQuality:
    """One per process. `name` gives what the journal calls a record; None for one without an id."""

    def __init__(self, name: Callable[[object], RecordRef | None], clock: Callable[[], datetime]) -> None:
        self._name = name
        self._clock = clock
        self._findings: dict[_Key, Finding] = {}

    def note(self, endpoint: str, flawed: Iterable[Flawed]) -> None:
        """Note what is wrong in an answer."""
        now = self._clock()
        for record, community_code, issues in flawed:
            for issue in issues:
                code = None if issue.of_any_community else community_code
                key = code, issue.platform, endpoint, issue.field, issue.problem
                finding = self._findings.get(key)
                if finding is None:
                    finding = self._findings[key] = Finding(*key[1:], 0, now, now, None)
                finding.count += 1
                finding.last_seen_at = now
                if finding.looked_at is None or now - finding.looked_at >= PAUSE:
                    self._findings[key] = self._findings.pop(key)  # the last one again
                    finding.looked_at = now
                    name = None if issue.of_any_community else self._name(record)
                    finding.sample = name or finding.sample
                    while len(self._findings) > MOST_FINDINGS:
                        del self._findings[next(iter(self._findings))]

    def findings(self, communities: frozenset[str] | None) -> list[Finding]:
        """Those of these communities, added up, the most frequent first. None: of all, and of no known community."""
        merged: dict[object, Finding] = {}
        for (community_code, *what), finding in self._findings.items():
            if communities is None or community_code in communities:
                other = merged.get(tuple(what))
                merged[tuple(what)] = msgspec.structs.replace(finding) if other is None else _sum(other, finding)
        return sorted(merged.values(), key=lambda finding: (-finding.count, finding.endpoint, finding.field))


def _sum(one: Finding, other: Finding) -> Finding:
    latest = max(one, other, key=lambda finding: finding.last_seen_at)
    return msgspec.structs.replace(
        latest,
        count=one.count + other.count,
        first_seen_at=min(one.first_seen_at, other.first_seen_at),
        sample=latest.sample or one.sample or other.sample,
    )


EVERY = 1000
"""The first answer of each endpoint is looked at, then one in so many: 3 ms of CPU for a page of 20 reviews."""

WHOLE_EVERY = 20
"""Of the pages of each list, the first one is read whole for its data issues, and then one in so many: the details and
the house of an order and the content of a review are read when they are asked for.
"""

LARGEST = 256 * 1024  # bytes of an answer that is looked at
MOST_ROWS = 50
MOST_LOGGED = 500

log = structlog.get_logger(__name__)


class Answers:
    """Looks at the answers of all endpoints. `watching` are called with the values of an endpoint.

    What is undocumented is looked for as `gateway check --deep` does, once the answer was handed on. It is counted, and
    logged when it is seen first: by its key, never by a value.
    """

    def __init__(
        self,
        metrics: Metrics,
        wire: Wire,
        quality: DataQuality,
        watching: Mapping[str, Sequence[Callable[[Any], object]]],
    ) -> None:
        self._metrics = metrics
        self._quality = quality
        self._watching = watching
        self._wire = wire
        self._logged: set[tuple[object, ...]] = set()

    def of(self, endpoint: str) -> LookAt:
        """What is called with each value that was read at this endpoint, and the `Call` that has the answer."""
        numbers, watching = count(), self._watching.get(endpoint, ())

        def look_at(value: Any, call: Call[Any]) -> None:
            number = next(numbers)
            if not number % WHOLE_EVERY:
                value = read_whole(value)
            if not number % EVERY and call.endpoint.record is not None and 0 < call.size <= LARGEST:
                asyncio.get_running_loop().call_soon(self._find_undocumented, call.endpoint.record.__name__, call)
            if flawed := records_with_issues(value):
                for issue in [issue for *_, issues in flawed for issue in issues]:
                    self._metrics.data_issue(endpoint, issue.platform, issue.field, issue.problem).inc()
                self._quality.note(endpoint, flawed)
            if type(value) is Page and value.dropped:
                self._metrics.dropped_rows.labels(endpoint).inc(value.dropped)
            for watch in watching:
                watch(value)

        return look_at

    def _find_undocumented(self, record: str, call: Call[Any]) -> None:
        observer = Observer(self._wire)
        if (envelope := call.open_answer()) is not None:
            observer.rows(record, observer.rows_in(record, envelope.body.get("data"))[:MOST_ROWS])
        for found in observer.undocumented():
            self._metrics.undocumented.labels(found.record, found.what).inc(found.rows)
            what = found[:-1]
            if what not in self._logged and len(self._logged) < MOST_LOGGED:
                self._logged.add(what)
                kinds = ", ".join(found.found) or None
                log.warning("undocumented", record=found.record, key=found.key, what=found.what, type=kinds)
