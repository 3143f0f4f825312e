"""The GraphQL endpoint: GraphQL over HTTP (draft of the GraphQL Foundation) as a plain ASGI application.

    app = GraphQLEndpoint(Service(...), get_caller, event_streams)

It knows the protocol and nothing of the schema. In the order of a request: headers, the caller's context, the
parameters, the operation they name (`gateway.http.operation`), the answer. What the head alone decides is read once
for all requests that come with it (`gateway.http.request`).
"""

from graphql import OperationType
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import MethodNotAllowedError, UserInputError
from gateway.execution.documents import DocumentError
from gateway.http.caller import Caller
from gateway.http.operation import GetCaller, Operation, Service
from gateway.http.parameters import read_parameters
from gateway.http.request import SERVED, RequestHead
from gateway.http.request_metrics import CANCELLED, OK, PARTIAL
from gateway.http.responses import JSONBytesResponse, Refusal, errors_json, rate_headers
from gateway.http.server.connection import HEADER_BLOCK
from gateway.ops.trace import Trace
from gateway.wording.requests import RequestWording


class GraphQLEndpoint:
    """Answers queries by GET and POST, mutations by POST; `event_streams` answers the requests that ask for one.

    The deadline is for all from the opened context to the answer. A query is cancelled when its client goes away; a
    mutation runs on.
    """

    def __init__(self, service: Service, get_caller: GetCaller, event_streams: ASGIApp | None = None) -> None:
        self._service = service
        self._get_caller = get_caller
        self._event_streams = event_streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head, caller = self._read_head(scope)
        if head.wants_events and self._event_streams is not None:
            await self._event_streams(scope, receive, send)
            return
        operation = Operation(self._service, "http", head.client, head.new_id())
        operation.begin()
        trace = self._service.tracing.begin(head)
        headers: list[tuple[bytes, bytes]] = []
        try:
            status, body = await self._answer(operation, head, caller, receive, trace)
            if operation.context is not None and (age := operation.context.age) is not None:
                headers.append((b"age", b"%d" % age))
        except ClientDisconnect:
            operation.settle()
            operation.outcome = CANCELLED
            operation.end()
            return
        except Exception as error:  # noqa: BLE001 # the last resort: it is logged, and the caller still gets JSON
            status, body, headers = _refuse(operation, head, error)
        if allowances := operation.settle():
            headers += rate_headers(allowances)
        self._end(operation, head, status)
        await JSONBytesResponse(body, operation.id, status, head.answer_type, headers)(scope, receive, send)

    async def _answer(
        self, operation: Operation, head: RequestHead, caller: Caller, receive: Receive, trace: Trace | None
    ) -> tuple[int, bytes]:
        """Status and body."""
        if not head.is_served:
            raise _not_served(head.method)
        context = operation.context = caller.open(operation.id) or await caller.identify(operation.id)
        if head.wants_fresh:
            context.refresh()
        if trace is not None:
            trace.is_shown = head.wants_trace and context.may_trace
            if trace.is_shown or trace.is_exported:
                operation.meter.trace = trace
                context.trace(trace)
                trace.enter("read")
        with operation.deadline() as deadline:
            parameters = await read_parameters(head, receive, self._service.bounds)
            if operation.meter.trace is not None:
                operation.meter.trace.leave()
            kind = operation.admit(parameters, context)
            if kind is OperationType.QUERY:
                deadline.watch(receive)
            else:
                _require_method(head.method, kind)
            response = await operation.execute()
        return 200 if response.executed else head.request_error_status, operation.write(response)

    def _end(self, operation: Operation, head: RequestHead, status: int) -> None:
        """Record the operation, and export its trace."""
        trace = operation.meter.trace
        if trace is None:
            operation.end(status, head.trace_id)
        else:
            failure = None if operation.outcome in (OK, PARTIAL) else operation.outcome
            self._service.tracing.send(trace, head, status, failure)
            operation.end(status, trace.trace_id, exemplar=trace.trace_id if trace.is_exported else None)

    def _read_head(self, scope: Scope) -> tuple[RequestHead, Caller]:
        """Once for all requests with the same header block, where the server has the extension."""
        state = scope.get("extensions", {}).get(HEADER_BLOCK, {})
        read: tuple[RequestHead, Caller] | None = state.get(self)
        if read is None:
            read = state[self] = RequestHead(scope), self._get_caller(scope)
        return read


def _refuse(operation: Operation, head: RequestHead, error: Exception) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Status, body and headers. Nothing of the error stays in the frames that its traceback leads to."""
    refusal = operation.fail(error)
    status = head.request_error_status if isinstance(refusal.error, DocumentError) else refusal.status
    body = errors_json(refusal.error, operation.id)
    operation.size = len(body)
    return status, body, [*refusal.headers]


def _not_served(method: str) -> Refusal:
    if method not in SERVED:
        return Refusal(405, MethodNotAllowedError(RequestWording.METHODS()), (b"allow", b"GET, POST"))
    return Refusal(406, UserInputError("Accept", RequestWording.ACCEPT()))


def _require_method(method: str, operation: OperationType) -> None:
    """GET runs queries only: it must be safe (GraphQL over HTTP, "GET")."""
    if operation is OperationType.SUBSCRIPTION:
        raise DocumentError.of(UserInputError("query", RequestWording.SUBSCRIPTION_BY_HTTP()))
    if method == "GET":
        raise Refusal(405, MethodNotAllowedError(RequestWording.MUTATION_BY_GET()), (b"allow", b"POST"))
