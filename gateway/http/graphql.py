"""The GraphQL endpoint: GraphQL over HTTP (draft of the GraphQL Foundation) as a plain ASGI application.

    app = GraphQLEndpoint(Service(...))

It knows the protocol and nothing of the schema. In the order of a request: the head, the caller's context, the
parameters (`gateway.http.request`), the operation they name (`gateway.http.operation`), the answer.

Clients that accept `text/event-stream` and no JSON get their subscription as server-sent events: the distinct
connections mode of graphql-sse (PROTOCOL.md).
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from math import inf
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway.auth.authenticator import LEEWAY, Authenticator
from gateway.auth.principal import Principal
from gateway.errors import IssuerUnavailableError, MethodNotAllowedError, UnauthenticatedError, UserInputError
from gateway.execution.documents import DocumentError
from gateway.http.errors import MediaType, Refusal, errors_json
from gateway.http.operation import QUERY, Deadline, Operation, Service
from gateway.http.request import SERVED, RequestHead, read_parameters
from gateway.http.server.bounds import Headers
from gateway.http.server.connection import HEADER_BLOCK, WHOLE_ANSWER
from gateway.http.telemetry import CANCELLED, Transport
from gateway.ops.trace import random_id
from gateway.wording.requests import RequestWording

RECHECK = 60.0
"""Seconds after which the caller of an open connection is authenticated again: a withdrawn key ends it."""

KEEP_ALIVE = 15.0  # seconds between comments that show proxies, and the gateway, that the connection is alive

EVENT_HEADERS: Final = (*MediaType.EVENTS.headers, (b"x-accel-buffering", b"no"))

_COMPLETE: Final = b"event: complete\ndata:\n\n"


@dataclass(frozen=True, eq=False)
class GraphQLEndpoint:
    """Answers queries by GET and POST, mutations by POST, and subscriptions with an event stream, which ends with its
    caller's token. A query is cancelled when its client goes away; a mutation runs on.
    """

    service: Service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service, shared = self.service, scope.get("extensions", {}).get(HEADER_BLOCK, {})
        head = shared.get(self)
        if head is None:  # else it is that of an earlier request with the same header block
            head = shared[self] = RequestHead(scope)
        transport: Transport = "sse" if head.wants_events else "http"
        operation = Operation(service, transport, head.client, head.request_id or random_id(), head)
        status, body, headers = 200, None, []
        try:
            if not head.is_served:
                raise _not_served(head.method)
            trusted = head.trusted
            if trusted is None or not service.authenticator.trusts(trusted):
                trusted = head.trusted = await service.authenticator.authenticate(head.authorization)
            context = operation.open(trusted.principal)
            if head.wants_events:
                await self._stream(operation, head, receive, send)
            else:
                if head.wants_fresh:
                    context.refresh()
                with Deadline(service.deadlines, service.timeout) as deadline:
                    operation.admit(await read_parameters(head, receive, service.bounds))
                    if operation.kind == QUERY:
                        deadline.receive = receive
                    response = await operation.execute()
                body = operation.write(response)
                if (age := context.age) is not None:
                    headers.append((b"age", b"%d" % age))
        except (ClientDisconnect, asyncio.CancelledError) as error:
            operation.outcome = CANCELLED
            if not head.wants_events:
                operation.settle()
            service.telemetry.end(operation, 200 if head.wants_events else None)
            if isinstance(error, ClientDisconnect):
                return
            raise
        except Exception as error:  # noqa: BLE001 # the last resort: it is logged, and the caller still gets JSON
            refusal = operation.fail(error)
            status = head.request_error_status if isinstance(refusal.error, DocumentError) else refusal.status
            body, headers = errors_json(refusal.error, operation.id), [*refusal.headers]
            operation.size = len(body)
            del refusal  # its traceback leads to this frame
        if body is None:
            service.telemetry.end(operation, status)
            await send({"type": "http.response.body", "body": _COMPLETE})
        else:
            headers += operation.settle()
            service.telemetry.end(operation, status)
            await _send_json(scope, send, operation.id, status, body, headers, head.answer_type)

    async def _stream(self, operation: Operation, head: RequestHead, receive: Receive, send: Send) -> None:
        """All events but the last. Once it has begun, errors are events, too: a client of event streams reads nothing
        else (graphql-sse).
        """
        context, service = operation.context, self.service
        context.last_event_id = head.last_event_id
        headers = [*EVENT_HEADERS, (b"x-request-id", operation.id.encode()), *operation.settle()]
        with Deadline(service.deadlines, service.timeout):
            parameters = await read_parameters(head, receive, service.bounds)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        keeping_alive = asyncio.create_task(_keep_alive(send))
        try:
            with Deadline(service.deadlines, inf, receive):
                async with (
                    while_believed(service.authenticator, head.authorization, context.principal),
                    aclosing(operation.answers(parameters)) as answers,
                ):
                    async for answer, event_id in answers:
                        await _send_event(send, answer, event_id)
        except ClientDisconnect:
            raise
        except (UnauthenticatedError, IssuerUnavailableError) as ended:
            operation.outcome = ended.code
            await _send_event(send, errors_json(ended, operation.id))
        except Exception as error:  # noqa: BLE001 # whatever ends it is reported; what is unexpected is logged as well
            await _send_event(send, errors_json(operation.fail(error).error, operation.id))
        finally:
            keeping_alive.cancel()


def _not_served(method: str) -> Refusal:
    if method not in SERVED:
        return Refusal(405, MethodNotAllowedError(RequestWording.METHODS()), (b"allow", b"GET, POST"))
    return Refusal(406, UserInputError("Accept", RequestWording.ACCEPT()))


@asynccontextmanager
async def while_believed(
    authenticator: Authenticator, authorization: str | None, principal: Principal
) -> AsyncIterator[None]:
    """A block that ends with its caller's token, or when the authenticator, asked every `RECHECK`, refuses the caller:
    by UnauthenticatedError, or IssuerUnavailableError.
    """
    refusal: Exception = UnauthenticatedError(RequestWording.TOKEN_EXPIRED())

    async def watch() -> None:
        nonlocal refusal
        try:
            while True:
                await asyncio.sleep(RECHECK)
                await authenticator.authenticate(authorization)
        except (UnauthenticatedError, IssuerUnavailableError) as error:
            refusal = error
            belief.reschedule(asyncio.get_running_loop().time())

    try:
        async with asyncio.timeout(principal.expires_at + LEEWAY - time.time()) as belief:
            watching = asyncio.create_task(watch())
            try:
                yield
            finally:
                watching.cancel()
    except TimeoutError:
        if not belief.expired():
            raise
        raise refusal from None


async def _send_json(
    scope: Scope, send: Send, request_id: str, status: int, body: bytes, headers: Headers, media_type: MediaType
) -> None:
    """Answer with JSON. A Starlette response would encode each header of each answer: 3 µs of some 90."""
    length, id_ = (b"content-length", b"%d" % len(body)), (b"x-request-id", request_id.encode())
    start = {"type": "http.response.start", "status": status, "headers": [*media_type.headers, length, id_, *headers]}
    if WHOLE_ANSWER in scope.get("extensions", ()):
        start["body"] = body
        await send(start)
    else:
        await send(start)
        await send({"type": "http.response.body", "body": body})


async def _send_event(send: Send, payload: bytes, id_: str | None = None) -> None:
    """JSON has no line breaks of its own, so one `data` line holds it."""
    id_line = b"" if id_ is None else b"id: " + id_.encode() + b"\n"
    body = b"event: next\n" + id_line + b"data: " + payload + b"\n\n"
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _keep_alive(send: Send) -> None:
    while True:
        await asyncio.sleep(KEEP_ALIVE)
        await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})
