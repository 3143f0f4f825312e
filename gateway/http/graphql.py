"""The GraphQL endpoint: GraphQL over HTTP (draft of the GraphQL Foundation) as a plain ASGI application.

    app = GraphQLEndpoint(intake, executor, caller_of, bounds=Bounds(body=262_144, variables=65_536), timeout=15.0,
                          largest_answer=16_777_216)

It knows the protocol and nothing of the schema. In the order of a request: headers, the caller's context, the
parameters, the operation they name, its execution, the answer.

What is in the way of every request is taken only once where it can be: our own server asks for an `answerer` of the
head, and keeps it for the requests that come with the same one. ASGI would have an answer in two messages and a body in
another, and tell the head anew each time.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from graphql import OperationType
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway.auth.rate import Allowance
from gateway.errors import GatewayError, MethodNotAllowedError, RequestTimeoutError, UserInputError
from gateway.execution.documents import DocumentError, Prepared
from gateway.execution.intake import Intake
from gateway.execution.response import Response
from gateway.http.answer import USUAL, Answer, only_errors, require_size, send_answer, whole_answer
from gateway.http.deadline import Deadline, Deadlines, ExpiredError
from gateway.http.errors import format_error
from gateway.http.headers import fields_of, lines_of
from gateway.http.negotiation import MediaType, negotiate
from gateway.http.parameters import Bounds, Parameters, body_parameters, is_json, read_parameters
from gateway.http.rate_headers import rate_lines
from gateway.http.refusal import CLOSE, Refusal
from gateway.http.request_id import REQUEST_ID, new_request_id, own_request_id


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
        prepared: Prepared,
        operation_name: str | None,
        variables: dict[str, Any] | None,
        context: Any,
        /,
    ) -> Response: ...


SERVED: Final = ("GET", "POST")
"""Methods of GraphQL requests, event streams included."""


ContextT_co = TypeVar("ContextT_co", bound=Context, covariant=True)


class Caller(Protocol[ContextT_co]):
    """Who sends requests with one head. Both raise GatewayError to turn the caller away."""

    def open(self, request_id: str, /) -> ContextT_co | None:
        """The context of a request; None where it takes waiting to find out who asks."""

    async def identify(self, request_id: str, /) -> ContextT_co:
        """The same, with waiting."""


CallerOf: TypeAlias = Callable[[Scope], Caller[Context]]
"""Of the head of a request, as ASGI has it."""


class GraphQLEndpoint:
    """Answers queries by GET and POST, mutations by POST.

    `bounds` are held while the body is read, and by the query string. `timeout` is the total deadline in seconds, from
    the opened context to the answer. A query is cancelled when its client goes away; a mutation runs on.
    `largest_answer` is that of a query, in bytes: what a mutation has done is told in any case.
    """

    def __init__(
        self,
        intake: Intake,
        executor: Executor,
        caller_of: CallerOf,
        *,
        bounds: Bounds,
        timeout: float,
        largest_answer: int,
    ) -> None:
        self.intake = intake
        self.executor = executor
        self.caller_of = caller_of
        self.bounds = bounds
        self.deadlines = Deadlines(timeout)
        self.largest_answer = largest_answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await GraphQLAnswerer(self, scope).answer(receive)
        except ClientDisconnect:
            return
        await send_answer(send, answer)

    def answerer(self, scope: Scope) -> "GraphQLAnswerer | None":
        """What answers the requests that have this head. What HEAD and others get is for ASGI to say."""
        return GraphQLAnswerer(self, scope) if scope["method"] in SERVED else None


class GraphQLAnswerer:
    """Answers the GraphQL requests that come with one head, which is read once.

    A well-formed request whose document or variables are wrong has a status by media type: a client of
    `application/json` trusts no body but that of a 200 (GraphQL over HTTP, "Status Codes").
    """

    def __init__(self, endpoint: GraphQLEndpoint, scope: Scope) -> None:
        headers = fields_of(scope["headers"])
        self._endpoint = endpoint
        self._scope = scope
        self._headers = headers
        self._method: str = scope["method"]
        self._own_id = own_request_id(headers.get(b"x-request-id"))
        media_type = negotiate(headers.get(b"accept"))
        self._is_served = self._method in SERVED and media_type is not None
        self._usual = USUAL[media_type or MediaType.JSON]
        self._request_error_status = 400 if media_type is MediaType.GRAPHQL_RESPONSE else 200
        self._wants_fresh = b"no-cache" in headers.get(b"cache-control", b"").lower()
        self._caller = endpoint.caller_of(scope)
        self._is_json_post = self._method == "POST" and is_json(headers)

    async def answer(self, receive: Receive, body: bytes | None = None) -> Answer:
        """The answer to one request. `body` is all of it, where it has come already.

        Raises starlette's ClientDisconnect when nobody waits for it any more.
        """
        endpoint = self._endpoint
        id_ = self._own_id or new_request_id()
        REQUEST_ID.set(id_)
        extra = b""
        parameters: Parameters | None = None
        try:
            if not self._is_served:
                raise _not_served(self._method)
            context = self._caller.open(id_) or await self._caller.identify(id_)
            allowance = context.allowance
            if allowance is not None:
                extra = rate_lines(allowance)
            if self._wants_fresh:
                context.refresh()
            with Deadline(endpoint.deadlines) as deadline:
                if body is not None and self._is_json_post:
                    parameters = body_parameters(body, endpoint.bounds)
                else:
                    parameters = await read_parameters(self._scope, self._headers, receive, endpoint.bounds)
                prepared, extensions = endpoint.intake.admit(parameters)
                operation = prepared.operation.operation
                if operation is OperationType.QUERY:
                    deadline.watch(receive)
                else:
                    _require_method(self._method, operation)
                response = await endpoint.executor.execute(
                    prepared, parameters.operation_name, parameters.variables, context
                )
            errors = [format_error(error, id_) for error in response.errors]
            status, extensions = (200, extensions) if response.executed else (self._request_error_status, None)
            answer = response.to_bytes(errors=errors, extensions=extensions)
            if operation is OperationType.QUERY:
                require_size(answer, endpoint.largest_answer)
            if (age := context.age) is not None:
                extra += b"age: %d\r\n" % age
        except ClientDisconnect:
            raise
        except ExpiredError:
            return self._failure(_too_late(parameters), id_, extra)
        except Exception as error:  # noqa: BLE001 # the last resort: it is logged, and the caller still gets JSON
            return self._failure(error, id_, extra)
        return whole_answer(status, self._usual, id_, extra, answer)

    def _failure(self, error: Exception, id_: str, extra: bytes) -> Answer:
        """The answer where there is no response."""
        status, closes = 500, False
        if isinstance(error, DocumentError):
            status = self._request_error_status
        elif isinstance(error, Refusal | GatewayError):
            refusal = error if isinstance(error, Refusal) else Refusal.of(error)
            status, error, closes = refusal.status, refusal.error, CLOSE in refusal.headers
            extra += lines_of(header for header in refusal.headers if header != CLOSE)
        return whole_answer(status, self._usual, id_, extra, only_errors(error, id_), closes=closes)


def _not_served(method: str) -> Refusal:
    if method not in SERVED:
        return Refusal(405, MethodNotAllowedError("GraphQL is served by GET and POST"), (b"allow", b"GET, POST"))
    message = "Accept must allow application/graphql-response+json or application/json"
    return Refusal(406, UserInputError("Accept", message))


def _too_late(parameters: Parameters | None) -> Exception:
    """What an expired deadline means: without parameters the body is still on its way."""
    if parameters is None:
        return Refusal(408, UserInputError("body", "The body did not arrive in time"), CLOSE)
    return RequestTimeoutError("The request took longer than its deadline")


def _require_method(method: str, operation: OperationType) -> None:
    """GET runs queries only: it must be safe (GraphQL over HTTP, "GET")."""
    if operation is OperationType.SUBSCRIPTION:
        raise DocumentError.of(
            UserInputError("query", "Subscriptions go over WebSocket, or as text/event-stream if no JSON is accepted")
        )
    if method == "GET":
        raise Refusal(405, MethodNotAllowedError("Mutations are run by POST"), (b"allow", b"POST"))
