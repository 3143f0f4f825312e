"""Executes validated operations: by a compiled plan where there is one, by graphql-core otherwise.

    executor = Executor(schema)                 # a graphql-core schema; Strawberry's is `schema._schema`
    response = await executor.execute(prepared, "Orders", {"communityCode": "10002"}, context)
    response.data, response.errors, response.planned
    response.to_bytes(extensions={"requestId": "..."})

The context belongs to one request. It reaches the resolvers as `info.context`, with the request's loaders in it.

The answer is graphql-core's in any case: data, the order of its keys, errors. A plan that meets an error it cannot
place by itself, or a value that breaks the schema, leaves the operation to graphql-core: it resolves all fields again,
and the loaders of the request remember what they have read. See `docs/adr/0003-compiled-plans.md`.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Hashable
from contextlib import aclosing
from functools import partial
from inspect import isawaitable
from types import SimpleNamespace
from typing import Any, TypeAlias

import structlog
from cachetools import LRUCache
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema
from graphql import Executor as GraphQLExecutor
from graphql.execution import (
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
    map_source_to_response_event,
)
from graphql.execution.middleware import MiddlewareManager
from graphql.execution.values import VariableValues
from graphql.pyutils import is_awaitable

from gateway.execution.compile import MAX_FIELDS, TooManyFieldsError, compile_operation
from gateway.execution.documents import Prepared
from gateway.execution.operation import Code, Operation, PlanKey, find_operation
from gateway.execution.outline import BYTES_PER_ENTRY, CACHED_DOCUMENTS
from gateway.execution.response import HandOverError, Response, UnplannableError
from gateway.execution.run import Run
from gateway.execution.variants import get_attribute
from gateway.ops.trace import Trace, current_trace, enter_phase

log = structlog.get_logger(__name__)

FIELDS_AT_ONCE = 100
"""A plan of so many fields is made on first sight: that takes about as long as graphql-core takes for 20 rows. A larger
one is worth it only if the document comes again."""

PLANS_PER_OPERATION = 16

Middleware = Callable[..., Any]
"""A function of graphql-core's: (resolve, source, info, **arguments) to a value or an awaitable."""

_Request: TypeAlias = tuple[DocumentNode, str | None, dict[str, Any], Any, Any]
"""The document, the name of the operation, variables, context and root value."""


class Executor:
    """Executes the operations of one schema.

    `plans` switches compiled plans on. There is one for each document, operation, variant and value of the variables in
    @skip and @include: of `size` operations, and fewer if they are large, the least recently used going first.
    `suggestions` says whether errors may name what the caller did not ask for.
    """

    def __init__(
        self, schema: GraphQLSchema, *, plans: bool = True, size: int = CACHED_DOCUMENTS, suggestions: bool = True
    ) -> None:
        self._schema = schema
        self._suggestions = suggestions
        self._plans = plans
        capacity = size * BYTES_PER_ENTRY
        # Nothing weighs less than its share, so the one bound is on the count as well as on the bytes.
        self._operations: LRUCache[Hashable, Operation | None] = LRUCache(
            capacity, lambda operation: min(max(operation.bytes if operation else 0, BYTES_PER_ENTRY), capacity)
        )

    async def execute(
        self,
        prepared: Prepared,
        operation_name: str | None = None,
        variables: dict[str, Any] | None = None,
        context: Any = None,
        root_value: Any = None,
        middleware: Middleware | None = None,
    ) -> Response:
        """Execute one query or mutation. Errors of fields and of the request are in the response, not raised.

        `middleware` stands between every field and its resolver, as in graphql-core; no plan is used then.
        """
        variables = variables or {}
        request = (prepared.document, operation_name, variables, context, root_value)
        trace = current_trace()
        cache_key = (prepared.key, operation_name)
        operation = None
        if self._plans and not middleware and not (trace and trace.is_shown):
            try:
                operation = self._operations[cache_key]
            except KeyError:
                operation = find_operation(self._schema, prepared.document, operation_name)
                self._operations[cache_key] = operation
        coerced = None if operation is None else operation.variables.read(variables)
        if operation is None or coerced is None:
            return await self._by_graphql_core(request, middleware)
        key = operation.plan_key(coerced, getattr(context, "variant", None))
        try:
            code = operation.plans[key]
        except KeyError:
            code = self._make_plan(operation, key, coerced)
            self._operations[cache_key] = operation  # it weighs more now
        if code is None:
            return await self._by_graphql_core(request)
        try:
            return await Run(operation, coerced, context, root_value).execute(code, trace)
        except (Exception, UnplannableError) as error:  # noqa: BLE001 # graphql-core meets the same error, and reports it
            failure = type(error)
        response = await self._by_graphql_core(request)
        if issubclass(failure, UnplannableError):
            operation.plans[key] = None
        elif not response.errors and not issubclass(failure, HandOverError):
            operation.plans[key] = None
            log.warning("plan failed where graphql-core did not", error=failure.__name__)
        return response

    async def subscribe(
        self,
        prepared: Prepared,
        operation_name: str | None = None,
        variables: dict[str, Any] | None = None,
        context: Any = None,
        root_value: Any = None,
        middleware: Middleware | None = None,
    ) -> AsyncGenerator[Response, None] | Response:
        """Start one subscription: a response for each event of its source, or the one that says why there are none.

        Closing the generator closes the source. Events are executed one after the other, by graphql-core and with the
        same context: what the source wants fresh in it for an event, it renews before it gives the event.
        `middleware` stands between the fields of an event and their resolvers, not before the source.
        """
        variables = variables or {}
        request = (prepared.document, operation_name, variables, context, root_value)
        executor = self._build(request, middleware)
        if isinstance(executor, list):
            return Response(None, executor, executed=False)
        source: Any = None
        try:
            source = create_source_event_stream(executor)
            if isawaitable(source):
                source = await source
        finally:
            if source is None or isinstance(source, ExecutionResult):
                _release(executor)
        if isinstance(source, ExecutionResult):
            return Response(None, source.errors or [], executed=False)
        return _responses(executor, source)

    def _make_plan(self, operation: Operation, key: PlanKey, variables: VariableValues) -> Code | None:
        """None where graphql-core has to answer, this time or always."""
        again = key in operation.postponed
        for known in (operation.plans, operation.postponed):
            if len(known) >= PLANS_PER_OPERATION:
                known.clear()
        enter_phase("plan")
        code = None
        try:
            code = compile_operation(operation, variables, key[0], MAX_FIELDS if again else FIELDS_AT_ONCE)
        except UnplannableError as error:
            if isinstance(error, TooManyFieldsError) and not again:
                operation.postponed.add(key)
                return None
        finally:
            enter_phase("execute")
        operation.plans[key] = code
        return code

    async def _by_graphql_core(self, request: _Request, middleware: Middleware | None = None) -> Response:
        executor = self._build(request, middleware)
        if isinstance(executor, list):
            return Response(None, executor, executed=False)
        try:
            result = execute_root_selection_set(executor)
            if isawaitable(result):
                result = await result
        finally:
            _release(executor)
        return Response(result.data, result.errors or [])

    def _build(self, request: _Request, middleware: Middleware | None) -> GraphQLExecutor[Any] | list[GraphQLError]:
        document, operation_name, variables, context, root_value = request
        trace = current_trace()
        chain = [middleware] if middleware else []
        if trace and trace.is_shown:
            chain.append(partial(_inspect, trace))
        return GraphQLExecutor.build(
            self._schema,
            document,
            root_value,
            context,
            variables,
            operation_name,
            # in an object, because graphql-core ignores middleware that is a method
            middleware=MiddlewareManager(*[SimpleNamespace(resolve=each) for each in chain]) if chain else None,
            hide_suggestions=not self._suggestions,
        )


def _inspect(trace: Trace, resolver: Callable[..., Any], source: Any, info: Any, /, **arguments: Any) -> Any:
    """What stands between every field and its resolver, and adds to the trace."""
    path = tuple(info.path.as_list())
    for issue in getattr(source, "data_issues", None) or ():
        place = (*path[:-1], *issue.field.split("."))
        trace.data_issues[place, issue.field] = issue.problem.value, issue.platform.value
    with trace.asking((path,)):
        value = resolver(source, info, **arguments)
    if is_awaitable(value):
        return trace.under((path,), value)
    field = info.parent_type.fields.get(info.field_name)
    declared = field and get_attribute(field)
    if declared is not None and getattr(info.context, "variant", None) != declared.variant:
        held = getattr(source, declared.attribute)
        if held is not None and held != value:
            trace.masked[path] = None
    return value


async def _responses(executor: GraphQLExecutor[Any], source: AsyncIterable[Any]) -> AsyncGenerator[Response, None]:
    event_id: str | None = None

    async def noted() -> AsyncGenerator[Any, None]:
        nonlocal event_id
        try:
            async for event in source:
                event_id = getattr(event, "cursor", None)
                yield event
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    try:
        async with aclosing(map_source_to_response_event(executor, noted(), _execute_event)) as results:
            async for result in results:
                yield Response(result.data, result.errors or [], event_id=event_id)
    finally:
        _release(executor)


def _execute_event(executor: GraphQLExecutor[Any]) -> Awaitable[ExecutionResult] | ExecutionResult:
    """As `execute_subscription_event`, with a memory of selections of its own.

    graphql-core 3.3.2 remembers them by lists that it makes anew for each event, in one dictionary for all of them: it
    would grow until the subscription ends.
    """
    executor._relevant_sub_fields = {}
    return execute_subscription_event(executor)


def _release(executor: GraphQLExecutor[Any]) -> None:
    """Call when it has ended. It holds methods of its own: a reference cycle, and all of the request in it."""
    executor.async_helpers = None  # type: ignore[assignment] # nothing asks for them any more
