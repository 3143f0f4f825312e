"""What tests of the readers need: somewhere to collect issues, and to find them."""

from collections.abc import Iterator
from typing import get_args, get_origin, get_type_hints

from gateway.normalise.issues import Issues, IssueSource
from gateway.normalise.records import DataIssue, Record
from gateway.normalise.vocabulary import DataProblem, PlatformName


class CollectedIssues(Issues):
    def __init__(self) -> None:
        super().__init__(IssueSource(PlatformName.WJDH, {}), [])

    @property
    def noted(self) -> list[tuple[str, str | None, DataProblem]]:
        return [(issue.field, issue.raw, issue.problem) for issue in self.found]


MAY_BE_EMPTY = {"Order.title", "OrderDetail.name", "OrderDetail.value", "DataIssue.raw", "ShenheContent.raw"}
"""Texts as sent, and the title, which is promised. Anywhere else empty text would stand for what is unknown."""


def mistyped(value: object) -> Iterator[str]:
    """The attributes that do not hold what they are annotated with, however deep they are: plans rely on it. So is
    empty text.
    """
    if isinstance(value, tuple):
        for item in value:
            yield from mistyped(item)
    elif isinstance(value, Record):
        for name, annotation in get_type_hints(type(value)).items():
            held = getattr(value, name)
            allowed = get_args(annotation) or (annotation,)
            if type(held) not in [get_origin(part) or part for part in allowed] and not isinstance(held, tuple):
                yield f"{type(value).__name__}.{name}: {type(held).__name__}"
            if held == "" and f"{type(value).__name__}.{name}" not in MAY_BE_EMPTY:
                yield f"{type(value).__name__}.{name}: empty"
            yield from mistyped(held)


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
