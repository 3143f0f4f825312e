"""The ASGI application: GraphQL over HTTP goes straight to its endpoint, all else through Starlette's routes."""

from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import UserInputError
from gateway.http.graphql import only_errors, send_answer
from gateway.http.hosts import Hosts
from gateway.http.negotiation import MediaType
from gateway.http.request_id import request_id

OPEN_PATHS: Final = ("/healthz", "/readyz")
"""Asked by machines that know the gateway by its address alone, and the same for everybody."""


class Application:
    """`graphql` answers at `graphql_path`; it is there when the lifespan of `others` has begun."""

    graphql: ASGIApp

    def __init__(self, others: Starlette, graphql_path: str, hosts: Hosts) -> None:
        self._others = others
        self._graphql_path = graphql_path
        self._hosts = hosts

    @property
    def state(self) -> State:
        return self._others.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._others(scope, receive, send)
        elif not self._hosts.accept(scope["headers"]) and scope["path"] not in OPEN_PATHS:
            await _misdirected(scope, send)
        elif scope["path"] == self._graphql_path and scope["type"] == "http":
            await self.graphql(scope, receive, send)
        else:
            await self._others(scope, receive, send)


async def _misdirected(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    id_ = request_id(None)
    error = UserInputError("host", "The gateway does not go by the name in the header host (GATEWAY_ALLOWED_HOSTS)")
    await send_answer(send, 421, MediaType.JSON, id_, (), only_errors(error, id_))
