"""One execution of a plan, level by level.

The code of the plan builds the response as far as it goes without waiting. Where a value has to be awaited it leaves a
`Site`: the place in the response, and how the value is completed there. All sites of a level are fetched together, each
loader being asked once; completing their values builds the next level and its sites.

A value that fails where null is allowed makes that place null, with graphql-core's located error. Where one is
incomplete, the place has the part that there is, with the same error. Any other failure is raised: then graphql-core
executes the operation.
"""

import asyncio
from collections.abc import Callable, Sequence
from inspect import iscoroutine
from typing import Any, NamedTuple, TypeAlias

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
    located_error,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, inspect, is_awaitable, is_iterable
from graphql.pyutils.is_awaitable import is_async_iterable
from graphql.type import GraphQLResolveInfoHelpers

from gateway.errors import drop_tracebacks
from gateway.execution.load import Load, fetch
from gateway.execution.operation import Code, Operation
from gateway.execution.response import HandOverError, IncompleteError, PathKeys, Response, UnplannableError
from gateway.execution.variants import Observation, ObservedField
from gateway.futures import disregard
from gateway.ops.trace import Trace
from gateway.turn import give_way, is_spent

Complete: TypeAlias = Callable[[Any], Any]

CompleteItems: TypeAlias = Callable[[Sequence[Any], list[Any]], list[Any]]
"""Completes some items of a list behind those that are in it."""

Site: TypeAlias = tuple[Any, str | int, Any, Complete, list[FieldNode] | None]
"""A place in the response that waits for a value: the dict or list, the key in it, what to await, how to complete the
value, and the nodes of the field, or None where null is not allowed."""

ITEMS_AT_ONCE = 20
"""Of a longer list the others are completed in parts of so many, between which others may have their turn."""

SITES_AT_ONCE = 4
"""To ask before each whether the turn is spent would take a tenth of the time of a level of 20."""


class FieldPosition(NamedTuple):
    """What is the same each time a field is resolved: the first entries of GraphQLResolveInfo."""

    name: str
    nodes: list[FieldNode]
    return_type: GraphQLOutputType
    parent_type: GraphQLObjectType


class PlanInfo(GraphQLResolveInfo[Any]):
    """graphql-core's info for a field of a plan, shared by all objects of the request: so it knows no path.

    A resolver that asks for it, or for helpers, gets the operation out of plans permanently: graphql-core answers.
    """

    __slots__ = ()

    @property
    def path(self) -> Path:
        raise UnplannableError("a resolver reads info.path")

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        raise UnplannableError("a resolver reads info.async_helpers")


class Run:
    """Executes the plan of an operation once.

    The code reads `variables` and `context`. The context hears at the end what was `observed`.
    """

    __slots__ = (
        "_failed", "_operation", "_parts", "_root_value", "_sites", "context", "observed", "variables",
    )  # fmt: skip

    def __init__(self, operation: Operation, variables: VariableValues, context: Any, root_value: Any) -> None:
        self.variables = variables
        self.context = context
        self.observed: list[Observation] = []
        self._operation = operation
        self._root_value = root_value
        self._sites: list[Site] = []
        self._parts: list[tuple[Sequence[Any], list[Any], CompleteItems]] = []
        self._failed: list[tuple[Site, Exception]] = []

    async def execute(self, code: Code, trace: Trace | None) -> Response:
        """`trace` counts the levels. Raises whatever graphql-core has to deal with."""
        try:
            try:
                build = code.bind(self)
            except Exception as error:
                raise HandOverError from error
            data = build(self._root_value)
            if self._parts:
                await self._build_parts()
            while self._sites:
                sites, self._sites = self._sites, []
                if trace is not None:
                    trace.level += 1
                await self._complete_level(sites, await fetch([awaitable for _, _, awaitable, _, _ in sites]))
            errors = self._locate_errors(data) if self._failed else []
        finally:
            self._release()
        if self.observed:
            self.context.observe([observation for observation in self.observed if observation.objects])
        return Response(data, errors, planned=True)

    async def _build_parts(self) -> None:
        """Complete what is left of long lists."""
        for values, out, complete in self._parts:  # which grows meanwhile by the lists within
            for start in range(ITEMS_AT_ONCE, len(values), ITEMS_AT_ONCE):
                await give_way()
                complete(values[start : start + ITEMS_AT_ONCE], out)
        self._parts.clear()

    async def _complete_level(self, sites: list[Site], outcomes: list[Any]) -> None:
        """Put these values where the sites have waited for them. What they wait for themselves is the next level."""
        for number, (site, outcome) in enumerate(zip(sites, outcomes, strict=True)):
            if not number % SITES_AT_ONCE and is_spent():
                await give_way()
            container, key, _awaitable, complete, nodes = site
            value = self._fail(site, outcome) if isinstance(outcome, BaseException) else outcome
            container[key] = _put(value, complete, nodes)
        if self._parts:
            await self._build_parts()

    def _fail(self, site: Site, error: BaseException) -> Any:
        """What is there in spite of the error, which is reported at the end."""
        if isinstance(error, IncompleteError):
            drop_tracebacks(error)
            self._failed.append((site, error.cause))
            return error.part
        if not isinstance(error, Exception):
            raise error
        if site[-1] is None:
            raise HandOverError from error
        self._failed.append((site, error))
        return None

    def _locate_errors(self, data: dict[str, Any]) -> list[GraphQLError]:
        """The errors of what failed, by the path of each object and list of the response."""
        paths: dict[int, PathKeys] = {}
        queue: list[tuple[Any, PathKeys]] = [(data, ())]
        for container, path in queue:
            if id(container) not in paths:
                paths[id(container)] = path
                entries = container.items() if isinstance(container, dict) else enumerate(container)
                queue += [(value, (*path, key)) for key, value in entries if isinstance(value, dict | list)]
        return [
            located_error(error, nodes, [*paths[id(container)], key])
            for (container, key, _awaitable, _complete, nodes), error in self._failed
        ]

    def _release(self) -> None:
        """Sites refer back to this run: the whole request would wait for the cycle collector.

        Nobody will await those that are left: they must not complain about it.
        """
        for _container, _key, awaitable, _complete, _nodes in self._sites:
            if iscoroutine(awaitable):
                awaitable.close()
            elif isinstance(awaitable, asyncio.Future):
                disregard(awaitable)
        self._sites.clear()
        self._parts.clear()
        self._failed.clear()

    # Called by the code

    def settle(
        self, container: Any, key: str | int, value: Any, complete: Complete, nodes: list[FieldNode] | None
    ) -> Any:
        """A value that is not as expected, to be put under `key`: now, or when it has been awaited."""
        if type(value) is Load or is_awaitable(value):
            self._sites.append((container, key, value, complete, nodes))
            return None
        return _put(value, complete, nodes)

    def each(self, complete: CompleteItems, values: Any) -> list[Any]:
        """A list: of a long one, the first items are completed now."""
        if type(values) is not list and type(values) is not tuple:
            values = _as_list(values)
        if len(values) <= ITEMS_AT_ONCE:
            return complete(values, [])
        out = complete(values[:ITEMS_AT_ONCE], [])
        self._parts.append((values, out, complete))
        return out

    def observing(self, fields: tuple[ObservedField, ...]) -> Callable[[Any], None]:
        """What notes that an object is read in these fields."""
        observation = Observation([], fields)
        self.observed.append(observation)
        return observation.objects.append

    def info(self, position: FieldPosition) -> PlanInfo:
        """What resolvers of this field get."""
        operation = self._operation
        request = (self._root_value, operation.node, self.variables, self.context, is_awaitable, None, None)
        return PlanInfo._make((*position, None, operation.schema, operation.fragment_definitions, *request))


def _put(value: Any, complete: Complete, nodes: list[FieldNode] | None) -> Any:
    """A value that has been awaited, if it had to be, as the response has it."""
    if isinstance(value, Exception):
        raise value
    if value is not None and value is not Undefined:
        value = complete(value)
        if value is not None and value is not Undefined:
            return value
    elif nodes is not None:
        return None
    raise ValueError("null where it is not allowed")


def _as_list(values: Any) -> list[Any]:
    """What a list field may give besides list and tuple. An iterator would be used up before graphql-core sees it."""
    if is_async_iterable(values) or hasattr(values, "__next__"):
        raise UnplannableError("a list that can be read only once")
    if not is_iterable(values):
        raise ValueError(f"{inspect(values)} is no list")
    return list(values)


def confirm(is_type: Any) -> None:
    """Raises unless `is_type_of` has said that the object is of its type."""
    if is_type is not True and not at_hand(is_type):
        raise ValueError("an object of another type")


def at_hand(answer: Any) -> Any:
    """What says of which type a value is, if it need not be awaited."""
    if is_awaitable(answer):
        if iscoroutine(answer):
            answer.close()
        raise UnplannableError("the type of a value has to be awaited")
    return answer
