"""One operation, in the same way over HTTP, as an event stream and over WebSocket: from its parameters to its record.

    operation = Operation(service, "http", client, request_id)
    operation.context = ...
    operation.admit(parameters)
    body = operation.write(await operation.execute())
    operation.end()

What keeps it from an answer is raised, and becomes one by `fail`.
"""

from asyncio import get_running_loop
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias

from graphql import OperationType
from starlette.types import Scope

from gateway.auth.rate import Allowance
from gateway.context import RequestContext
from gateway.errors import RequestTimeoutError, UserInputError
from gateway.execution.documents import DocumentError, Prepared
from gateway.execution.intake import Intake
from gateway.execution.response import Response
from gateway.http.access_log import AccessLog, Transport
from gateway.http.caller import Caller
from gateway.http.deadline import Deadline, Deadlines, ExpiredError
from gateway.http.errors import format_error
from gateway.http.guard import GuardedExecutor
from gateway.http.parameters import Bounds, Parameters
from gateway.http.request import REQUEST_ID
from gateway.http.request_metrics import OK, Client, RequestMetrics
from gateway.http.responses import CLOSE, Refusal, require_size
from gateway.http.tracing import Tracing, finish
from gateway.ops.trace import METER, Meter
from gateway.wording.requests import RequestWording

GetCaller: TypeAlias = Callable[[Scope], Caller]
"""Of the head of a request, as ASGI has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the operations of all transports share.

    `bounds` are those of what a client sends. `timeout` is the deadline of a query or mutation in seconds, and of the
    body of a request. `largest_answer` is that of a query or an event, in bytes: what a mutation has done is answered
    in any case.
    """

    intake: Intake
    executor: GuardedExecutor
    bounds: Bounds
    timeout: float
    largest_answer: int
    metrics: RequestMetrics
    tracing: Tracing = field(default_factory=Tracing)
    access_log: AccessLog | None = None
    deadlines: Deadlines = field(default_factory=Deadlines)


class Operation:
    """`outcome` is what has become of it, as metrics have it; `code` that of the first error beside data, `size` the
    bytes of all answers. `is_done`: it makes no more calls. `context` is there once its caller is known, `parameters`
    once they are read, `prepared` once it is admitted.
    """

    outcome = OK
    code: str | None = None
    size = 0
    is_done = True
    context: RequestContext | None = None
    parameters: Parameters | None = None
    prepared: Prepared | None = None
    extensions: dict[str, Any] | None = None

    def __init__(self, service: Service, transport: Transport, client: Client, request_id: str) -> None:
        self.id = request_id
        self.transport = transport
        self.client = client
        self.started = perf_counter()
        self.meter = Meter()
        self._service = service

    def begin(self) -> None:
        """In the task that runs it: whose lines of the log have its id, and whose calls are counted."""
        REQUEST_ID.set(self.id)
        METER.set(self.meter)

    def deadline(self) -> Deadline:
        """That of a block in which it is executed, and, where that has to be waited for, its parameters are read."""
        return Deadline(self._service.deadlines, self._service.timeout)

    def admit(self, parameters: Parameters, context: RequestContext) -> OperationType:
        """Raises DocumentError, and what the caller's budget raises."""
        self.parameters, self.context = parameters, context
        self.prepared, self.extensions = self._service.intake.admit(parameters, context)
        return self.prepared.operation.operation

    async def execute(self) -> Response:
        """A query or a mutation, once admitted."""
        prepared, parameters, context = self._admitted()
        if prepared.operation.operation is not OperationType.QUERY:
            self.is_done = False
            context.deadline = get_running_loop().time() + self._service.timeout - (perf_counter() - self.started)
        if self.meter.trace is not None:
            self.meter.trace.enter("execute")
        executor = self._service.executor
        response = await executor.execute(prepared, parameters.operation_name, parameters.variables, context)
        self.is_done = True
        return response

    async def events(self) -> AsyncGenerator[Response, None]:
        """A subscription, once admitted: a response for each event. To be closed by the caller.

        Raises DocumentError where it cannot start, ForbiddenError where the caller may not.
        """
        prepared, parameters, context = self._admitted()
        self.extensions = None
        executor = self._service.executor
        responses = await executor.subscribe(prepared, parameters.operation_name, parameters.variables, context)
        if isinstance(responses, Response):
            raise DocumentError(responses.errors)
        async with aclosing(responses):
            with self._service.metrics.subscribed():
                async for response in responses:
                    context.budget.settle(self.meter.calls, refund=False)
                    yield response

    def _admitted(self) -> tuple[Prepared, Parameters, RequestContext]:
        if self.prepared is None or self.parameters is None or self.context is None:
            raise RuntimeError("the operation has not been admitted")
        return self.prepared, self.parameters, self.context

    def write(self, response: Response) -> bytes:
        """The response as JSON. Raises DocumentError where it is too large."""
        prepared, _, _ = self._admitted()
        errors = [format_error(error, self.id) for error in response.errors]
        extensions = self.extensions if response.executed else None
        if extensions is not None:
            extensions["cost"]["actual"] = self.meter.calls
        trace = self.meter.trace
        if trace is not None:
            finish(trace, response, prepared, self.id)
            if trace.is_shown:
                extensions = {**(extensions or {}), "trace": trace.to_json()}
        body = response.to_bytes(errors=errors, extensions=extensions)
        if prepared.operation.operation is not OperationType.MUTATION:
            require_size(body, self._service.largest_answer)
        outcome = self._service.metrics.answered(response, errors)
        self.outcome = outcome if self.outcome == OK else self.outcome  # of several events the first that was not ok
        self.size += len(body)
        if errors and self.code is None:
            self.code = errors[0]["extensions"]["code"]
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
        self.outcome = self._service.metrics.failed(refusal.error)
        return refusal

    def settle(self) -> Sequence[Allowance]:
        """Charge its caller for the calls that it made: what the caller may still ask for."""
        return () if self.context is None else self.context.budget.settle(self.meter.calls, refund=self.is_done)

    def end(self, status: int | None = None, trace_id: str | None = None, *, exemplar: str | None = None) -> None:
        """Record it. `trace_id` is that of its line in the log, `exemplar` that of a trace which has been exported."""
        service = self._service
        service.metrics.record(self.started, self.outcome, self.client, self.prepared, self.parameters, exemplar)
        if service.access_log is not None:
            service.access_log.operation(self, status, trace_id)
