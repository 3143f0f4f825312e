"""Finds what is wrong in what a platform sent, so that it can be counted as it is read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from gateway.normalise.house import Residency
from gateway.normalise.people import People
from gateway.normalise.records import DataIssue, Page
from gateway.normalise.shenhe import Shenhe
from gateway.ops.metrics import Metrics

Issues: TypeAlias = tuple[DataIssue, ...]


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
