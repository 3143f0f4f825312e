"""What did not arrive as documented, by community: the data issues of all answers that this process has read.

They are noted where they are counted for Prometheus, and an answer without any costs nothing. Names of the schema,
counts, times and ids of records are kept, never a value.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar

import msgspec

from gateway.journal.records import RecordRef
from gateway.normalise.house import Residency
from gateway.normalise.people import People
from gateway.normalise.records import DataIssue, Page
from gateway.normalise.shenhe import Shenhe
from gateway.normalise.vocabulary import DataProblem, PlatformName
from gateway.ops.metrics import Metrics

Issues: TypeAlias = tuple[DataIssue, ...]
ValueT = TypeVar("ValueT")


def count_issues(metrics: Metrics, endpoint: str, value: object) -> bool:
    """Count the data issues and dropped rows of one answer. Those of a page were gathered as it was read.

    Whether there are any issues.
    """
    if isinstance(value, Page) and value.dropped:
        metrics.dropped_rows.labels(endpoint).inc(value.dropped)
    issues = get_issues(value)
    for issue in issues:
        metrics.data_issue(endpoint, issue.platform, issue.field, issue.problem).inc()
    return bool(issues)


def read_whole(value: ValueT) -> ValueT:
    """A page with the issues of all that its records hold, read for that; anything else as it is."""
    if not isinstance(value, Page):
        return value
    flawed = tuple([(record, issues) for record in value.items if (issues := get_issues(record))])
    found = tuple([issue for _, issues in flawed for issue in issues])
    return msgspec.structs.replace(value, issues=found, flawed=flawed)


def get_issues(value: object) -> Issues:
    """All issues of one answer, or of a record and the records inside it. Those of a page were gathered already."""
    if isinstance(value, Page):
        return value.issues
    if isinstance(value, tuple):
        return _of_all(value)
    own: Issues = getattr(value, "data_issues", ())
    inner = _INNER.get(type(value))
    return own if inner is None else own + inner(value)


def records_with_issues(value: object) -> Iterable[tuple[object, str | None, Issues]]:
    """The records of an answer that have issues, each with its community and its issues."""
    if isinstance(value, Page):
        return [(record, record.community_code, issues) for record, issues in value.flawed]
    if isinstance(value, dict):
        pairs = [(state, code) for code, states in value.items() for state in states or ()]
    else:
        records = value if isinstance(value, tuple) else (value,)
        pairs = [(record, getattr(record, "community_code", None)) for record in records]
    return [(record, code, issues) for record, code in pairs if (issues := get_issues(record))]


def _of_all(records: Iterable[object]) -> Issues:
    return tuple([issue for record in records for issue in get_issues(record)])


def _of_content(review: Shenhe) -> Issues:
    content = review.content
    return () if content is None else _of_all(part for part in (content.people, content.house) if part is not None)


_INNER: Mapping[type, Callable[[Any], Issues]] = {
    Shenhe: _of_content,
    People: lambda people: _of_all(people.residencies),
    Residency: lambda residency: _of_all((residency.house, *(residency.members or ()))),
    dict: lambda communities: _of_all(state for states in communities.values() for state in states or ()),
}
"""Those of the records inside one, by its class; a dictionary has the module states of communities."""


MOST_FINDINGS = 2000
"""Kept, in some 1 MiB; of more, those seen last."""

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

    def note(self, endpoint: str, answer: object) -> None:
        """Note what is wrong in an answer that has data issues."""
        now = self._clock()
        for record, community_code, issues in records_with_issues(answer):
            for issue in issues:
                code = None if issue.of_any_community else community_code
                key = code, issue.platform, endpoint, issue.field, issue.problem
                finding = self._findings.get(key) or self._begin(key, now)
                finding.count += 1
                finding.last_seen_at = now
                if finding.looked_at is None or now - finding.looked_at >= PAUSE:
                    self._look_at(key, finding, None if issue.of_any_community else record, now)

    def _look_at(self, key: _Key, finding: Finding, record: object, now: datetime) -> None:
        """Keep what names this record, which shows it now."""
        self._findings[key] = self._findings.pop(key)  # the last one again
        finding.looked_at = now
        finding.sample = (None if record is None else self._name(record)) or finding.sample
        while len(self._findings) > MOST_FINDINGS:
            del self._findings[next(iter(self._findings))]

    def _begin(self, key: _Key, now: datetime) -> Finding:
        finding = self._findings[key] = Finding(*key[1:], 0, now, now, None)
        return finding

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
