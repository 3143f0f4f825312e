"""One execution of a plan, level by level.

The generated code builds the response as far as it goes without waiting. Where a value has to be awaited it leaves a
`Site`: the place in the response, and how the value is completed there. All sites of a level are fetched together;
completing their values builds the next level and its sites.

A value that fails where null is allowed makes that place null, with graphql-core's located error. Where one is
incomplete, the place has the part that there is, with the same error. Any other failure is raised: then graphql-core
executes the operation.
"""

import asyncio
from collections.abc import Callable, Sequence
from inspect import iscoroutine
from typing import Any, TypeAlias

from graphql import FieldNode, GraphQLError, GraphQLResolveInfo, Undefined, located_error
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, gather_with_cancel, is_awaitable
from graphql.type import GraphQLResolveInfoHelpers

from gateway.errors import drop_tracebacks
from gateway.execution.codegen import ITEMS_AT_ONCE, Code
from gateway.execution.load import fetch
from gateway.execution.operation import Operation
from gateway.execution.plan import FieldPosition, UnplannableError
from gateway.execution.response import IncompleteError, PathKeys
from gateway.execution.values import ViolationError, is_plain
from gateway.execution.variants import Observation, ObservedField
from gateway.futures import disregard
from gateway.ops.trace import Trace
from gateway.turn import give_way, is_spent

Site = tuple[Any, str | int, Any, Callable[[Any], Any], list[FieldNode] | None]
"""A place in the response that waits for a value: the dict or list, the key in it, what to await, how to complete the
value, and the nodes of the field, or None where null is not allowed."""

CompleteItems: TypeAlias = Callable[[Sequence[Any], list[Any]], list[Any]]
"""Completes some items of a list behind those that are in it."""


SITES_AT_ONCE = 4
"""To ask before each whether the turn is spent would take a tenth of the time of a level of 20."""


class PlanInfo(GraphQLResolveInfo[Any]):
    """graphql-core's info for a field of a plan, shared by all objects of the request: so it knows no path.

    A resolver that asks for the path gets the operation out of plans permanently, and graphql-core to answer it.
    """

    __slots__ = ()

    @property
    def path(self) -> Path:
        raise UnplannableError("a resolver reads info.path")


def _track(_values: Sequence[Any]) -> None:
    raise UnplannableError("a resolver leaves work behind")


ASYNC_HELPERS = GraphQLResolveInfoHelpers(gather=lambda values: gather_with_cancel(*values), track=_track)


class HandOverError(Exception):
    """The arguments of a field cannot be read, or what it awaited failed and may not be null.

    graphql-core reports it, or never gets to that field, or is luckier.
    """


class Run:
    """Executes the plan of an operation once.

    Generated code reads `variables` and `context`, and has sites `wait`. `errors` are those of values that failed where
    null is allowed. The context hears at the end what was `observed`.
    """

    __slots__ = (
        "_code", "_data", "_failed", "_operation", "_parts", "_root_value", "_sites", "context", "errors",
        "observed", "variables", "wait",
    )  # fmt: skip

    def __init__(
        self, operation: Operation, code: Code, variables: VariableValues, context: Any, root_value: Any
    ) -> None:
        self.variables = variables
        self.context = context
        self.errors: list[GraphQLError] = []
        self.observed: list[Observation] = []
        self._operation = operation
        self._code = code
        self._root_value = root_value
        self._data: dict[str, Any] = {}
        self._sites: list[Site] = []
        self._parts: list[tuple[Sequence[Any], list[Any], CompleteItems]] = []
        self.wait = self._sites.append
        self._failed: list[tuple[Site, Exception]] = []

    async def execute(self, trace: Trace | None) -> dict[str, Any]:
        """The data of the response; `trace` counts the levels. Raises whatever graphql-core has to deal with."""
        try:
            try:
                build = self._code.bind(self)
            except Exception as error:
                raise HandOverError from error
            self._data = build(self._root_value)
            if self._parts:
                await self._build_parts()
            while self._sites:
                awaitables = [awaitable for _container, _key, awaitable, _complete, _nodes in self._sites]
                if trace is not None:
                    trace.level += 1
                await self._complete_level(await fetch(awaitables))
        except BaseException:
            self._abandon()
            raise
        if self._failed:
            self._locate_errors()
        if self.observed:
            self.context.observe([observation for observation in self.observed if observation.objects])
        return self._data

    def release(self) -> None:
        """Call at the end. Sites refer back to this run: the whole request would wait for the cycle collector."""
        self._failed.clear()
        self._sites.clear()
        self._parts.clear()

    async def _build_parts(self) -> None:
        """Complete what is left of long lists."""
        for values, out, complete in self._parts:  # which grows meanwhile by the lists within
            for start in range(ITEMS_AT_ONCE, len(values), ITEMS_AT_ONCE):
                await give_way()
                complete(values[start : start + ITEMS_AT_ONCE], out)
        self._parts.clear()

    async def _complete_level(self, outcomes: list[Any]) -> None:
        """Put these values where the sites have waited for them. What they wait for themselves is the next level."""
        sites = self._sites[:]
        self._sites.clear()
        plain = self._code.plain
        for number, (site, outcome) in enumerate(zip(sites, outcomes, strict=True), 1):
            if not number % SITES_AT_ONCE and is_spent():
                await give_way()
            container, key, _awaitable, complete, nodes = site
            if type(outcome) in plain:
                container[key] = complete(outcome)
            elif isinstance(outcome, IncompleteError):
                drop_tracebacks(outcome)
                container[key] = self._complete(outcome.part, complete)
                self._failed.append((site, outcome.cause))
            elif isinstance(outcome, Exception | UnplannableError):
                if isinstance(outcome, UnplannableError):
                    raise outcome
                if nodes is None:
                    raise HandOverError from outcome
                container[key] = None
                self._failed.append((site, outcome))
            elif nodes is None or (outcome is not None and outcome is not Undefined):
                container[key] = self._complete(outcome, complete)
        if self._parts:
            await self._build_parts()

    def _locate_errors(self) -> None:
        paths = self._paths()
        for (container, key, _awaitable, _complete, nodes), error in self._failed:
            self.errors.append(located_error(error, nodes, [*paths[id(container)], key]))

    def _paths(self) -> dict[int, PathKeys]:
        """The path of each object and list of the response, by identity."""
        paths: dict[int, PathKeys] = {}
        queue: list[tuple[Any, PathKeys]] = [(self._data, ())]
        for container, path in queue:
            if id(container) not in paths:
                paths[id(container)] = path
                entries = container.items() if isinstance(container, dict) else enumerate(container)
                queue += [(value, (*path, key)) for key, value in entries if isinstance(value, dict | list)]
        return paths

    def _abandon(self) -> None:
        """Nobody will await the sites that are left: they must not complain about it."""
        for _container, _key, awaitable, _complete, _nodes in self._sites:
            if iscoroutine(awaitable):
                awaitable.close()
            elif isinstance(awaitable, asyncio.Future):
                disregard(awaitable)

    # Called by generated code

    def in_parts(self, values: Sequence[Any], complete: CompleteItems) -> list[Any]:
        """A long list, the first items of which are completed now."""
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
        request = (self._root_value, operation.node, self.variables, self.context, is_awaitable, None, ASYNC_HELPERS)
        return PlanInfo._make((*position, None, operation.schema, operation.fragment_definitions, *request))

    def settle(
        self, container: Any, key: str | int, value: Any, complete: Callable[[Any], Any], nodes: list[FieldNode] | None
    ) -> Any:
        """A value that is not as expected, to be put under `key`: now, or when it has been awaited.

        `nodes` are those of the field, or None where null is not allowed.
        """
        if nodes is not None and (value is None or value is Undefined):
            return None
        if is_awaitable(value):
            self._sites.append((container, key, value, complete, nodes))
            return None
        return self._complete(value, complete)

    def finish(self, value: Any, complete: Callable[[Any], Any]) -> Any:
        """A value that is not as expected, read from an attribute: it cannot be waited for."""
        return None if value is None or value is Undefined else self.finish_non_null(value, complete)

    def finish_non_null(self, value: Any, complete: Callable[[Any], Any]) -> Any:
        """The same where null is not allowed."""
        if is_awaitable(value):
            raise UnplannableError("an attribute has to be awaited")
        return self._complete(value, complete)

    def _complete(self, value: Any, complete: Callable[[Any], Any]) -> Any:
        if value is None or value is Undefined:
            raise ViolationError("null where it is not allowed")
        if isinstance(value, Exception):
            raise value
        if is_plain(type(value)):
            self._code.plain.add(type(value))
        return complete(value)
