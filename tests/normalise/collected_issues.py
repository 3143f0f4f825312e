"""What tests of the readers need: somewhere to collect issues, and to find them."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

from gateway.normalise.records import DataIssue, Issues, Record
from gateway.normalise.vocabulary import DataProblem
from gateway.normalise.wire import AS_DOCUMENTED
from gateway.orders.record import ORDER_ROWS, Order
from gateway.shenhe.record import Shenhe


class CollectedIssues(Issues):
    def __init__(self) -> None:
        super().__init__(AS_DOCUMENTED.table(ORDER_ROWS))

    @property
    def noted(self) -> list[tuple[str, str | None, DataProblem]]:
        return [(issue.field, issue.raw, issue.problem) for issue in self.found]


MAY_BE_EMPTY = {
    *("Order.title", "OrderDetail.name", "OrderDetail.value", "DataIssue.raw", "ShenheContent.raw"),
    *("Order.extra", "Shenhe.content_sent"),
}
"""Texts as sent, and the title, which is promised. Anywhere else empty text would stand for what is unknown."""


READ_WHEN_ASKED: dict[type, tuple[str, ...]] = {Order: ("details", "house"), Shenhe: ("content",)}


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
            if (
                Any not in allowed
                and type(held) not in [get_origin(part) or part for part in allowed]
                and not isinstance(held, tuple)
            ):
                yield f"{type(value).__name__}.{name}: {type(held).__name__}"
            if held == "" and f"{type(value).__name__}.{name}" not in MAY_BE_EMPTY:
                yield f"{type(value).__name__}.{name}: empty"
            yield from mistyped(held)
        for name in READ_WHEN_ASKED.get(type(value), ()):
            yield from mistyped(getattr(value, name))


def issues_within(value: object) -> Iterator[DataIssue]:
    """The issues of a record or records, however deep they are."""
    if isinstance(value, DataIssue):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from issues_within(item)
    elif isinstance(value, Record):
        for name in {*value.__struct_fields__, *READ_WHEN_ASKED.get(type(value), ()), "data_issues"}:
            if name != "own_issues" and not name.endswith("_read"):
                yield from issues_within(getattr(value, name, None))
