"""Lets graphql-core execute what a plan gave up on, without asking anything twice."""

from inspect import iscoroutine
from typing import Any

PathKeys = tuple[str | int, ...]


class Replay:
    """A graphql-core middleware: what a plan has awaited at a path is there again, as an awaitable.

    `outcomes` are values, and the exceptions of what failed, by their paths in the response. A field whose value was
    awaited is not resolved again. Every other resolver is called a second time: that is safe for fields of a query,
    which have no side effects (GraphQL specification, 6.2.1).
    """

    def __init__(self, outcomes: dict[PathKeys, Any]) -> None:
        self._outcomes = outcomes
        self._lists = {_field_of(path) for path in outcomes if isinstance(path[-1], int)}

    def resolve(self, resolver: Any, source: Any, info: Any, /, **arguments: Any) -> Any:
        path = tuple(info.path.as_list())
        if path in self._outcomes:
            return self._again(path)
        value = resolver(source, info, **arguments)
        return self._with_items(path, value) if path in self._lists else value

    async def _again(self, path: PathKeys) -> Any:
        outcome = self._outcomes[path]
        if isinstance(outcome, Exception):
            raise outcome
        return self._with_items(path, outcome) if _field_of(path) in self._lists else outcome

    def _with_items(self, path: PathKeys, value: Any) -> Any:
        """A list with those of its items that were awaited, at any depth."""
        if not isinstance(value, list | tuple):
            return value
        return [self._item((*path, index), item) for index, item in enumerate(value)]

    def _item(self, path: PathKeys, item: Any) -> Any:
        if path not in self._outcomes:
            return self._with_items(path, item)
        if iscoroutine(item):
            item.close()
        return self._again(path)


def _field_of(path: PathKeys) -> PathKeys:
    """The path of the field that an item of a list belongs to."""
    while isinstance(path[-1], int):
        path = path[:-1]
    return path
