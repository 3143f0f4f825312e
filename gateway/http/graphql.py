"""The GraphQL endpoint: GraphQL over HTTP (draft of the GraphQL Foundation) as a plain ASGI application.

    app = GraphQLEndpoint(intake, executor, open_context, bounds=Bounds(body=262_144, variables=65_536), timeout=15.0)

It knows the protocol and nothing of the schema. In the order of a request: headers, the caller's context, the
parameters, the operation they name, its execution, the answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import orjson
from graphql import OperationType
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from gateway.auth.rate import Allowance
from gateway.errors import GatewayError, MethodNotAllowedError, RequestTimeoutError, UserInputError
from gateway.execution.documents import DocumentError, Prepared
from gateway.execution.intake import Intake
from gateway.execution.response import Response
from gateway.http.deadline import Deadline
from gateway.http.errors import answer_extensions, format_error, format_failure
from gateway.http.negotiation import MediaType, negotiate
from gateway.http.parameters import Bounds, Parameters, read_parameters
from gateway.http.rate_headers import Headers, rate_headers
from gateway.http.refusal import CLOSE, Refusal
from gateway.http.request_id import request_id


class Context(Protocol):
    """What the resolvers of one request share. `allowance` is what its caller may still ask for, if that is bounded;
    `age` the seconds since the oldest of what was used again was asked for, None where nothing was."""

    @property
    def allowance(self) -> Allowance | None: ...

    @property
    def age(self) -> int | None: ...

    def refresh(self) -> None:
        """Called when nothing that was kept may be used."""


class Executor(Protocol):
    """What runs a prepared operation: `gateway.execution.executor`, or a guard before it."""

    async def execute(
        self,
        document: Prepared,
        operation_name: str | None,
        variables: dict[str, Any] | None,
        context: Any,
        /,
    ) -> Response: ...


OpenContext: TypeAlias = Callable[[Scope, str], Awaitable[Context]]
"""Identifies the caller of an ASGI scope; the text is the request id. Raises GatewayError to turn the caller away."""


class GraphQLEndpoint:
    """Answers queries by GET and POST, mutations by POST.

    `bounds` are held while the body is read, and by the query string. `timeout` is the total deadline in seconds, from
    the opened context to the answer. A query is cancelled when its client goes away; a mutation runs on.
    """

    def __init__(
        self, intake: Intake, executor: Executor, open_context: OpenContext, *, bounds: Bounds, timeout: float
    ) -> None:
        self._intake = intake
        self._executor = executor
        self._open_context = open_context
        self._bounds = bounds
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        id_ = request_id(headers.get(b"x-request-id"))
        bind_contextvars(request_id=id_)
        media_type = negotiate(headers.get(b"accept"))
        extra: Headers = ()
        try:
            _require_served(scope["method"], media_type)
            context = await self._open_context(scope, id_)
            extra = allowance_headers(context)
            if b"no-cache" in headers.get(b"cache-control", b"").lower():
                context.refresh()
            status, body = await self._respond(scope, headers, receive, context, id_)
            status = status or _request_error_status(media_type)
            if (age := context.age) is not None:
                extra = (*extra, (b"age", b"%d" % age))
        except ClientDisconnect:
            return
        except DocumentError as error:
            status, body = _request_error_status(media_type), only_errors(error, id_)
        except (Refusal, GatewayError) as error:
            refusal = error if isinstance(error, Refusal) else Refusal.of(error)
            status, body, extra = refusal.status, only_errors(refusal.error, id_), (*extra, *refusal.headers)
        except Exception as error:  # noqa: BLE001 # the last resort: it is logged, and the caller still gets JSON
            status, body = 500, only_errors(error, id_)
        await send_answer(send, status, media_type or MediaType.JSON, id_, extra, body)

    async def _respond(
        self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, context: Context, id_: str
    ) -> tuple[int | None, bytes]:
        """The status, None for that of a request error, and the body."""
        parameters: Parameters | None = None
        try:
            with Deadline(self._timeout) as deadline:
                parameters = await read_parameters(scope, headers, receive, self._bounds)
                prepared, extensions = self._intake.admit(parameters)
                operation = prepared.operation.operation
                _require_method(scope["method"], operation)
                if operation is OperationType.QUERY:
                    deadline.watch(receive)
                response = await self._executor.execute(
                    prepared, parameters.operation_name, parameters.variables, context
                )
        except TimeoutError:
            if not deadline.expired:
                raise
            if parameters is None:
                raise Refusal(408, UserInputError("body", "The body did not arrive in time"), CLOSE) from None
            raise RequestTimeoutError("The request took longer than its deadline") from None
        errors = [format_error(error, id_) for error in response.errors]
        if not response.executed:
            return None, response.to_bytes(errors=errors)
        return 200, response.to_bytes(errors=errors, extensions=extensions)


def _require_served(method: str, media_type: MediaType | None) -> None:
    if method not in ("GET", "POST"):
        raise Refusal(405, MethodNotAllowedError("GraphQL is served by GET and POST"), (b"allow", b"GET, POST"))
    if media_type is None:
        raise Refusal(
            406, UserInputError("Accept", "The answer is application/graphql-response+json or application/json")
        )


def _require_method(method: str, operation: OperationType) -> None:
    """GET runs queries only: it must be safe (GraphQL over HTTP, "GET")."""
    if operation is OperationType.SUBSCRIPTION:
        raise DocumentError.of(
            UserInputError("query", "Subscriptions are served over WebSocket, or as text/event-stream alone")
        )
    if method == "GET" and operation is not OperationType.QUERY:
        raise Refusal(405, MethodNotAllowedError("Mutations are run by POST"), (b"allow", b"POST"))


def _request_error_status(media_type: MediaType | None) -> int:
    """Of a well-formed request whose document or variables are wrong.

    A client of `application/json` trusts no body but that of a 200 (GraphQL over HTTP, "Status Codes").
    """
    return 200 if media_type is MediaType.JSON else 400


def only_errors(error: Exception, id_: str) -> bytes:
    """The JSON of a response without data."""
    body: dict[str, Any] = {"errors": format_failure(error, id_)}
    if extensions := answer_extensions(error):
        body["extensions"] = extensions
    return orjson.dumps(body)


def allowance_headers(context: Context) -> Headers:
    """What the caller of this context may still ask for."""
    allowance = context.allowance
    return () if allowance is None else rate_headers(*allowance)


_ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


async def send_answer(send: Send, status: int, media_type: MediaType, id_: str, extra: Headers, body: bytes) -> None:
    """Send a whole answer, with the headers that all of them have."""
    headers = [
        (b"content-type", media_type.value),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", id_.encode()),
        *_ALWAYS,
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
