"""Executes validated operations: by a compiled plan where there is one, by graphql-core otherwise.

    executor = Executor(schema)                 # a graphql-core schema; Strawberry's is `schema._schema`
    response = await executor.execute(prepared, {"communityCode": "10002"}, context)
    response.data, response.errors, response.planned
    response.to_bytes(extensions={"requestId": "..."})

The answer is graphql-core's in any case: data, the order of its keys, errors. A plan that meets an error it cannot
place by itself, or a value that breaks the schema, leaves the operation to graphql-core: it resolves all fields again,
and the loaders of the request, in its context, remember what they have read (`docs/adr/0003-compiled-plans.md`).
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Hashable
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from functools import partial
from inspect import isawaitable
from types import SimpleNamespace
from typing import Any, TypeAlias

import structlog
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, get_nullable_type, is_leaf_type
from graphql import Executor as GraphQLExecutor
from graphql.execution import create_source_event_stream, execute_root_selection_set, execute_subscription_event
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.middleware import MiddlewareManager
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.pyutils import is_awaitable

from gateway.execution.compile import compile_operation
from gateway.execution.documents import Prepared
from gateway.execution.load import HandOverError, UnplannableError
from gateway.execution.run import Code, Response, Run
from gateway.execution.strawberry_adapter import get_attribute
from gateway.ops.trace import Trace, current_trace, enter_phase

log = structlog.get_logger(__name__)

PLANS_PER_OPERATION = 16
BYTES_PER_CHARACTER = 5  # of the source of a plan, for its code in memory: measured and rounded up

Middleware = Callable[..., Any]
"""A function of graphql-core's: (resolve, source, info, **arguments) to a value or an awaitable."""

PlanKey: TypeAlias = tuple[Hashable, ...]
"""The variant of the request, and the values of the variables in @skip and @include."""


class Plans:
    """Those of one operation, made when they are asked for first. `codes`: None for what graphql-core has to answer."""

    def __init__(self, schema: GraphQLSchema, prepared: Prepared) -> None:
        self._schema = schema
        self._prepared = prepared
        self.codes: dict[PlanKey, Code | None] = {}
        self._variables = []
        for node in prepared.operation.variable_definitions or ():
            signature = get_variable_signature(schema, node)
            type_ = None if isinstance(signature, GraphQLError) else get_nullable_type(signature.type)
            coerce = type_.coerce_input_value if is_leaf_type(type_) else None
            self._variables.append((node.variable.name.value, node, signature, coerce))

    def read(self, inputs: dict[str, Any]) -> VariableValues | None:
        """What graphql-core's `get_variable_values` gives, without finding the types again for each request. It coerces
        whatever is not a scalar or enum that the request gives. None where values are in error, for it to word.
        """
        values = VariableValues({}, {})
        for name, node, signature, coerce in self._variables:
            value = inputs.get(name)
            if value is None or isinstance(signature, GraphQLError) or coerce is None:
                others = get_variable_values(self._schema, [node], inputs, 0, hide_suggestions=True)
                if isinstance(others, list):
                    return None
                values.sources.update(others.sources)
                values.coerced.update(others.coerced)
                continue
            try:
                values.coerced[name] = coerce(value)
            except Exception:  # noqa: BLE001 # a scalar may raise any, as graphql-core has it
                return None
            values.sources[name] = VariableValueSource(signature, value)
        return values

    def find(self, key: PlanKey, variables: VariableValues) -> Code | None:
        """The plan for a variant and conditions, to which these variables lead."""
        if key in self.codes:
            return self.codes[key]
        if len(self.codes) >= PLANS_PER_OPERATION:
            self.codes.clear()
        enter_phase("plan")
        self.codes[key] = None
        with suppress(UnplannableError):
            self.codes[key] = compile_operation(self._schema, self._prepared, variables, key[0])
        self._prepared.weigh()
        enter_phase("execute")
        return self.codes[key]

    @property
    def bytes(self) -> int:
        return BYTES_PER_CHARACTER * sum(len(code.source) for code in self.codes.values() if code)


@dataclass(frozen=True, slots=True, eq=False)
class Executor:
    """`plans` switches compiled plans on. `suggestions`: errors may name what the caller did not ask for."""

    schema: GraphQLSchema
    _: KW_ONLY
    plans: bool = True
    suggestions: bool = True

    async def execute(
        self,
        prepared: Prepared,
        variables: dict[str, Any] | None = None,
        context: Any = None,
        middleware: Middleware | None = None,
    ) -> Response:
        """Execute one query or mutation. Errors of fields and of the request are in the response, not raised. With
        `middleware` between every field and its resolver no plan is used.
        """
        trace, inputs = current_trace(), variables or {}
        failure: type[BaseException] | None = None
        if self.plans and prepared.conditions is not None and not middleware and not (trace and trace.is_shown):
            if prepared.plans is None:
                prepared.plans = Plans(self.schema, prepared)
            plans = prepared.plans
            if (values := plans.read(inputs)) is not None:
                key = getattr(context, "variant", None), *map(values.coerced.get, prepared.conditions)
                if (code := plans.find(key, values)) is not None:
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
                plans.codes[key] = None  # from now on it answers
        return response

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
            chain.append(partial(_inspect, trace))
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


def _inspect(trace: Trace, resolver: Callable[..., Any], source: Any, info: Any, /, **arguments: Any) -> Any:
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
        held = getattr(source, declared.name)
        if held is not None and held != value:
            trace.masked[path] = None
    return value


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
