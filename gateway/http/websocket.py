"""GraphQL over WebSocket: graphql-transport-ws (graphql-ws, PROTOCOL.md) as an ASGI application.

    sockets = WebSocketEndpoint(Service(...), identify, open_context, WebSocketOptions(...))

A connection has one caller, from its `connection_init` to its end, and ends with the caller's token, or with the key
that signed it. Its operations, of any kind, run side by side; each has a context and a request id of its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TypeAlias

import orjson
from graphql import OperationType
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from gateway.auth.principal import Principal
from gateway.errors import IssuerUnavailableError, QueryTooComplexError, UnauthenticatedError, UserInputError
from gateway.execution.documents import DocumentError
from gateway.execution.response import Response
from gateway.http.caller import OpenContext
from gateway.http.errors import format_failure
from gateway.http.operation import Operation, Service
from gateway.http.parameters import Parameters, parse_parameters
from gateway.http.request import new_request_id
from gateway.http.request_metrics import CANCELLED, Client, read_client
from gateway.http.sse import seconds_left, while_believed
from gateway.http.websocket_messages import (
    SUBPROTOCOL,
    Close,
    CloseCode,
    Complete,
    ConnectionInit,
    Message,
    Ping,
    Subscribe,
    read_message,
    write_message,
)
from gateway.wording.requests import RequestWording

Identify: TypeAlias = Callable[[str | None], Awaitable[Principal]]
"""The caller of an Authorization header's text. Raises UnauthenticatedError, IssuerUnavailableError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketOptions:
    """Bounds of one connection. `max_operations` counts those under way. `init_timeout` is in seconds. `origins` are
    the web pages that may connect, besides the gateway's own.
    """

    max_operations: int
    init_timeout: float = 5.0
    origins: Collection[str] = ()
    clock: Callable[[], float] = time.time


class WebSocketEndpoint:
    """Serves connections."""

    def __init__(
        self, service: Service, identify: Identify, open_context: OpenContext, options: WebSocketOptions
    ) -> None:
        self.service = service
        self.identify = identify
        self.open_context = open_context
        self.options = options
        self.writing: set[asyncio.Task[None]] = set()
        """Mutations: they run to their end, whatever becomes of their connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        if not may_connect(websocket.headers.get("origin"), websocket.headers.get("host"), self.options.origins):
            await websocket.close()  # before it is accepted: HTTP 403
        elif SUBPROTOCOL not in scope["subprotocols"]:
            await websocket.accept()
            self.service.metrics.closed(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE)
            await websocket.close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
        else:
            await websocket.accept(SUBPROTOCOL)
            self.service.metrics.websockets += 1
            try:
                await _Connection(self, websocket).serve()
            finally:
                self.service.metrics.websockets -= 1


def may_connect(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Whether a page may open a WebSocket: browsers ask no permission before they do (RFC 6455, 10.2).

    Pages of the gateway's own host may, and of the origins `allowed` lists, such as `https://console.example`. A client
    without an origin is not a web page: no browser adds credentials to what it sends.
    """
    if origin is None or origin in allowed:
        return True
    _scheme, separator, page_host = origin.partition("://")
    return bool(separator) and host is not None and page_host.lower() == host.lower()


class _Operation(Operation):
    """An operation under way, by which its client knows it as `name`. It has its `task` until it is stopped. A mutation
    `is_writing` until it is done.
    """

    task: "asyncio.Task[None]"
    is_writing = False

    def __init__(self, service: Service, client: Client, name: str) -> None:
        super().__init__(service, "websocket", client, new_request_id())
        self.name = name


class _Connection:
    def __init__(self, endpoint: WebSocketEndpoint, websocket: WebSocket) -> None:
        self._endpoint = endpoint
        self._options = endpoint.options
        self._service = endpoint.service
        self._websocket = websocket
        self._operations: dict[str, _Operation] = {}
        self._metrics = endpoint.service.metrics
        self._client = read_client(websocket.headers)

    async def serve(self) -> None:
        """Until either side ends it."""
        close: Close | None = None
        try:
            authorization = await self._initialise()
            principal = await self._endpoint.identify(authorization)
            await self._send("connection_ack")
            async with while_believed(lambda: self._endpoint.identify(authorization)):
                await self._serve(principal)
        except Close as reason:
            close = reason
        except UnauthenticatedError as error:
            close = Close(CloseCode.FORBIDDEN, error.message)
        except IssuerUnavailableError as error:
            close = Close(CloseCode.TRY_AGAIN_LATER, error.message)
        except WebSocketDisconnect:
            pass
        finally:
            await self._stop_all()
        if close is not None:
            self._metrics.closed(close.code)
            with suppress(WebSocketDisconnect, WebSocketDisconnected):
                await self._websocket.close(close.code, close.reason)

    async def _initialise(self) -> str | None:
        """Wait for `connection_init`: what it says of whose it is. Raises Close."""
        try:
            async with asyncio.timeout(self._options.init_timeout):
                return self._authorization(await self._await_init())
        except TimeoutError:
            raise Close(CloseCode.CONNECTION_INITIALISATION_TIMEOUT, "Connection initialisation timeout") from None

    async def _await_init(self) -> ConnectionInit:
        while True:
            match await self._receive():
                case ConnectionInit() as init:
                    return init
                case Ping():
                    await self._send("pong")
                case Subscribe():
                    raise Close(CloseCode.UNAUTHORIZED, "Unauthorized")

    def _authorization(self, init: ConnectionInit) -> str | None:
        """From the payload, as browsers can set no headers; else from the handshake. Raises Close."""
        payload = init.payload or {}
        self._client = read_client(payload, self._websocket.headers)
        for name, value in payload.items():
            if name.lower() == "authorization":
                if not isinstance(value, str):
                    raise Close(CloseCode.FORBIDDEN, "Authorization is a text")
                return value
        return self._websocket.headers.get("authorization")

    async def _serve(self, principal: Principal) -> None:
        """Take messages for as long as the token lasts. Raises Close, or WebSocketDisconnect."""
        try:
            async with asyncio.timeout(seconds_left(principal, self._options.clock())) as lifetime:
                while True:
                    match await self._receive():
                        case Subscribe() as message:
                            await self._start(message, principal)
                        case Complete(id=id_):
                            self._stop(id_)
                        case Ping():
                            await self._send("pong")
                        case ConnectionInit():
                            raise Close(CloseCode.TOO_MANY_INITIALISATION_REQUESTS, "Too many initialisation requests")
        except TimeoutError:
            if not lifetime.expired():
                raise
            raise Close(CloseCode.FORBIDDEN, "The token has expired") from None

    async def _start(self, message: Subscribe, principal: Principal) -> None:
        if message.id in self._operations:
            raise Close(CloseCode.SUBSCRIBER_ALREADY_EXISTS, f"Subscriber for {message.id} already exists")
        operation = _Operation(self._service, self._client, message.id)
        try:
            self._require_room()
            parameters = parse_parameters("payload", bytes(message.payload), self._service.bounds)
        except UserInputError as error:
            raise Close(CloseCode.BAD_REQUEST, error.message) from None
        except QueryTooComplexError as error:
            operation.fail(error)
            operation.end()
            await self._send("error", message.id, format_failure(error, operation.id))
            return
        self._operations[message.id] = operation
        operation.task = asyncio.create_task(self._run(operation, parameters, principal))

    def _require_room(self) -> None:
        bound = self._options.max_operations
        if len(self._operations) >= bound:
            message = RequestWording.TOO_MANY_OPERATIONS(max=bound)
            raise QueryTooComplexError(message, "subscriptions", bound, bound + 1)

    def _stop(self, id_: str) -> None:
        """Nothing more is sent for it, and the id is free again. A mutation is not left half done."""
        operation = self._operations.pop(id_, None)
        if operation is not None and not operation.is_writing:
            operation.task.cancel()
            del operation.task  # the error that it ends with leads back to the operation

    async def _stop_all(self) -> None:
        tasks = [operation.task for operation in self._operations.values() if not operation.is_writing]
        for id_ in list(self._operations):
            self._stop(id_)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, operation: _Operation, parameters: Parameters, principal: Principal) -> None:
        operation.begin()
        end: tuple[str, str, object] = ("complete", operation.name, None)
        try:
            await self._perform(operation, parameters, principal)
        except asyncio.CancelledError:
            operation.outcome = CANCELLED
            raise
        except Exception as error:  # noqa: BLE001 # whatever ends it is reported; what is unexpected is logged as well
            end = ("error", operation.name, format_failure(operation.fail(error).error, operation.id))
        finally:
            operation.end()
        if self._is_under_way(operation):
            await self._send(*end)  # while the client does not read it is under way, and counts
            if self._is_under_way(operation):
                del self._operations[operation.name]

    def _is_under_way(self, operation: _Operation) -> bool:
        """Whether its client waits for more of it."""
        return self._operations.get(operation.name) is operation

    async def _perform(self, operation: _Operation, parameters: Parameters, principal: Principal) -> None:
        """Raises whatever keeps the operation from a response."""
        operation.parameters = parameters
        kind = operation.admit(parameters, self._endpoint.open_context(principal, operation.id))
        if kind is OperationType.SUBSCRIPTION:
            async with aclosing(operation.events()) as responses:
                async for response in responses:
                    await self._send_next(operation, response)
            return
        if kind is OperationType.MUTATION:
            operation.is_writing = True
            self._endpoint.writing.add(operation.task)
            operation.task.add_done_callback(self._endpoint.writing.discard)
        try:
            with operation.deadline():
                response = await operation.execute()
        finally:
            operation.is_writing = False  # all that is left is to report
            operation.settle()
        if not response.executed:
            raise DocumentError(response.errors)
        await self._send_next(operation, response)

    async def _receive(self) -> Message:
        """Raises Close, or WebSocketDisconnect."""
        await asyncio.sleep(0)  # what has come already is given without waiting: others have their turn in between
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"])
        return read_message(received.get("text"), self._service.bounds.body)

    async def _send_next(self, operation: _Operation, response: Response) -> None:
        """Raises DocumentError where it is too large, but for what a mutation has done."""
        if self._is_under_way(operation):
            await self._send("next", operation.name, orjson.Fragment(operation.write(response)))
        else:
            operation.outcome = CANCELLED

    async def _send(self, type_: str, id_: str | None = None, payload: object = None) -> None:
        """To a client that has gone, nothing: the loop that reads learns of it as well."""
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            await self._websocket.send_text(write_message(type_, id_, payload))
