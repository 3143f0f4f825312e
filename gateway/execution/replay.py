"""Lets graphql-core execute what a plan gave up on, without asking anything twice."""

from collections.abc import Iterator
from inspect import iscoroutine
from typing import Any

from gateway.execution.incomplete import IncompleteError, take_part
from gateway.execution.response import PathKeys


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
