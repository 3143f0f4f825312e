"""The ASGI application: names it answers to, pages it answers, and Starlette's routes."""

import sys
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import GatewayError, UserInputError
from gateway.http.request import new_request_id
from gateway.http.responses import Refusal, refusal_response
from gateway.wording.requests import RequestWording

OPEN_PATHS: Final = ("/healthz", "/readyz", "/metrics")
"""Asked by machines that know the gateway by its address alone, and the same for everybody."""

LONGEST_HOST: Final = 255

PAGE_REQUEST_HEADERS: Final = (
    "Apollographql-Client-Name",
    "Apollographql-Client-Version",
    "Authorization",
    "Baggage",
    "Cache-Control",
    "Graphql-Client-Name",
    "Graphql-Client-Version",
    "Last-Event-Id",
    "Sentry-Trace",
    "Traceparent",
    "Tracestate",
    "X-Request-Id",
)
"""Those that any listed page may send: what the gateway reads, and what tracing libraries add to every request."""

PAGE_ANSWER_HEADERS: Final = ("age", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id")
"""Those that a page may read besides the ones that it always may (Fetch, "CORS-safelisted response-header name")."""

PREFLIGHT_SECONDS: Final = 7200
"""For which a browser need not ask again; Chromium heeds no more."""

log = structlog.get_logger(__name__)


class Application:
    """`others` answers, GraphQL included, where a request is for one of the `hosts`.

    `on_failure` is called with the error that kept the lifespan from beginning, `on_refusal` with that of a request
    that is for another host.
    """

    def __init__(
        self,
        others: Starlette,
        hosts: "Hosts",
        on_failure: Callable[[BaseException], object],
        on_refusal: Callable[[GatewayError], object] = lambda _error: None,
    ) -> None:
        self._others = others
        self._hosts = hosts
        self._on_failure = on_failure
        self._on_refusal = on_refusal

    @property
    def state(self) -> State:
        return self._others.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif not self._hosts.accept(scope["headers"]) and scope["path"] not in OPEN_PATHS:
            await self._misdirect(scope, receive, send)
        else:
            await self._others(scope, receive, send)

    async def _misdirect(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = UserInputError("host", RequestWording.OTHER_HOST())
        self._on_refusal(error)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            await refusal_response(Refusal(421, error), new_request_id())(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The lifespan. When it fails, Starlette sends its traceback to be logged, texts of exceptions included."""

        async def notify(message: Message) -> None:
            error = sys.exception()
            if message["type"] == "lifespan.startup.failed" and error is not None:
                self._on_failure(error)
            elif message["type"] == "lifespan.shutdown.failed":
                log.error("gateway did not end in order", exc_info=error)
            await send({"type": message["type"]})

        await self._others(scope, receive, notify)


class Hosts:
    """The names of the `Host` header, such as `gateway.example`, that are answered, on any port; with none, all are.

    Against web pages that have their own name point at the gateway (DNS rebinding). Starlette's TrustedHostMiddleware
    is laxer: it takes `*` and `*.example` for patterns. It also exempts no path, and answers 400 in plain text.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._is_named = lru_cache(maxsize=64)(self._names_it)

    def accept(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether a request with these headers is for the gateway."""
        if not self._names:
            return True
        for name, value in headers:
            if name == b"host":
                return len(value) <= LONGEST_HOST and self._is_named(value)
        return False

    def _names_it(self, host: bytes) -> bool:
        """With or without port; IPv6 addresses have brackets there."""
        text = host.decode("latin-1").lower()
        name, separator, port = text.rpartition(":")
        if not separator or port.endswith("]"):
            name, port = text, ""
        if port and not port.isdigit():
            return False
        return name.removeprefix("[").removesuffix("]") in self._names


class ListedOrigins:
    """`app`, with answers that the web pages of these origins may read (CORS: Fetch, "HTTP-network protocol", 3.2).

    Their requests may have `headers` besides PAGE_REQUEST_HEADERS.
    Browsers add no credentials, such as cookies: a page sends the token it was given. Starlette's CORSMiddleware gives
    its headers to all origins but for the one that lets the page read: others get none from here.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str], headers: Collection[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)
        self._for_listed = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=(*PAGE_REQUEST_HEADERS, *headers),
            expose_headers=PAGE_ANSWER_HEADERS,
            max_age=PREFLIGHT_SECONDS,
        )
        self._for_others = CORSMiddleware(app)  # which lists none: all it adds is Vary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = dict(scope["headers"]).get(b"origin")
        if origin is None or (origin not in self._origins and scope["method"] == "OPTIONS"):
            await self._app(scope, receive, send)
            return
        scope = {**scope, "extensions": {}}  # whole answers would pass the middleware by
        await (self._for_listed if origin in self._origins else self._for_others)(scope, receive, send)


def for_pages(app: ASGIApp, origins: Collection[str], headers: Collection[str]) -> ASGIApp:
    """`app`, also for the web pages of these origins, if there are any."""
    return ListedOrigins(app, origins, headers) if origins else app
