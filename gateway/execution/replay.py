"""What graphql-core executes of an operation after a plan, without asking anything twice: all of it where the plan gave
up, and a second look at the values where it is traced.
"""

from collections.abc import Callable, Iterator
from inspect import iscoroutine
from typing import Any

from graphql.pyutils import is_awaitable

from gateway.execution.response import IncompleteError, PathKeys, take_part
from gateway.execution.variants import get_attribute
from gateway.ops.calls import Path
from gateway.ops.trace import Trace


class Unobserved:
    """The context of a request whose fields are resolved a second time: the caller is shown nothing by that."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def observe(self, observations: object) -> None:
        """They were observed when they were shown."""

    def deny(self, field: str, scope: str) -> None:
        """As above."""

    def count_lookup(self, overdraft: int = 0) -> None:
        """As above."""

    def report(self, error: object) -> None:
        """As above."""


class Inspection:
    """`resolve` stands between every field and its resolver, and adds to the trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def resolve(self, resolver: Callable[..., Any], source: Any, info: Any, /, **arguments: Any) -> Any:
        path = tuple(info.path.as_list())
        self._look_at(source, path[:-1])
        with self._trace.asking((path,)):
            value = resolver(source, info, **arguments)
        if is_awaitable(value):
            return self._trace.under((path,), value)
        self._compare(source, info, path, value)
        return value

    def _look_at(self, source: Any, path: Path) -> None:
        """Note the data issues of the record that is shown at this path."""
        for issue in getattr(source, "data_issues", None) or ():
            place = (*path, *issue.field.split("."))
            self._trace.data_issues[place, issue.field] = issue.problem.value, issue.platform.value

    def _compare(self, source: Any, info: Any, path: Path, value: Any) -> None:
        """Note a field that holds more than is shown."""
        field = info.parent_type.fields.get(info.field_name)
        declared = field and get_attribute(field)
        if declared is not None and getattr(info.context, "variant", None) != declared.variant:
            held = getattr(source, declared.attribute)
            if held is not None and held != value:
                self._trace.masked[path] = None


class Replay:
    """A graphql-core middleware: what a plan has awaited at a path is there again, as an awaitable.

    `outcomes` are values, and the exceptions of what failed, by their paths in the response. A field whose value was
    awaited is not resolved again. Every other resolver is called a second time: that is safe for fields of a query,
    which have no side effects (GraphQL specification, 6.2.1).
    """

    def __init__(self, outcomes: dict[PathKeys, Any]) -> None:
        self._outcomes = outcomes
        self._lists = {path[:length] for path in outcomes for length in _lengths_of_lists(path)}

    def resolve(self, resolver: Any, source: Any, info: Any, /, **arguments: Any) -> Any:
        path = tuple(info.path.as_list())
        if path in self._outcomes:
            return self._again(path, info)
        return self._with_items(path, resolver(source, info, **arguments), info)

    async def _again(self, path: PathKeys, info: Any) -> Any:
        """graphql-core raises an exception that it is given."""
        outcome = self._outcomes[path]
        if isinstance(outcome, IncompleteError):
            outcome = take_part(outcome, info, path)
        return self._with_items(path, outcome, info)

    def _with_items(self, path: PathKeys, value: Any, info: Any) -> Any:
        """A list with those of its items that were awaited, at any depth. Any other value as it is."""
        if path not in self._lists or not isinstance(value, list | tuple):
            return value
        return [self._item((*path, index), item, info) for index, item in enumerate(value)]

    def _item(self, path: PathKeys, item: Any, info: Any) -> Any:
        if path not in self._outcomes:
            return self._with_items(path, item, info)
        if iscoroutine(item):
            item.close()
        return self._again(path, info)


def _lengths_of_lists(path: PathKeys) -> Iterator[int]:
    """Where the lists begin that an item's path goes through last: 1 and 2 of ("rows", 0, 3), none of ("rows",)."""
    length = len(path)
    while isinstance(path[length - 1], int):
        length -= 1
        yield length
