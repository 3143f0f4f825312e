"""GraphQL over WebSocket: graphql-transport-ws (graphql-ws, PROTOCOL.md) as an ASGI application.

    sockets = WebSocketEndpoint(Service(...), max_operations)

A connection has one caller, from its `connection_init` to its end, and ends with the caller's token, or with the key
that signed it. Its operations, of any kind, run side by side; each has a context and a request id of its own.
"""

import asyncio
from collections.abc import Collection
from contextlib import aclosing, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeAlias

import msgspec
import orjson
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from gateway.auth.principal import Principal
from gateway.errors import IssuerUnavailableError, QueryTooComplexError, UnauthenticatedError, UserInputError
from gateway.execution.documents import Parameters
from gateway.http.errors import format_failure
from gateway.http.graphql import while_believed
from gateway.http.operation import Operation, Service
from gateway.http.request import parse_parameters, read_client
from gateway.http.telemetry import CANCELLED
from gateway.ops.trace import random_id
from gateway.wording.requests import RequestWording

SUBPROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT = 5.0  # seconds that a connection may take until it says whose it is
LONGEST_REASON = 123  # bytes that a close frame has room for (RFC 6455, 5.5)


class CloseCode(IntEnum):
    MESSAGE_TOO_BIG = 1009
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    CONNECTION_INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_ALREADY_EXISTS = 4409
    TOO_MANY_INITIALISATION_REQUESTS = 4429


class Close(Exception):  # noqa: N818 # the end of a connection, no fault of the program
    """The server ends the connection."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:LONGEST_REASON].decode(errors="ignore")


class _Bare(msgspec.Struct):
    payload: dict[str, Any] | None = None


class ConnectionInit(_Bare, tag="connection_init"): ...


class Ping(_Bare, tag="ping"): ...


class Pong(_Bare, tag="pong"): ...


class Subscribe(msgspec.Struct, tag="subscribe"):
    """`payload` holds the parameters of an operation, as the body of a POST does."""

    id: str
    payload: msgspec.Raw


class Complete(msgspec.Struct, tag="complete"):
    id: str


Message: TypeAlias = ConnectionInit | Ping | Pong | Subscribe | Complete

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


@dataclass(frozen=True, eq=False)
class WebSocketEndpoint:
    """Serves the connections of graphql-transport-ws. Each may have `max_operations` under way. `origins` are the web
    pages that may connect, besides the gateway's own. `writing` are mutations that run to their end, though their
    connection or their client has no use for it any more.
    """

    service: Service
    max_operations: int
    origins: Collection[str] = ()
    writing: set["asyncio.Task[None]"] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket, telemetry = WebSocket(scope, receive, send), self.service.telemetry
        if not may_connect(websocket.headers.get("origin"), websocket.headers.get("host"), self.origins):
            await websocket.close()  # before it is accepted: HTTP 403
        elif SUBPROTOCOL not in scope["subprotocols"]:
            await websocket.accept()
            telemetry.closed(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE.name)
            await websocket.close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
        else:
            await websocket.accept(SUBPROTOCOL)
            with telemetry.websockets.track_inprogress():
                await _Connection(self, websocket).serve()


def may_connect(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Whether a page may open a WebSocket: browsers ask no permission before they do (RFC 6455, 10.2).

    Pages of the gateway's own host may, and of the `allowed` origins, such as `https://console.example`. A client
    without an origin is not a web page: no browser adds credentials to what it sends.
    """
    if origin is None or origin in allowed:
        return True
    _scheme, separator, page_host = origin.partition("://")
    return bool(separator) and host is not None and page_host.lower() == host.lower()


class _Connection:
    def __init__(self, endpoint: WebSocketEndpoint, websocket: WebSocket) -> None:
        self._endpoint = endpoint
        self._service = endpoint.service
        self._websocket = websocket
        self._operations: dict[str, tuple[Operation, asyncio.Task[None]]] = {}  # by the client's id
        self._client = read_client(websocket.headers)

    async def serve(self) -> None:
        close: Close | None = None
        try:
            authorization = await self._initialise()
            authenticator = self._service.authenticator
            principal = (await authenticator.authenticate(authorization)).principal
            await self._send("connection_ack")
            async with while_believed(authenticator, authorization, principal):
                await self._take_messages(principal)
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
            limit = "bytes" if close.code is CloseCode.MESSAGE_TOO_BIG else ""
            self._service.telemetry.closed(close.code.name, limit)
            with suppress(WebSocketDisconnect, WebSocketDisconnected):
                await self._websocket.close(close.code, close.reason)

    async def _initialise(self) -> str | None:
        """Wait for `connection_init`. Returns the Authorization that it has, as browsers can set no headers, or that of
        the handshake. Raises Close.
        """
        message: Message | None = None
        try:
            async with asyncio.timeout(INIT_TIMEOUT):
                while not isinstance(message, ConnectionInit):
                    message = await self._receive()
                    if isinstance(message, Subscribe):
                        raise Close(CloseCode.UNAUTHORIZED, "Unauthorized")
                    if isinstance(message, Ping):
                        await self._send("pong")
        except TimeoutError:
            raise Close(CloseCode.CONNECTION_INITIALISATION_TIMEOUT, "Connection initialisation timeout") from None
        payload, headers = message.payload or {}, self._websocket.headers
        self._client = read_client(payload, headers)
        given = {name.lower(): value for name, value in payload.items()}
        authorization = given.get("authorization", headers.get("authorization"))
        if authorization is not None and not isinstance(authorization, str):
            raise Close(CloseCode.FORBIDDEN, "Authorization is a text")
        return authorization

    async def _take_messages(self, principal: Principal) -> None:
        """Raises Close, or WebSocketDisconnect."""
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

    async def _start(self, message: Subscribe, principal: Principal) -> None:
        if message.id in self._operations:
            raise Close(CloseCode.SUBSCRIBER_ALREADY_EXISTS, f"Subscriber for {message.id} already exists")
        context = copy_context()
        operation = context.run(Operation, self._service, "websocket", self._client, random_id())
        try:
            if len(self._operations) >= (bound := self._endpoint.max_operations):
                too_many = RequestWording.TOO_MANY_OPERATIONS(max=bound)
                raise QueryTooComplexError(too_many, "subscriptions", bound, bound + 1)
            parameters = parse_parameters("payload", bytes(message.payload), self._service.bounds)
        except UserInputError as error:
            raise Close(CloseCode.BAD_REQUEST, error.message) from None
        except QueryTooComplexError as error:
            operation.fail(error)
            self._service.telemetry.end(operation)
            await self._send("error", message.id, format_failure(error, operation.id))
            return
        task = asyncio.create_task(self._run(message.id, operation, parameters, principal), context=context)
        self._operations[message.id] = operation, task

    def _stop(self, id_: str) -> "asyncio.Task[None] | None":
        """Send nothing more for it, and free its id. A mutation runs to its end. Returns the task that ends now."""
        if id_ not in self._operations:
            return None
        operation, task = self._operations.pop(id_)
        if operation.is_done:
            task.cancel()
            return task
        self._endpoint.writing.add(task)
        task.add_done_callback(self._endpoint.writing.discard)
        return None

    async def _stop_all(self) -> None:
        tasks = [self._stop(id_) for id_ in list(self._operations)]
        await asyncio.gather(*filter(None, tasks), return_exceptions=True)

    async def _run(self, id_: str, operation: Operation, parameters: Parameters, principal: Principal) -> None:
        end: tuple[str, str, object] = ("complete", id_, None)
        try:
            operation.open(principal)
            async with aclosing(operation.answers(parameters)) as answers:
                async for answer, _ in answers:
                    if self._is_under_way(id_, operation):
                        await self._send("next", id_, orjson.Fragment(answer))
                    else:
                        operation.outcome = CANCELLED
        except asyncio.CancelledError:
            operation.outcome = CANCELLED
            raise
        except Exception as error:  # noqa: BLE001 # whatever ends it is reported; what is unexpected is logged as well
            end = ("error", id_, format_failure(operation.fail(error).error, operation.id))
        finally:
            self._service.telemetry.end(operation)
        if self._is_under_way(id_, operation):
            await self._send(*end)  # while the client does not read it is under way, and counts
            if self._is_under_way(id_, operation):
                del self._operations[id_]

    def _is_under_way(self, id_: str, operation: Operation) -> bool:
        return id_ in self._operations and self._operations[id_][0] is operation

    async def _receive(self) -> Message:
        """The next message of the client. Raises Close, or WebSocketDisconnect."""
        await asyncio.sleep(0)  # what has come already is given without waiting: others have their turn in between
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received["code"])
        if received.get("text") is None:
            raise Close(CloseCode.BAD_REQUEST, "Messages are texts")
        data, max_bytes = received["text"].encode(), self._service.bounds.body
        if len(data) > max_bytes:
            raise Close(CloseCode.MESSAGE_TOO_BIG, f"Messages have at most {max_bytes} bytes")
        try:
            return _decoder.decode(data)
        except (msgspec.DecodeError, RecursionError):
            raise Close(CloseCode.BAD_REQUEST, "Not a message of graphql-transport-ws") from None

    async def _send(self, type_: str, id_: str | None = None, payload: object = None) -> None:
        """Anything that orjson writes. To a client that has gone, nothing: the loop that reads learns of it as well."""
        message = {"type": type_, "id": id_, "payload": payload}
        text = orjson.dumps({name: value for name, value in message.items() if value is not None}).decode()
        with suppress(WebSocketDisconnect, WebSocketDisconnected):
            await self._websocket.send_text(text)
