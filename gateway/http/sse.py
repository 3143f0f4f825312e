"""Subscriptions as server-sent events: the distinct connections mode of graphql-sse (PROTOCOL.md).

For clients that accept `text/event-stream` and no JSON.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from typing import Any, Final, Protocol, TypeAlias

from graphql import OperationType
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway.auth.principal import Principal
from gateway.auth.refusals import REFUSAL
from gateway.auth.tokens import LEEWAY
from gateway.errors import GatewayError, IssuerUnavailableError, UnauthenticatedError, UserInputError
from gateway.execution.documents import DocumentError, Prepared
from gateway.execution.intake import Intake
from gateway.execution.response import Response
from gateway.http.access_log import AccessLog
from gateway.http.deadline import Deadline, Deadlines
from gateway.http.errors import format_error
from gateway.http.graphql import Caller, Context, Executor
from gateway.http.parameters import Bounds, Parameters, read_parameters
from gateway.http.request import EVENT_STREAM, RequestHead
from gateway.http.request_metrics import CANCELLED, OK, RequestMetrics
from gateway.http.responses import CLOSE, Refusal, errors_json, rate_headers, refusal_response, require_size
from gateway.http.server.head import Headers
from gateway.ops.trace import METER, Meter
from gateway.wording.requests import RequestWording

RECHECK = 60.0
"""Seconds after which the caller of an open connection is authenticated again: a withdrawn key ends it."""


class CallerContext(Context, Protocol):
    """A context that knows its caller. `last_event_id`: of the event stream that the caller goes on with."""

    principal: Principal
    last_event_id: str | None


class StreamCaller(Caller[CallerContext], Protocol):
    """A caller who stays."""

    async def authenticate(self) -> object:
        """Raises UnauthenticatedError, IssuerUnavailableError."""


GetCaller: TypeAlias = Callable[[Scope], StreamCaller]
"""Of the head of a request, as ASGI has it."""


class SubscribingExecutor(Executor, Protocol):
    """An executor that starts subscriptions as well."""

    async def subscribe(
        self,
        prepared: Prepared,
        operation_name: str | None,
        variables: dict[str, Any] | None,
        context: Any,
        /,
    ) -> AsyncGenerator[Response, None] | Response: ...


async def subscribe(
    executor: SubscribingExecutor, prepared: Prepared, parameters: Parameters, context: Context
) -> AsyncGenerator[Response, None]:
    """Start a subscription: its responses, one for each event. To be closed by the caller.

    Raises DocumentError where it cannot start, ForbiddenError where the caller may not.
    """
    responses = await executor.subscribe(prepared, parameters.operation_name, parameters.variables, context)
    if isinstance(responses, Response):
        raise DocumentError(responses.errors)
    return responses


@asynccontextmanager
async def while_believed(authenticate: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """A block that ends when its caller is no longer believed, with the error of `authenticate`, asked every `RECHECK`.

    That is UnauthenticatedError, or IssuerUnavailableError.
    """
    refusal: UnauthenticatedError | IssuerUnavailableError | None = None

    async def watch() -> None:
        nonlocal refusal
        while refusal is None:
            await asyncio.sleep(RECHECK)
            try:
                await authenticate()
            except (UnauthenticatedError, IssuerUnavailableError) as error:
                refusal = error
                belief.reschedule(asyncio.get_running_loop().time())

    try:
        async with asyncio.timeout(None) as belief:
            watching = asyncio.create_task(watch())
            try:
                yield
            finally:
                watching.cancel()
    except TimeoutError:
        if refusal is None:
            raise
        raise refusal from None


def seconds_left(principal: Principal, now: float) -> float:
    """How long a connection of this principal may stay open; `now` in Unix seconds."""
    return principal.expires_at + LEEWAY - now


KEEP_ALIVE = 15.0
"""Seconds between comments that show proxies, and the gateway, that the connection is alive."""

_COMPLETE: Final = b"event: complete\ndata:\n\n"


class EventStreamEndpoint:
    """Answers subscriptions by GET and POST with an event stream.

    `timeout` bounds the reading of the body, in seconds; `largest_answer` each event, in bytes. A stream ends with its
    caller's token, or with the key that signed it.
    """

    def __init__(
        self,
        intake: Intake,
        executor: SubscribingExecutor,
        get_caller: GetCaller,
        *,
        bounds: Bounds,
        timeout: float,
        largest_answer: int,
        metrics: RequestMetrics,
        access_log: AccessLog | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._intake = intake
        self._executor = executor
        self._get_caller = get_caller
        self._bounds = bounds
        self._timeout = timeout
        self._largest_answer = largest_answer
        self._metrics = metrics
        self._access_log = access_log
        self._clock = clock
        self._deadlines = Deadlines()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = RequestHead(scope)
        id_ = head.begin()
        allowance: Headers = ()
        refusal: Refusal | None
        ended = _Ended()
        started = perf_counter()
        METER.set(Meter())
        try:
            caller = self._get_caller(scope)
            context = caller.open(id_) or await caller.identify(id_)
            context.last_event_id = head.last_event_id
            allowance = rate_headers(context.budget.settle(0))
            async with asyncio.timeout(self._timeout):
                parameters = await read_parameters(head, receive, self._bounds)
            headers = [*_headers(id_), *allowance]
            ended.parameters = parameters
            await self._stream(receive, send, parameters, caller, context, headers, id_, ended)
        except ClientDisconnect:
            return
        except TimeoutError:
            refusal = Refusal(408, UserInputError("body", RequestWording.BODY_LATE()), CLOSE)
            ended.outcome, ended.status = self._metrics.failed(refusal.error), refusal.status
        except (Refusal, GatewayError) as error:
            refusal = error if isinstance(error, Refusal) else Refusal.from_error(error)
            ended.outcome, ended.status = self._metrics.failed(refusal.error), refusal.status
        else:
            refusal = None
        finally:
            self._metrics.record(started, ended.outcome, head.client, ended.prepared, ended.parameters)
            if self._access_log is not None:
                self._access_log.operation(
                    "sse",
                    started,
                    ended.outcome,
                    id_,
                    ended.prepared,
                    ended.parameters,
                    code=ended.code,
                    status=ended.status,
                    size=ended.size,
                    trace_id=None if head.trace_parent is None else head.trace_parent.trace_id,
                )
        if refusal is None:
            await send({"type": "http.response.body", "body": _COMPLETE})
        else:
            await refusal_response(refusal, id_, allowance)(scope, receive, send)

    async def _stream(
        self,
        receive: Receive,
        send: Send,
        parameters: Parameters,
        caller: StreamCaller,
        context: CallerContext,
        headers: Headers,
        id_: str,
        ended: "_Ended",
    ) -> None:
        """Errors of any kind are events from here on: a client of event streams reads nothing else (graphql-sse)."""
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        keeping_alive = asyncio.create_task(_keep_alive(send))
        try:
            with Deadline(self._deadlines, seconds_left(context.principal, self._clock())) as lifetime:
                lifetime.watch(receive)
                async with (
                    while_believed(caller.authenticate),
                    aclosing(self._payloads(parameters, context, id_, ended)) as payloads,
                ):
                    async for payload, event_id in payloads:
                        await _send_event(send, payload, event_id)
        except TimeoutError:
            ended.outcome = UnauthenticatedError.code
            await _send_event(send, errors_json(UnauthenticatedError(REFUSAL), id_))
        except (UnauthenticatedError, IssuerUnavailableError) as error:
            ended.outcome = error.code
            await _send_event(send, errors_json(error, id_))
        finally:
            keeping_alive.cancel()

    async def _payloads(
        self, parameters: Parameters, context: CallerContext, id_: str, ended: "_Ended"
    ) -> AsyncGenerator[tuple[bytes, str | None], None]:
        """The data of each event, and its id where it has one."""
        outcome, meter = OK, METER.get() or Meter()
        try:
            prepared, _ = self._intake.admit(parameters, context)
            ended.prepared = prepared
            if prepared.operation.operation is not OperationType.SUBSCRIPTION:
                raise DocumentError.of(UserInputError("query", RequestWording.SUBSCRIPTIONS_ONLY()))
            async with aclosing(await subscribe(self._executor, prepared, parameters, context)) as responses:
                with self._metrics.subscribed():
                    async for response in responses:
                        context.budget.settle(meter.calls, refund=False)
                        errors = [format_error(error, id_) for error in response.errors]
                        outcome = self._metrics.add_event(outcome, response, errors)
                        payload = response.to_bytes(errors=errors)
                        require_size(payload, self._largest_answer)
                        ended.size += len(payload)
                        if errors and ended.code is None:
                            ended.code = errors[0]["extensions"]["code"]
                        yield payload, response.event_id
            ended.outcome = outcome
        except Exception as error:  # noqa: BLE001 # whatever ends it is reported; what is unexpected is logged as well
            ended.outcome = self._metrics.failed(error)
            yield errors_json(error, id_), None


class _Ended:
    """How a request ended, and what it was; with its client, unless somebody says otherwise.

    `code` is that of the first error in an event, `size` the bytes of all events.
    """

    def __init__(self) -> None:
        self.outcome = CANCELLED
        self.status = 200
        self.code: str | None = None
        self.size = 0
        self.parameters: Parameters | None = None
        self.prepared: Prepared | None = None


def _headers(id_: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", EVENT_STREAM + b"; charset=utf-8"),
        (b"x-request-id", id_.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-accel-buffering", b"no"),
    ]


async def _send_event(send: Send, payload: bytes, id_: str | None = None) -> None:
    """JSON has no line breaks of its own, so one `data` line holds it."""
    id_line = b"" if id_ is None else b"id: " + id_.encode() + b"\n"
    body = b"event: next\n" + id_line + b"data: " + payload + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _keep_alive(send: Send) -> None:
    while True:
        await asyncio.sleep(KEEP_ALIVE)
        await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})
