"""Finds what is wrong in what a platform sent, so that it can be counted as it is read."""

from collections.abc import Iterable, Iterator

from gateway.ops.metrics import Metrics
from schema.normalise.records import DataIssue, House, Page, People, Shenhe


def count_issues(metrics: Metrics, endpoint: str, value: object) -> None:
    """Count the data issues and dropped rows of one answer. Cheap where there are none."""
    if isinstance(value, Page):
        if value.clean:
            return
        if value.dropped:
            metrics.dropped_rows.labels(endpoint).inc(value.dropped)
        issues = _of_all(value.items)
    elif isinstance(value, tuple):
        issues = _of_all(value)
    else:
        issues = _of(value)
    for issue in issues:
        field = ".".join(part for part in issue.field.split(".") if not part.isdigit())
        metrics.data_issues.labels(issue.platform.value, endpoint, field, issue.problem.value).inc()


def _of_all(records: Iterable[object]) -> Iterator[DataIssue]:
    for record in records:
        yield from _of(record)


def _of(record: object) -> Iterator[DataIssue]:
    """A record's own issues, and those of the records inside it."""
    yield from getattr(record, "data_issues", ())
    if isinstance(record, Shenhe):
        if record.content is not None:
            yield from _of(record.content.people)
            yield from _of(record.content.house)
    elif isinstance(record, People):
        for residency in record.residencies:
            yield from residency.data_issues
            yield from _of(residency.house)
    elif isinstance(record, House):
        yield from _of_all(record.members or ())
