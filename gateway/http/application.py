"""The ASGI application: GraphQL over HTTP goes straight to its endpoint, all else through Starlette's routes."""

import sys
from collections.abc import Callable
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.types import Message, Receive, Scope, Send

from gateway.errors import UserInputError
from gateway.http.answer import error_answer, send_answer
from gateway.http.endpoint import Answerer, Endpoint
from gateway.http.hosts import Hosts
from gateway.http.request_id import new_request_id

OPEN_PATHS: Final = ("/healthz", "/readyz")
"""Asked by machines that know the gateway by its address alone, and the same for everybody."""


log = structlog.get_logger(__name__)


class Application:
    """`graphql` answers at `graphql_path`; it is set when the lifespan of `others` has begun.

    `failed` is called with the error that kept the lifespan from beginning.
    """

    graphql: Endpoint

    def __init__(
        self, others: Starlette, graphql_path: str, hosts: Hosts, failed: Callable[[BaseException], object]
    ) -> None:
        self._others = others
        self._graphql_path = graphql_path
        self._hosts = hosts
        self._failed = failed

    @property
    def state(self) -> State:
        return self._others.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif not self._hosts.accept(scope["headers"]) and scope["path"] not in OPEN_PATHS:
            await _misdirected(scope, send)
        elif scope["path"] == self._graphql_path and scope["type"] == "http":
            await self.graphql(scope, receive, send)
        else:
            await self._others(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The lifespan. When it fails, Starlette sends its traceback to be logged, texts of exceptions included."""

        async def tell(message: Message) -> None:
            error = sys.exception()
            if message["type"] == "lifespan.startup.failed" and error is not None:
                self._failed(error)
            elif message["type"] == "lifespan.shutdown.failed":
                log.error("gateway did not end in order", exc_info=error)
            await send({"type": message["type"]})

        await self._others(scope, receive, tell)

    def answerer(self, scope: Scope) -> Answerer | None:
        """What answers the requests that have this head, without ASGI: GraphQL over HTTP, but for streams."""
        if scope["path"] == self._graphql_path and self._hosts.accept(scope["headers"]):
            return self.graphql.answerer(scope)
        return None


async def _misdirected(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    error = UserInputError("host", "This host is not the gateway's: GATEWAY_ALLOWED_HOSTS lists those that are")
    await send_answer(send, error_answer(421, error, new_request_id()))
