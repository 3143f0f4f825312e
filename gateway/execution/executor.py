"""Executes validated operations: by a compiled plan where there is one, by graphql-core otherwise.

    executor = Executor(schema)                 # a graphql-core schema; Strawberry's is `schema._schema`
    response = await executor.execute(prepared, {"communityCode": "10002"}, context)
    response.data, response.errors, response.planned
    response.to_bytes(extensions={"requestId": "..."})

The answer is graphql-core's in any case: data, the order of its keys, errors. A plan that meets an error it cannot
place by itself, or a value that breaks the schema, leaves the operation to graphql-core: it resolves all fields again,
and the loaders of the request, in its context, remember what they have read (`docs/adr/0003-compiled-plans.md`).
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from functools import partial
from inspect import isawaitable
from types import SimpleNamespace
from typing import Any

import structlog
from graphql import ExecutionResult, GraphQLError, GraphQLField, GraphQLSchema, get_nullable_type, is_leaf_type
from graphql import Executor as GraphQLExecutor
from graphql.execution import create_source_event_stream, execute_root_selection_set, execute_subscription_event
from graphql.execution.middleware import MiddlewareManager
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.pyutils import is_awaitable

from gateway.execution.compile import compile_operation
from gateway.execution.documents import PlanKey, Prepared
from gateway.execution.load import HandOverError, Load, Loader, UnplannableError
from gateway.execution.run import Response, Run
from gateway.execution.strawberry_adapter import get_attribute
from gateway.ops.trace import NullReason, Path, Trace, current_trace, enter_phase

log = structlog.get_logger(__name__)

Middleware = Callable[..., Any]
"""A function of graphql-core's: (resolve, source, info, **arguments) to a value or an awaitable."""


ExplainNull = Callable[[GraphQLField | None, str, Any, Loader[Any, Any] | None], NullReason]
"""Why the field of this name is null, without an error: of an object, or of what this loader gave for it."""


def read_variables(schema: GraphQLSchema, prepared: Prepared, inputs: dict[str, Any]) -> VariableValues | None:
    """What graphql-core's `get_variable_values` gives, without finding the types again for each request. It coerces
    whatever is not a scalar or enum that the request gives. None where values are in error, for it to word.
    """
    values = VariableValues({}, {})
    for node, signature in prepared.signatures:
        value, type_ = inputs.get(signature.name), get_nullable_type(signature.type)
        if value is None or not is_leaf_type(type_):
            others = get_variable_values(schema, [node], inputs, 0, hide_suggestions=True)
            if isinstance(others, list):
                return None
            values.sources.update(others.sources)
            values.coerced.update(others.coerced)
            continue
        try:
            values.coerced[signature.name] = type_.coerce_input_value(value)
        except Exception:  # noqa: BLE001 # a scalar may raise any, as graphql-core has it
            return None
        values.sources[signature.name] = VariableValueSource(signature, value)
    return values


@dataclass(frozen=True, slots=True, eq=False)
class Executor:
    """`plans` switches compiled plans on. `suggestions`: errors may name what the caller did not ask for.
    `explain_null` is for traces.
    """

    schema: GraphQLSchema
    _: KW_ONLY
    explain_null: ExplainNull = lambda *_: "NOT_APPLICABLE"
    plans: bool = True
    suggestions: bool = True

    async def execute(
        self,
        prepared: Prepared,
        variables: dict[str, Any] | None = None,
        context: Any = None,
        middleware: Middleware | None = None,
        trace: Trace | None = None,
    ) -> Response:
        """Execute one query or mutation. Errors of fields and of the request are in the response, not raised. With
        `middleware` between every field and its resolver no plan is used.
        """
        inputs = variables or {}
        failure: type[BaseException] | None = None
        key: PlanKey = ()
        conditions = None if middleware or (trace and trace.is_shown) or not self.plans else prepared.conditions
        if conditions is not None and (values := read_variables(self.schema, prepared, inputs)) is not None:
            key = getattr(context, "variant", None), *map(values.coerced.get, conditions)
            if key not in prepared.plans:
                self._plan(prepared, values, key)
            if (code := prepared.plans[key]) is not None:
                try:
                    return await Run(self.schema, prepared, values, context).execute(code, trace)
                except (Exception, UnplannableError) as error:  # noqa: BLE001 # graphql-core meets it, and reports it
                    failure = type(error)
        response = await self._by_graphql_core(prepared, inputs, context, middleware)
        if failure is not None:
            is_unexpected = not response.errors and not issubclass(failure, UnplannableError | HandOverError)
            if is_unexpected:
                log.warning("plan failed where graphql-core did not", error=failure.__name__)
            if is_unexpected or issubclass(failure, UnplannableError):
                prepared.plans[key] = None  # from now on it answers
        return response

    def _plan(self, prepared: Prepared, variables: VariableValues, key: PlanKey) -> None:
        """Make the plan for a variant and conditions, to which these variables lead."""
        enter_phase("plan")
        code = None
        with suppress(UnplannableError):
            code = compile_operation(self.schema, prepared, variables, key[0])
        prepared.keep(key, code)
        enter_phase("execute")

    async def subscribe(
        self,
        prepared: Prepared,
        variables: dict[str, Any] | None = None,
        context: Any = None,
        middleware: Middleware | None = None,
    ) -> AsyncGenerator[Response, None] | Response:
        """Start one subscription: a response for each event of its source, or the one that says why there are none.

        Closing the generator closes the source. Events are executed one after the other, by graphql-core and with the
        same context, which the source renews before it gives an event. `middleware` is not before the source.
        """
        executor = self._build(prepared, variables or {}, context, middleware)
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

    async def _by_graphql_core(
        self, prepared: Prepared, variables: dict[str, Any], context: Any, middleware: Middleware | None
    ) -> Response:
        executor = self._build(prepared, variables, context, middleware)
        if isinstance(executor, list):
            return Response(None, executor, executed=False)
        try:
            result = execute_root_selection_set(executor)
            if isawaitable(result):
                result = await result
        finally:
            _release(executor)
        return Response(result.data, result.errors or [])

    def _build(
        self, prepared: Prepared, variables: dict[str, Any], context: Any, middleware: Middleware | None
    ) -> GraphQLExecutor[Any] | list[GraphQLError]:
        trace = current_trace()
        chain = [middleware] if middleware else []
        if trace and trace.is_shown:
            chain.append(partial(_inspect, trace, self.explain_null))
        return GraphQLExecutor.build(
            self.schema,
            prepared.document,
            None,
            context,
            variables,
            prepared.name,
            # in an object, because graphql-core ignores middleware that is a method
            middleware=MiddlewareManager(*[SimpleNamespace(resolve=each) for each in chain]) if chain else None,
            hide_suggestions=not self.suggestions,
        )


def _inspect(
    trace: Trace, explain: ExplainNull, resolver: Callable[..., Any], source: Any, info: Any, /, **arguments: Any
) -> Any:
    path = tuple(info.path.as_list())
    for issue in getattr(source, "data_issues", None) or ():
        place = (*path[:-1], *issue.field.split("."))
        trace.data_issues[place, issue.field] = issue.problem.value, issue.platform.value
    with trace.asking((path,)):
        value = resolver(source, info, **arguments)
    field = info.parent_type.fields.get(info.field_name)
    if is_awaitable(value):
        return trace.under((path,), _explained(trace, partial(explain, field, info.field_name), path, value))
    if value is None:
        trace.nulls[path] = explain(field, info.field_name, source, None)
    declared = field and get_attribute(field)
    if declared is not None and getattr(info.context, "variant", None) != declared.variant:
        held = getattr(source, declared.name)
        if held is not None and held != value:
            trace.masked[path] = None
    return value


async def _explained(trace: Trace, explain: Callable[..., NullReason], path: Path, value: Any) -> Any:
    found = await value
    if found is None:
        loader = value.loader if type(value) is Load else None
        trace.nulls[path] = explain(loader and await loader.wait(value.key), loader)
    return found


async def _responses(executor: GraphQLExecutor[Any], source: AsyncIterable[Any]) -> AsyncGenerator[Response, None]:
    try:
        async for event in source:
            one = executor.build_per_event_executor(event)
            # graphql-core 3.3.2 remembers selections by lists that it makes anew for each event, in one dictionary for
            # all of them: it would grow until the subscription ends
            one._relevant_sub_fields = {}
            result = execute_subscription_event(one)
            if isawaitable(result):
                result = await result
            yield Response(result.data, result.errors or [], event_id=getattr(event, "cursor", None))
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()
        _release(executor)


def _release(executor: GraphQLExecutor[Any]) -> None:
    """Call when it has ended. It holds methods of its own: a reference cycle, and all of the request in it."""
    executor.async_helpers = None  # type: ignore[assignment] # nothing asks for them any more
