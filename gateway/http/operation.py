"""One operation, in the same way over HTTP, as an event stream and over WebSocket: from its parameters to its record.

    operation = Operation(service, "http", client, request_id)
    operation.open(principal)
    operation.admit(parameters)
    body = operation.write(await operation.execute())
    service.telemetry.end(operation)

What keeps it from an answer is raised, and becomes one by `fail`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from math import inf
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import msgspec
from graphql import FieldNode, GraphQLResolveInfo, GraphQLSchema, SchemaMetaFieldDef, TypeMetaFieldDef
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.values import VariableValues
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from gateway.auth.authenticator import Authenticator
from gateway.auth.principal import Principal
from gateway.auth.rate import RateHeaders
from gateway.context import RequestContext
from gateway.errors import (
    ForbiddenError,
    MethodNotAllowedError,
    QueryTooComplexError,
    RequestTimeoutError,
    UserInputError,
)
from gateway.execution.documents import DocumentError, Documents, GetScopes, Parameters, Prepared
from gateway.execution.executor import Executor
from gateway.execution.run import Response
from gateway.http.errors import CLOSE, Refusal, format_error, get_cause
from gateway.http.request import REQUEST_ID, Bounds, Client, RequestHead
from gateway.http.telemetry import OK, UNKNOWN, Telemetry, Transport, log_name
from gateway.ops.trace import METER, Meter
from gateway.wording.requests import RequestWording

QUERY, MUTATION, SUBSCRIPTION = "query", "mutation", "subscription"

LARGEST_ANSWER = 16 * 1024 * 1024  # bytes of an answer to a query, and of an event of a subscription

LOOK_AFTER = 0.02
"""Seconds from one look at the requests under way to the next: most answers are there before the second, and need
neither timer nor task.
"""


class Deadlines:
    """Looks after the requests `under_way`, all with one timer. A timer for each request would cost 5 µs of some 90
    (docs/adr/0006-connections.md).
    """

    def __init__(self) -> None:
        self.under_way: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, deadline: "Deadline") -> None:
        self.under_way.add(deadline)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_AFTER, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.under_way = {deadline for deadline in self.under_way if deadline.look(now)}
        self._timer = loop.call_later(LOOK_AFTER, self._look) if self.under_way else None


class ExpiredError(TimeoutError):
    """The time of a `Deadline` is up."""


class Deadline(msgspec.Struct, eq=False):
    """Cancels the block of its `with` after so many seconds, at most twice `LOOK_AFTER` late, or when the client goes
    away. The block then ends with ExpiredError, or with starlette's ClientDisconnect.

    The client is watched once there is `receive`. Set it when the body has been read: then it can only give the
    disconnect.
    """

    deadlines: Deadlines
    seconds: float
    receive: Receive | None = None
    _task: Any = None
    _cancelling: int = 0  # how often the task was cancelled before
    _error: type[ClientDisconnect | ExpiredError] | None = None
    _until: float | None = None
    _watcher: asyncio.Task[None] | None = None

    def look(self, now: float) -> bool:
        """It takes longer than most, or will when it is looked at again. Returns whether it has to be."""
        if self._until is None:
            self._until = now + self.seconds
        elif now >= self._until:
            self._end(ExpiredError)
        elif self._watcher is None and self.receive is not None:
            self._watcher = asyncio.create_task(self._watch(self.receive))
        return self._error is None and (self._watcher is None or self._until < inf)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._end(ClientDisconnect)

    def _end(self, error: type[ClientDisconnect | ExpiredError]) -> None:
        if self._error is None:
            self._error = error
            self._task.cancel()

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling()
        self.deadlines.add(self)
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.deadlines.under_way.discard(self)
        watcher, self._watcher = self._watcher, None  # or the two would hold each other: a reference cycle
        if watcher is not None:
            watcher.cancel()
        if self._error and self._task.uncancel() <= self._cancelling and error_type is asyncio.CancelledError:
            raise self._error from None


@dataclass(frozen=True, slots=True)
class Guard:
    """Scopes, enforced in one place: what an operation needs, by `@requiresScope`, against what its caller holds. An
    operation whose caller holds all of it runs as it is. Any other runs by graphql-core with this check before each
    field that declares a scope: the field a caller may not read is null with FORBIDDEN, and the rest is there.
    """

    schema: GraphQLSchema
    get_scopes: GetScopes

    def __call__(
        self, resolve: Callable[..., Any], source: Any, info: GraphQLResolveInfo[Any], **arguments: Any
    ) -> Any:
        field = info.schema.get_field(info.parent_type, info.field_name)
        if field is not None and (scopes := self.get_scopes(field)):
            info.context.principal.require(*sorted(scopes))
        return resolve(source, info, **arguments)

    def require(self, prepared: Prepared, context: RequestContext) -> None:
        """Raises ForbiddenError where the caller may not have the field that is subscribed to."""
        fragments = {name: FragmentDetails(node) for name, node in prepared.fragments.items()}
        root: Any = self.schema.subscription_type
        fields = collect_fields(self.schema, fragments, VariableValues({}, {}), root, prepared.operation)
        for [details, *_] in fields.grouped_field_set.values():
            name = details.node.name.value
            try:
                context.principal.require(*sorted(self.get_scopes(root.fields[name])))
            except ForbiddenError as error:
                context.trail.deny(context, name, error.scope or "")
                raise


def guard_introspection(get_scopes: GetScopes, scope: str) -> GetScopes:
    """`get_scopes`, with `scope` for the fields that introspection begins with: they are of no type of the schema."""
    needed = frozenset((scope,))
    return lambda field: needed if field is SchemaMetaFieldDef or field is TypeMetaFieldDef else get_scopes(field)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the operations of all transports share.

    `open_context` is called with the request id, and raises GatewayError to turn the operation away. `bounds` are those
    of what a client sends. `timeout` is the deadline of a query or mutation in seconds, and of the body of a request.
    `largest_answer` is that of a query or an event, in bytes: what a mutation has done is answered in any case.
    """

    authenticator: Authenticator
    open_context: Callable[[Principal, str], RequestContext]
    documents: Documents
    executor: Executor
    guard: Guard
    bounds: Bounds
    timeout: float
    largest_answer: int
    telemetry: Telemetry
    deadlines: Deadlines = field(default_factory=Deadlines)


class Operation:
    """`outcome` is what has become of it, as metrics have it; `code` that of the first error beside data, `size` the
    bytes of all answers. `is_done`: it makes no more calls. `context` is there once it `is_open`, `parameters` once
    they are read. Its `name` is that of the request, then that of the document.
    """

    outcome = OK
    code: str | None = None
    name: str | None = None
    kind = UNKNOWN
    size = 0
    is_done = True
    is_open = False
    context: RequestContext
    parameters: Parameters | None = None
    _extensions: dict[str, Any] | None = None
    _admitted: tuple[Prepared, dict[str, Any] | None, RequestContext]

    def __init__(
        self, service: Service, transport: Transport, client: Client, request_id: str, head: RequestHead | None = None
    ) -> None:
        """In the context of what runs it: whose lines of the log have its id, and whose calls are counted. `head` is
        that of its request, where it has one of its own.
        """
        self.id = request_id
        self.transport = transport
        self.client = client
        self.head = head
        self.started = perf_counter()
        self.meter = Meter()
        self._service = service
        REQUEST_ID.set(request_id)
        METER.set(self.meter)
        self._trace = None if head is None else service.telemetry.begin(head)

    def open(self, principal: Principal) -> RequestContext:
        """Its caller is known: has the context, and the trace if they may have one. Raises GatewayError."""
        context = self.context = self._service.open_context(principal, self.id)
        self.is_open = True
        if (trace := self._trace) is not None:
            trace.is_shown = self.head is not None and self.head.wants_trace and context.may_trace
            if trace.is_shown or trace.is_exported:
                self.meter.trace = trace
                context.trace(trace)
                trace.enter("read")
        return context

    def admit(self, parameters: Parameters) -> None:
        """Raises DocumentError, what the caller's budget raises, and Refusal of a kind that the transport has not."""
        context = self.context
        self.parameters, self.name = parameters, parameters.operation_name
        if (trace := self.meter.trace) is not None:
            trace.enter("")
        prepared, self._extensions = self._service.documents.admit(parameters, context, context.budget.charge)
        self._admitted = prepared, parameters.variables, context
        self.name, self.kind = prepared.name, prepared.kind
        context.operation_name = prepared.name
        if trace is not None:
            trace.request_id, trace.operation_name, trace.operation_type = self.id, log_name(self.name), self.kind
        if prepared.kind != QUERY or self.transport == "sse":
            self._require_transport(prepared.kind)

    def _require_transport(self, kind: str) -> None:
        """GET runs queries only: it must be safe (GraphQL over HTTP, "GET")."""
        if self.transport == "sse" and kind != SUBSCRIPTION:
            raise DocumentError.of(UserInputError("query", RequestWording.SUBSCRIPTIONS_ONLY()))
        if self.transport == "http" and kind == SUBSCRIPTION:
            raise DocumentError.of(UserInputError("query", RequestWording.SUBSCRIPTION_BY_HTTP()))
        if self.transport == "http" and self.head is not None and self.head.method == "GET":
            raise Refusal(405, MethodNotAllowedError(RequestWording.MUTATION_BY_GET()), (b"allow", b"POST"))

    async def execute(self) -> Response:
        """Execute a query or a mutation that has been admitted. Raises DocumentError where it cannot begin."""
        service, (prepared, _variables, context) = self._service, self._admitted
        if prepared.kind != QUERY:
            self.is_done = False
            context.deadline = asyncio.get_running_loop().time() + service.timeout - (perf_counter() - self.started)
        if (trace := self.meter.trace) is not None:
            trace.enter("execute")
        guard = None if prepared.scopes <= context.principal.scopes else service.guard
        response = await service.executor.execute(*self._admitted, guard, trace)
        self.is_done = True
        if context.failures is not None:
            response.errors += context.failures
        if response.errors:
            _note_denials(response, context)
        if not response.executed:
            raise DocumentError(response.errors)
        return response

    async def answers(self, parameters: Parameters) -> AsyncGenerator[tuple[bytes, str | None], None]:
        """Admit it, and give what is to be sent: one answer, or one for each event of a subscription, with the id of
        that event. To be closed by the caller. Raises what `admit` and `execute` raise, and ForbiddenError where the
        caller may not subscribe.
        """
        self.admit(parameters)
        if self.kind != SUBSCRIPTION:
            try:
                with Deadline(self._service.deadlines, self._service.timeout):
                    response = await self.execute()
            finally:
                self.settle()
            yield self.write(response), None
            return
        self._extensions = None
        service, (prepared, _variables, context), guard = self._service, self._admitted, None
        if not prepared.scopes <= context.principal.scopes:
            guard = service.guard
            guard.require(prepared, context)
        responses = await service.executor.subscribe(*self._admitted, middleware=guard)
        if isinstance(responses, Response):
            raise DocumentError(responses.errors)
        async with aclosing(responses):
            with service.telemetry.subscriptions.track_inprogress():
                async for response in responses:
                    context.budget.settle(self.meter.calls, refund=False)
                    _note_denials(response, context)
                    yield self.write(response), response.event_id

    def write(self, response: Response) -> bytes:
        """The response as JSON. Raises DocumentError where it is too large."""
        extensions, trace = self._extensions, self.meter.trace
        errors = [format_error(error, self.id) for error in response.errors] if response.errors else ()
        if extensions is not None:
            extensions["cost"]["actual"] = self.meter.calls
        if trace is not None:
            trace.enter("serialise")
            response.to_bytes()  # once more than it is sent: how long it takes is in the answer
            trace.finish()
            if trace.is_shown:
                self.context.observe_trace(trace)
                trace.explain_nulls(response.data, errors)
                extensions = {**(extensions or {}), "trace": trace.to_json()}
        body = response.to_bytes(errors, extensions)
        size, bound = len(body), self._service.largest_answer
        if size > bound and self.kind != MUTATION:
            message = RequestWording.ANSWER_TOO_LARGE(requested=size, max=bound)
            raise DocumentError.of(QueryTooComplexError(message, "answer", bound, size))
        self.size += size
        if errors:
            outcome = self._service.telemetry.answered(response, errors)
            if self.outcome == OK:  # else it is that of an event before
                self.outcome, self.code = outcome, errors[0]["extensions"]["code"]
        return body

    def fail(self, error: Exception) -> Refusal:
        """It ends with this error, and not with an answer: what its caller gets. What is unexpected is `Refusal.error`
        as it is, to be logged by what formats it.
        """
        if isinstance(error, ExpiredError) and self.parameters is None:  # the body is still on its way
            error = Refusal(408, UserInputError("body", RequestWording.BODY_LATE()), CLOSE)
        elif isinstance(error, ExpiredError):
            error = RequestTimeoutError(RequestWording.DEADLINE())
        refusal = Refusal.from_error(error)
        self.outcome = self._service.telemetry.failed(refusal.error)
        return refusal

    def settle(self) -> RateHeaders:
        """Charge its caller for the calls that it made. The headers have what they may still ask for."""
        return self.context.budget.settle(self.meter.calls, refund=self.is_done) if self.is_open else ()


def _note_denials(response: Response, context: RequestContext) -> None:
    for error in response.errors:
        cause = get_cause(error)
        if isinstance(cause, ForbiddenError) and cause.scope is not None and error.nodes:
            node = error.nodes[0]
            context.trail.deny(context, node.name.value if isinstance(node, FieldNode) else "", cause.scope)
