"""What the trace of an answer says of its values: graphql-core executes the operation, and each field is looked at."""

from collections.abc import Callable
from typing import Any

from graphql.pyutils import is_awaitable

from gateway.execution.variants import get_attribute
from gateway.ops.trace import Trace


class Inspection:
    """`resolve` stands between every field and its resolver, and adds to the trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def resolve(self, resolver: Callable[..., Any], source: Any, info: Any, /, **arguments: Any) -> Any:
        path = tuple(info.path.as_list())
        for issue in getattr(source, "data_issues", None) or ():
            place = (*path[:-1], *issue.field.split("."))
            self._trace.data_issues[place, issue.field] = issue.problem.value, issue.platform.value
        with self._trace.asking((path,)):
            value = resolver(source, info, **arguments)
        if is_awaitable(value):
            return self._trace.under((path,), value)
        field = info.parent_type.fields.get(info.field_name)
        declared = field and get_attribute(field)
        if declared is not None and getattr(info.context, "variant", None) != declared.variant:
            held = getattr(source, declared.attribute)
            if held is not None and held != value:
                self._trace.masked[path] = None
        return value
