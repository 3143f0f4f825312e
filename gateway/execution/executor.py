"""Executes validated operations: by a compiled plan where there is one, by graphql-core otherwise.

    executor = Executor(schema)                 # a graphql-core schema; Strawberry's is `schema._schema`
    response = await executor.execute(prepared, "Orders", {"communityCode": "10002"}, context)
    response.data, response.errors, response.planned
    response.to_bytes(extensions={"requestId": "..."})

`prepared` is anything that carries a validated `document: DocumentNode` and a hashable `key` that stands for its text.
The context belongs to one request. It reaches the resolvers as `info.context`, with the request's loaders in it.

The answer is graphql-core's in any case: data, the order of its keys, errors. A plan that meets an error it cannot
place by itself, or a value that breaks the schema, hands the operation over to graphql-core together with all it has
awaited. See `docs/adr/0003-compiled-plans.md`.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, TypeAlias

import structlog
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema
from graphql import Executor as GraphQLExecutor
from graphql.execution import create_source_event_stream, execute_root_selection_set, map_source_to_response_event
from graphql.execution.middleware import MiddlewareManager

from gateway.execution.info import ASYNC_HELPERS
from gateway.execution.plan import UnplannableError
from gateway.execution.plans import Document, Plans
from gateway.execution.replay import Replay
from gateway.execution.response import Response
from gateway.execution.run import ArgumentsError, Run
from gateway.execution.variants import variant_of

log = structlog.get_logger(__name__)

Middleware = Callable[..., Any]
"""A function of graphql-core's: (resolve, source, info, **arguments) to a value or an awaitable."""


class _Layer:
    """A middleware as graphql-core takes it. Methods and other callables it would leave out without a word."""

    def __init__(self, middleware: Middleware) -> None:
        self.resolve = middleware


_Request: TypeAlias = tuple[DocumentNode, str | None, dict[str, Any], Any, Any]
"""The document, the name of the operation, variables, context and root value."""


class Executor:
    """Executes the operations of one schema.

    `plans` switches compiled plans on; `size` bounds how many plans are kept. `suggestions` says whether errors may
    name what the caller did not ask for.
    """

    def __init__(self, schema: GraphQLSchema, *, plans: bool = True, size: int = 512, suggestions: bool = True) -> None:
        self._schema = schema
        self._suggestions = suggestions
        self._plans = Plans(schema, size) if plans else None

    async def execute(
        self,
        prepared: Document,
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
        plans = None if middleware else self._plans
        planned = plans and plans.operation(prepared, operation_name)
        if not plans or not planned:
            return await self._by_graphql_core(request, middleware)
        coerced = planned.operation.variables.read(variables)
        if coerced is None:
            return await self._by_graphql_core(request)
        key = planned.key(coerced, variant_of(context))
        try:
            plan = planned.plans[key]
        except KeyError:
            plan = plans.new_plan(planned, key, coerced)
        if plan is None:
            return await self._by_graphql_core(request)
        run = Run(plan, coerced, context, root_value)
        try:
            return Response(await run.execute(), run.errors, planned=True)
        except (Exception, UnplannableError) as error:  # noqa: BLE001 # graphql-core meets the same error, and reports it
            failure = type(error)
            outcomes = run.outcomes()
        finally:
            run.release()
        response = await self._by_graphql_core(request, Replay(outcomes).resolve)
        if issubclass(failure, UnplannableError):
            planned.give_up(key)
        elif not response.errors and not issubclass(failure, ArgumentsError):
            planned.give_up(key)
            log.warning("plan failed where graphql-core did not", error=failure.__name__)
        return response

    async def subscribe(
        self,
        prepared: Document,
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
        return GraphQLExecutor.build(
            self._schema,
            document,
            root_value,
            context,
            variables,
            operation_name,
            middleware=MiddlewareManager(_Layer(middleware)) if middleware else None,
            hide_suggestions=not self._suggestions,
        )


async def _responses(executor: GraphQLExecutor[Any], source: AsyncIterable[Any]) -> AsyncGenerator[Response, None]:
    try:
        async with aclosing(map_source_to_response_event(executor, source)) as results:
            async for result in results:
                yield Response(result.data, result.errors or [])
    finally:
        _release(executor)


def _release(executor: GraphQLExecutor[Any]) -> None:
    """Call when it has ended. It holds methods of its own: a reference cycle, and all of the request in it."""
    executor.async_helpers = ASYNC_HELPERS
