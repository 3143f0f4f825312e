"""Looks at the values of an operation that is traced: what is wrong with them, and what its caller was not shown.

It is a middleware of graphql-core's. A plan has no place for it: when the plan has answered, graphql-core executes the
operation once more with what was awaited (`Replay`), asks nobody, and this looks on.
"""

from collections.abc import Callable
from typing import Any

from graphql.pyutils import is_awaitable

from gateway.execution.variants import get_attribute
from gateway.ops.call_trace import Path
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
