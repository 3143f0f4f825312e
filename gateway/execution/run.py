"""One execution of a plan, level by level.

The code of the plan builds the response as far as it goes without waiting, a column of values at a time. What has to be
awaited waits with its places in the response, which are null until then. All of a level is fetched together, each
loader being asked once; completing it builds the next level.

A value that fails where null is allowed makes that place null, with graphql-core's located error. Where one is
incomplete, the place has the part that there is, with the same error. Any other failure is raised: then graphql-core
executes the operation.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import iscoroutine
from itertools import compress
from types import CoroutineType, GeneratorType, NoneType
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
import orjson
from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    Undefined,
    located_error,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, is_awaitable

from gateway.errors import drop_tracebacks
from gateway.execution.documents import Prepared
from gateway.execution.load import LOADS, HandOverError, IncompleteError, UnplannableError, fetch
from gateway.futures import disregard, give_way
from gateway.ops.trace import Trace

Complete: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]
"""Completes values that are neither null nor errors."""

Nodes: TypeAlias = list[FieldNode] | None
"""Those of a field, or None where null is not allowed."""

AT_ONCE = 20
"""So many values of a list, and so of a column, are completed before others may have their turn."""


@dataclass(slots=True)
class Response:
    """The outcome of one operation, by a compiled plan (`planned`) or by graphql-core.

    `executed` is False for a request error, such as variables of the wrong type: then nothing was resolved and there is
    no `data` entry, not even null (GraphQL specification, 7.1). `event_id` is the cursor of a subscription's event.
    """

    data: dict[str, Any] | None
    errors: list[GraphQLError] = field(default_factory=list)
    executed: bool = True
    planned: bool = False
    event_id: str | None = None

    def to_bytes(self, errors: Sequence[Mapping[str, Any]] = (), extensions: Mapping[str, Any] | None = None) -> bytes:
        """The response as JSON, UTF-8, with its errors as they are formatted, and with `extensions`.

        Raises `orjson.JSONEncodeError` where a custom scalar gave something JSON cannot hold.
        """
        body: dict[str, Any] = {"data": self.data} if self.executed else {}
        if errors:
            body["errors"] = errors
        if extensions:
            body["extensions"] = extensions
        return orjson.dumps(body)


class ObservedField(NamedTuple):
    """A field by its schema coordinate, `type_name.name`, and the attribute that it shows."""

    type_name: str
    name: str
    attribute: str


class Observation(NamedTuple):
    """Objects of one class, and which of their fields were read as they are.

    A plan reports all objects of a selection, with all such fields, None among their values; graphql-core one object
    and field at a time.
    """

    objects: list[Any]
    fields: tuple[ObservedField, ...]


class FieldPosition(NamedTuple):
    """What is the same each time a field is resolved: the first entries of GraphQLResolveInfo."""

    name: str
    nodes: list[FieldNode]
    return_type: GraphQLOutputType
    parent_type: GraphQLObjectType


class PlanInfo(GraphQLResolveInfo[Any]):
    """graphql-core's info for a field of a plan, shared by all objects of the request: so it knows no path.

    A resolver that asks for it gets the operation out of plans permanently: graphql-core answers.
    """

    __slots__ = ()

    @property
    def path(self) -> Path:
        raise UnplannableError("a resolver reads info.path")


@lru_cache(maxsize=1024)
def kind_of(cls: type) -> Literal["null", "failed", "awaited", ""]:
    """What values of this class are; nothing for those that can be completed."""
    if issubclass(cls, NoneType | type(Undefined)):
        return "null"
    if issubclass(cls, BaseException):
        return "failed"
    return "awaited" if issubclass(cls, CoroutineType | GeneratorType) or hasattr(cls, "__await__") else ""


class Code(NamedTuple):
    """A plan. `source` is for reading; `bind(run)` gives the function of the root objects, for one request."""

    source: str
    bind: Callable[["Run"], Complete]


class Column(NamedTuple):
    """Values of one field, and their places in the response: those at these positions of a list, or, with a `key`, what
    the objects there have under it.
    """

    values: Sequence[Any]
    complete: Complete
    nodes: Nodes
    within: list[Any]
    key: str | None
    positions: Sequence[int]


class Run(msgspec.Struct, eq=False):
    """Executes the plan of an operation once. The code reads `variables` and `context`."""

    _schema: GraphQLSchema
    _prepared: Prepared
    variables: VariableValues
    context: Any
    observed: list[Observation] = []
    _lists: list[tuple[Sequence[Any], list[Any], Complete, Nodes]] = []  # and what is shown of each
    _waiting: list[Column] = []
    _failed: list[tuple[Exception, Column, int]] = []

    async def execute(self, code: Code, trace: Trace | None) -> Response:
        """`trace` counts the levels. Raises whatever graphql-core has to deal with."""
        try:
            try:
                build = code.bind(self)
            except Exception as error:
                raise HandOverError from error
            [data] = build((None,))
            while self._lists or self._waiting:
                if self._lists:
                    await self._complete_lists()
                    continue
                if trace is not None:
                    trace.level += 1
                await self._complete_level()
            errors = self._locate_errors(data) if self._failed else []
        except BaseException:
            self._release()
            raise
        self._failed.clear()
        if observed := [each for each in self.observed if each.objects]:
            self.context.observe(observed)
        return Response(data, errors, planned=True)

    async def _complete_level(self) -> None:
        """Complete all that is waited for. What that waits for is the next level."""
        level, self._waiting = self._waiting, []
        values = level[0].values if len(level) == 1 else [value for column in level for value in column.values]
        outcomes, begin = await fetch(values), 0
        for waiting in level:
            if begin:
                await give_way()
            end = begin + len(waiting.values)
            _values, complete, _nodes, within, key, positions = column = waiting._replace(values=outcomes[begin:end])
            is_done = not any(map(kind_of, {*map(type, column.values)}))
            done = complete(column.values) if is_done else self._complete(column)
            for position, value in zip(positions, done, strict=True):
                if key is None:
                    within[position] = value
                else:
                    within[position][key] = value
            begin = end

    async def _complete_lists(self) -> None:
        count = 0
        for values, shown, complete, nodes in self._lists:  # which grows meanwhile by the lists within
            for start in range(0, len(values), AT_ONCE):
                if count >= AT_ONCE:
                    count = 0
                    await give_way()
                some = values[start : start + AT_ONCE] if len(values) > AT_ONCE else values
                shown.extend(self.column(some, complete, nodes, shown))
                count += len(some)
        self._lists.clear()

    def _complete(self, column: Column) -> list[Any]:
        """As `column`, of values of which some are null, failed, or have to be awaited."""
        values, complete, nodes, _within, _key, positions = column
        kinds = [*map(kind_of, map(type, values))]
        if "failed" in kinds:
            values = [
                self._fail(column, number) if kind == "failed" else values[number] for number, kind in enumerate(kinds)
            ]
            return self._complete(column._replace(values=values))
        if "awaited" in kinds:
            waits = [kind == "awaited" for kind in kinds]
            waiting = column._replace(values=[*compress(values, waits)], positions=[*compress(positions, waits)])
            self._waiting.append(waiting)
        if "null" in kinds and nodes is None:
            raise ValueError("null where it is not allowed")
        there = [not kind for kind in kinds]
        done = iter(complete([*compress(values, there)]) if any(there) else ())
        return [next(done) if is_there else None for is_there in there]

    def _fail(self, column: Column, number: int) -> Any:
        """What is there in spite of an error, which is reported at the end."""
        error = column.values[number]
        part = None
        if isinstance(error, IncompleteError):
            drop_tracebacks(error)
            part, error = error.part, error.cause
        elif not isinstance(error, Exception):
            raise error
        elif column.nodes is None:
            raise HandOverError from error
        self._failed.append((error, column, number))
        return part

    def _locate_errors(self, data: dict[str, Any]) -> list[GraphQLError]:
        """The errors of what failed, by the path of each object and list of the response."""
        paths: dict[int, tuple[str | int, ...]] = {}
        queue: list[tuple[Any, tuple[str | int, ...]]] = [(data, ())]
        for container, path in queue:
            if id(container) not in paths:
                paths[id(container)] = path
                entries = container.items() if isinstance(container, dict) else enumerate(container)
                queue += [(value, (*path, key)) for key, value in entries if isinstance(value, dict | list)]
        located = []
        for error, (_values, _complete, nodes, within, key, positions), number in self._failed:
            position = positions[number]
            container, at = (within, position) if key is None else (within[position], key)
            located.append(located_error(error, nodes, [*paths[id(container)], at]))
        return located

    def _release(self) -> None:
        """Drop what refers back to this run, as the whole request would wait for the cycle collector; what is not going
        to be awaited must not complain.
        """
        for values, *_ in self._waiting:
            for awaitable in values:
                if iscoroutine(awaitable):
                    awaitable.close()
                elif isinstance(awaitable, asyncio.Future):
                    disregard(awaitable)
        self._waiting.clear()
        self._lists.clear()
        self._failed.clear()

    # Called by the code

    def column(
        self, values: Sequence[Any], complete: Complete, nodes: Nodes, within: list[Any], key: str | None = None
    ) -> Sequence[Any]:
        """The completed values; None for those that have to be awaited, and are put into their places later: those that
        come next `within` a list, as `Column` has it.
        """
        types = {*map(type, values)}
        if not any(map(kind_of, types)):
            return complete(values)
        column = Column(values, complete, nodes, within, key, range(len(within), len(within) + len(values)))
        if types == LOADS:
            self._waiting.append(column)
            return [None] * len(values)
        return self._complete(column)

    def each(self, complete: Complete, nodes: Nodes, values: Sequence[Any]) -> list[list[Any]]:
        """Lists for the response, of which the items are completed later."""
        lists: list[list[Any]] = []
        for value in values:
            shown: list[Any] = []
            lists.append(shown)
            if type(value) is not list and type(value) is not tuple:
                raise UnplannableError("neither a list nor a tuple")
            if value:
                self._lists.append((value, shown, complete, nodes))
        return lists

    def by_type(
        self,
        resolve_type: Callable[..., Any],
        position: FieldPosition,
        type_: GraphQLAbstractType,
        functions: Mapping[str, Complete],
        values: Sequence[Any],
    ) -> list[Any]:
        info = self.info(position)
        names = [resolve_type(value, info, type_) for value in values]
        by_name: dict[Any, list[Any]] = {name: [] for name in names}
        for name, value in zip(names, values, strict=True):
            by_name[name].append(value)
        done = {name: iter(functions[name](some)) for name, some in by_name.items()}
        return [next(done[name]) for name in names]

    def confirm(self, is_type_of: Callable[..., Any], position: FieldPosition, values: Sequence[Any]) -> None:
        info = self.info(position)
        if not all(is_type_of(value, info) is True for value in values):
            raise ValueError("an object of another type")

    def info(self, position: FieldPosition) -> PlanInfo:
        prepared = self._prepared
        request = (None, prepared.operation, self.variables, self.context, is_awaitable, None, None)
        return PlanInfo._make((*position, None, self._schema, prepared.fragments, *request))
