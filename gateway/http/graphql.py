"""The GraphQL endpoint: GraphQL over HTTP (draft of the GraphQL Foundation) as a plain ASGI application.

    app = GraphQLEndpoint(intake, executor, get_caller, bounds=Bounds(body=262_144), timeout=15.0,
                          largest_answer=LARGEST_ANSWER)

It knows the protocol and nothing of the schema. In the order of a request: headers, the caller's context, the
parameters, the operation they name, its execution, the answer. What the head alone decides is read once for all
requests that come with it (`gateway.http.request`).
"""

from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Protocol, TypeAlias, TypeVar

from graphql import OperationType
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth.rate import Allowance
from gateway.errors import GatewayError, MethodNotAllowedError, RequestTimeoutError, UserInputError
from gateway.execution.documents import DocumentError, Prepared
from gateway.execution.intake import Charged, Intake, Payer
from gateway.execution.response import Response
from gateway.http.access_log import AccessLog
from gateway.http.deadline import Deadline, Deadlines, ExpiredError
from gateway.http.errors import format_error
from gateway.http.parameters import Bounds, Parameters, read_parameters
from gateway.http.request import SERVED, RequestHead
from gateway.http.request_metrics import CANCELLED, OK, PARTIAL, RequestMetrics
from gateway.http.responses import (
    CLOSE,
    JSONBytesResponse,
    Refusal,
    errors_json,
    rate_headers,
    require_size,
)
from gateway.http.server.connection import HEADER_BLOCK
from gateway.http.tracing import Tracing, finish
from gateway.ops.metrics import Metrics
from gateway.ops.trace import METER, Meter, Trace
from gateway.wording.requests import RequestWording


class Budget(Charged, Protocol):
    """What an operation costs its caller."""

    def settle(self, calls: int, *, refund: bool = True) -> Sequence[Allowance]:
        """The operation has made so many calls; without `refund` it may make more. What the caller may still ask for,
        of what is bounded.
        """


class Context(Payer, Protocol):
    """What the resolvers of one request share. `age`: the seconds since the oldest of what was used again was asked
    for, None where nothing was.
    """

    deadline: float | None
    """When a mutation has to be answered, by the clock of the event loop."""

    @property
    def budget(self) -> Budget: ...

    @property
    def age(self) -> int | None: ...

    def refresh(self) -> None:
        """Called when nothing that was kept may be used."""

    @property
    def may_trace(self) -> bool:
        """Whether the caller may have traces."""

    def trace(self, trace: Trace) -> None:
        """Called when the operation is traced."""


class Executor(Protocol):
    """What runs a prepared operation: `gateway.execution.executor`, or a guard before it."""

    async def execute(
        self,
        prepared: Prepared,
        operation_name: str | None,
        variables: dict[str, Any] | None,
        context: Any,
        /,
    ) -> Response: ...


ContextT_co = TypeVar("ContextT_co", bound=Context, covariant=True)


class Caller(Protocol[ContextT_co]):
    """Who sends requests with one head. Both raise GatewayError to turn the caller away."""

    def open(self, request_id: str, /) -> ContextT_co | None:
        """The context of a request; None where it takes waiting to find out who asks."""

    async def identify(self, request_id: str, /) -> ContextT_co:
        """The same, with waiting."""


GetCaller: TypeAlias = Callable[[Scope], Caller[Context]]
"""Of the head of a request, as ASGI has it."""


class GraphQLEndpoint:
    """Answers queries by GET and POST, mutations by POST.

    `bounds` are held while the body is read, and by the query string. `timeout` is the total deadline in seconds, from
    the opened context to the answer. A query is cancelled when its client goes away; a mutation runs on.
    `largest_answer` is that of a query, in bytes: what a mutation has done is answered in any case. `event_streams`
    answers the requests that ask for one.
    """

    def __init__(
        self,
        intake: Intake,
        executor: Executor,
        get_caller: GetCaller,
        *,
        bounds: Bounds,
        timeout: float,
        largest_answer: int,
        event_streams: ASGIApp | None = None,
        tracing: Tracing | None = None,
        metrics: RequestMetrics | None = None,
        access_log: AccessLog | None = None,
    ) -> None:
        self.intake = intake
        self.executor = executor
        self.get_caller = get_caller
        self.bounds = bounds
        self.timeout = timeout
        self._deadlines = Deadlines()
        self.largest_answer = largest_answer
        self.event_streams = event_streams
        self.tracing = tracing or Tracing()
        self.metrics = RequestMetrics(Metrics()) if metrics is None else metrics
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head, caller = self._read_head(scope)
        if head.wants_events and self.event_streams is not None:
            await self.event_streams(scope, receive, send)
            return
        started = perf_counter()
        id_ = head.begin()
        meter = Meter()
        METER.set(meter)
        trace = None
        if head.wants_trace or self.tracing.export is not None:
            trace = self.tracing.begin(head)
        headers: list[tuple[bytes, bytes]] = []
        parameters: Parameters | None = None
        prepared: Prepared | None = None
        code: str | None = None
        context: Context | None = None
        is_done = True
        try:
            if not head.is_served:
                raise _not_served(head.method)
            context = caller.open(id_) or await caller.identify(id_)
            if head.wants_fresh:
                context.refresh()
            if trace is not None:
                trace.is_shown = head.wants_trace and context.may_trace
                if trace.is_shown or trace.is_exported:
                    meter.trace = trace
                    context.trace(trace)
                    trace.enter("read")
            with Deadline(self._deadlines, self.timeout) as deadline:
                parameters = await read_parameters(head, receive, self.bounds)
                if meter.trace is not None:
                    meter.trace.leave()
                prepared, extensions = self.intake.admit(parameters, context)
                operation = prepared.operation.operation
                if operation is OperationType.QUERY:
                    deadline.watch(receive)
                else:
                    _require_method(head.method, operation)
                    context.deadline = get_running_loop().time() + self.timeout - (perf_counter() - started)
                if meter.trace is not None:
                    meter.trace.enter("execute")
                result = await self.executor.execute(prepared, parameters.operation_name, parameters.variables, context)
            errors = [format_error(error, id_) for error in result.errors]
            status, extensions = (200, extensions) if result.executed else (head.request_error_status, None)
            if extensions is not None:
                extensions["cost"]["actual"] = meter.calls
            if meter.trace is not None:
                finish(meter.trace, result, prepared, id_)
                if meter.trace.is_shown:
                    extensions = {**(extensions or {}), "trace": meter.trace.to_json()}
            body = result.to_bytes(errors=errors, extensions=extensions)
            if operation is OperationType.QUERY:
                require_size(body, self.largest_answer)
            if (age := context.age) is not None:
                headers.append((b"age", b"%d" % age))
            outcome = self.metrics.answered(result, errors)
            code = errors[0]["extensions"]["code"] if errors else None
        except ClientDisconnect:
            if context is not None:
                context.budget.settle(meter.calls)
            self.metrics.record(started, CANCELLED, head.client, prepared, parameters)
            if self.access_log is not None:
                self.access_log.operation("http", started, CANCELLED, id_, prepared, parameters)
            return
        except ExpiredError:
            is_done = prepared is None or prepared.operation.operation is OperationType.QUERY
            status, body, outcome = self._failure(head, _too_late(parameters), id_, headers)
        except Exception as error:  # noqa: BLE001 # the last resort: it is logged, and the caller still gets JSON
            status, body, outcome = self._failure(head, error, id_, headers)
        if context is not None:
            headers += rate_headers(context.budget.settle(meter.calls, refund=is_done))
        trace_id = None
        if meter.trace is not None:
            self.tracing.send(meter.trace, head, status, None if outcome in (OK, PARTIAL) else outcome)
            trace_id = meter.trace.trace_id if meter.trace.is_exported else None
        self.metrics.record(started, outcome, head.client, prepared, parameters, trace_id)
        await JSONBytesResponse(body, id_, status, head.answer_type, headers)(scope, receive, send)
        if self.access_log is not None:
            self.access_log.operation(
                "http",
                started,
                outcome,
                id_,
                prepared,
                parameters,
                code=code,
                status=status,
                size=len(body),
                trace_id=_trace_id(meter.trace, head),
            )

    def _failure(
        self, head: RequestHead, error: Exception, id_: str, headers: list[tuple[bytes, bytes]]
    ) -> tuple[int, bytes, str]:
        """Status, body and outcome for what kept the operation from its execution. Adds the headers of a refusal."""
        status = 500
        if isinstance(error, DocumentError):
            status = head.request_error_status
        elif isinstance(error, Refusal | GatewayError):
            refusal = error if isinstance(error, Refusal) else Refusal.from_error(error)
            status, error = refusal.status, refusal.error
            headers += refusal.headers
        outcome = self.metrics.failed(error)
        return status, errors_json(error, id_), outcome

    def _read_head(self, scope: Scope) -> tuple[RequestHead, Caller[Context]]:
        """Once for all requests with the same header block, where the server has the extension."""
        state = scope.get("extensions", {}).get(HEADER_BLOCK, {})
        read: tuple[RequestHead, Caller[Context]] | None = state.get(self)
        if read is None:
            read = state[self] = RequestHead(scope), self.get_caller(scope)
        return read


def _not_served(method: str) -> Refusal:
    if method not in SERVED:
        return Refusal(405, MethodNotAllowedError(RequestWording.METHODS()), (b"allow", b"GET, POST"))
    return Refusal(406, UserInputError("Accept", RequestWording.ACCEPT()))


def _trace_id(trace: Trace | None, head: RequestHead) -> str | None:
    """That of the request's trace, or of the caller's."""
    if trace is not None:
        return trace.trace_id
    return None if head.trace_parent is None else head.trace_parent.trace_id


def _too_late(parameters: Parameters | None) -> Exception:
    """What an expired deadline means: without parameters the body is still on its way."""
    if parameters is None:
        return Refusal(408, UserInputError("body", RequestWording.BODY_LATE()), CLOSE)
    return RequestTimeoutError(RequestWording.DEADLINE())


def _require_method(method: str, operation: OperationType) -> None:
    """GET runs queries only: it must be safe (GraphQL over HTTP, "GET")."""
    if operation is OperationType.SUBSCRIPTION:
        raise DocumentError.of(UserInputError("query", RequestWording.SUBSCRIPTION_BY_HTTP()))
    if method == "GET":
        raise Refusal(405, MethodNotAllowedError(RequestWording.MUTATION_BY_GET()), (b"allow", b"POST"))
