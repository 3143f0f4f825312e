"""What answers GraphQL over HTTP, as the server meets it."""

from typing import Protocol

from starlette.types import Receive, Scope, Send

from gateway.http.answer import Answer


class Answerer(Protocol):
    """Answers all requests that come with one head."""

    async def answer(self, receive: Receive, body: bytes | None = None, /) -> Answer:
        """The whole answer. `body` is all of the request's, where it has come already.

        Raises starlette's ClientDisconnect.
        """


class Endpoint(Protocol):
    """An ASGI application that can do with less than ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> None: ...

    def answerer(self, scope: Scope, /) -> Answerer | None:
        """What answers the requests that have the head of this scope; None where that takes ASGI."""
