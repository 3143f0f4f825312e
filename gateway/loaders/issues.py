"""Finds what is wrong in what a platform sent, so that it can be counted as it is read."""

from collections.abc import Iterable
from typing import TypeAlias

from gateway.ops.metrics import Metrics
from schema.normalise.records import DataIssue, House, Page, People, Residency, Shenhe

Issues: TypeAlias = tuple[DataIssue, ...]


def count_issues(metrics: Metrics, endpoint: str, value: object) -> None:
    """Count the data issues and dropped rows of one answer. Those of most pages were gathered as they were read."""
    if isinstance(value, Page):
        if value.dropped:
            metrics.dropped_rows.labels(endpoint).inc(value.dropped)
        issues = _of_all(value.items) if value.issues is None else value.issues
    elif isinstance(value, tuple):
        issues = _of_all(value)
    else:
        issues = _of(value)
    for issue in issues:
        metrics.data_issue(endpoint, issue.platform, issue.field, issue.problem).inc()


def _of_all(records: Iterable[object]) -> Issues:
    return tuple([issue for record in records for issue in _of(record)])


def _of(record: object) -> Issues:
    """A record's own issues, and those of the records inside it."""
    own: Issues = getattr(record, "data_issues", ())
    if isinstance(record, Shenhe):
        content = record.content
        if content is None:
            return own
        people, house = content.people, content.house
        return own + (people.data_issues if people else ()) + (house.data_issues if house else ())
    if isinstance(record, People):
        return own + _of_all(record.residencies)
    if isinstance(record, Residency):
        return own + _of(record.house)
    if isinstance(record, House):
        return own + _of_all(record.members or ())
    return own
