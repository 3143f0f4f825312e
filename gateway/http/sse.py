"""Subscriptions as server-sent events: the distinct connections mode of graphql-sse (PROTOCOL.md).

For clients that accept `text/event-stream` and no JSON.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Final

from graphql import OperationType
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway.auth.principal import Principal
from gateway.auth.refusals import REFUSAL
from gateway.auth.tokens import LEEWAY
from gateway.context import RequestContext
from gateway.errors import GatewayError, IssuerUnavailableError, UnauthenticatedError, UserInputError
from gateway.execution.documents import DocumentError
from gateway.http.caller import Caller
from gateway.http.deadline import Deadline, ExpiredError
from gateway.http.operation import GetCaller, Operation, Service
from gateway.http.parameters import Parameters, read_parameters
from gateway.http.request import EVENT_STREAM, RequestHead
from gateway.http.request_metrics import CANCELLED
from gateway.http.responses import Refusal, errors_json, rate_headers, refusal_response
from gateway.http.server.head import Headers
from gateway.wording.requests import RequestWording

RECHECK = 60.0
"""Seconds after which the caller of an open connection is authenticated again: a withdrawn key ends it."""


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
    """Answers subscriptions by GET and POST with an event stream, which ends with its caller's token, or with the key
    that signed it.
    """

    def __init__(self, service: Service, get_caller: GetCaller, clock: Callable[[], float] = time.time) -> None:
        self._service = service
        self._get_caller = get_caller
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = RequestHead(scope)
        operation = Operation(self._service, "sse", head.client, head.new_id())
        operation.begin()
        allowance: Headers = ()
        refusal: Refusal | None = None
        try:
            caller = self._get_caller(scope)
            context = operation.context = caller.open(operation.id) or await caller.identify(operation.id)
            context.last_event_id = head.last_event_id
            allowance = rate_headers(operation.settle())
            with operation.deadline():
                parameters = await read_parameters(head, receive, self._service.bounds)
            operation.parameters = parameters
            headers = [*_headers(operation.id), *allowance]
            await self._stream(receive, send, operation, parameters, caller, context, headers)
        except (Refusal, GatewayError, ExpiredError) as error:
            refusal = operation.fail(error)
        except BaseException as error:
            operation.outcome = CANCELLED
            if isinstance(error, ClientDisconnect):
                return
            raise
        finally:
            operation.end(200 if refusal is None else refusal.status, head.trace_id)
        if refusal is None:
            await send({"type": "http.response.body", "body": _COMPLETE})
        else:
            await refusal_response(refusal, operation.id, allowance)(scope, receive, send)

    async def _stream(
        self,
        receive: Receive,
        send: Send,
        operation: Operation,
        parameters: Parameters,
        caller: Caller,
        context: RequestContext,
        headers: Headers,
    ) -> None:
        """Errors of any kind are events from here on: a client of event streams reads nothing else (graphql-sse)."""
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        keeping_alive = asyncio.create_task(_keep_alive(send))
        try:
            with Deadline(self._service.deadlines, seconds_left(context.principal, self._clock())) as lifetime:
                lifetime.watch(receive)
                async with (
                    while_believed(caller.authenticate),
                    aclosing(_payloads(operation, parameters, context)) as payloads,
                ):
                    async for payload, event_id in payloads:
                        await _send_event(send, payload, event_id)
        except (TimeoutError, UnauthenticatedError, IssuerUnavailableError) as ended:
            error = UnauthenticatedError(REFUSAL) if isinstance(ended, TimeoutError) else ended
            operation.outcome = error.code
            await _send_event(send, errors_json(error, operation.id))
        finally:
            keeping_alive.cancel()


async def _payloads(
    operation: Operation, parameters: Parameters, context: RequestContext
) -> AsyncGenerator[tuple[bytes, str | None], None]:
    """The data of each event, and its id where it has one."""
    try:
        if operation.admit(parameters, context) is not OperationType.SUBSCRIPTION:
            raise DocumentError.of(UserInputError("query", RequestWording.SUBSCRIPTIONS_ONLY()))
        async with aclosing(operation.events()) as responses:
            async for response in responses:
                yield operation.write(response), response.event_id
    except Exception as error:  # noqa: BLE001 # whatever ends it is reported; what is unexpected is logged as well
        yield errors_json(operation.fail(error).error, operation.id), None


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
