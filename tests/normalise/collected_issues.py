"""What tests of the readers need: somewhere to collect issues, and to find them."""

from collections.abc import Iterator

from schema.normalise.issues import Issues
from schema.normalise.records import DataIssue, Record
from schema.normalise.vocabulary import DataProblem, PlatformName


class CollectedIssues(Issues):
    platform = PlatformName.WJDH

    @property
    def noted(self) -> list[tuple[str, str | None, DataProblem]]:
        return [(issue.field, issue.raw, issue.problem) for issue in self.found]


def issues_within(value: object) -> Iterator[DataIssue]:
    """The issues of a record or records, however deep they are."""
    if isinstance(value, DataIssue):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from issues_within(item)
    elif isinstance(value, Record):
        for name in value.__struct_fields__:
            yield from issues_within(getattr(value, name))
