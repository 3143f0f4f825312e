"""The ASGI application: Starlette's, with the names it answers to and the pages it answers."""

import re
import sys
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from gateway.errors import GatewayError, UserInputError
from gateway.http.errors import Refusal, refusal_response
from gateway.http.server.connection import HEADER_BLOCK
from gateway.wording.requests import RequestWording

OPEN_PATHS: Final = ("/healthz", "/readyz", "/metrics")  # for machines that know the gateway by its address alone

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

PREFLIGHT_SECONDS: Final = 7200  # for which a browser need not ask again; Chromium heeds no more

log = structlog.get_logger(__name__)


class Application(Starlette):
    """Answers requests that are for one of the `hosts`, such as `gateway.example`, on any port; with none, for all.

    Against web pages that have their own name point at the gateway (DNS rebinding). Starlette's TrustedHostMiddleware
    takes `*.example` for a pattern, exempts no path, and answers 400 in plain text. `on_failure` is called with the
    error that kept the lifespan from beginning, `on_refusal` with that of a request that is for another host.
    """

    def __init__(
        self,
        hosts: Collection[str],
        on_failure: Callable[[BaseException], object],
        on_refusal: Callable[[GatewayError], object] = lambda _error: None,
        *,
        routes: Sequence[BaseRoute] = (),
        lifespan: Lifespan["Application"] | None = None,
    ) -> None:
        super().__init__(lifespan=lifespan, exception_handlers={GatewayError: _refuse, Refusal: _refuse})
        self.router.redirect_slashes = False  # it would send forms on without TLS
        self.serve(routes)
        names = [re.escape(f"[{name}]" if ":" in name else name) for name in hosts]
        self._host = re.compile(f"(?:{'|'.join(names)})(?::[0-9]*)?".encode(), re.IGNORECASE) if names else None
        self._on_failure = on_failure
        self._on_refusal = on_refusal

    def serve(self, routes: Sequence[BaseRoute]) -> None:
        """Answer requests by these routes from now on."""
        self.router.routes[:] = routes
        self._exact = {route.path: route for route in routes if isinstance(route, Route) and not route.param_convertors}

    def build_middleware_stack(self) -> ASGIApp:
        """The middleware around the routes, without the two layers of Starlette's own: see `_route`."""
        app: ASGIApp = self._route
        for middleware, arguments, options in reversed(self.user_middleware):
            app = middleware(app, *arguments, **options)
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, partial(self._notify, send))
            return
        shared = scope.get("extensions", {}).get(HEADER_BLOCK, {})
        is_for = shared.get(self)
        if is_for is None:  # else it was asked for an earlier request with the same header block
            host = next((value for name, value in scope["headers"] if name == b"host"), b"")
            is_for = shared[self] = self._host is None or self._host.fullmatch(host) is not None
        if is_for or scope["path"] in OPEN_PATHS:
            scope["app"] = self
            if self.middleware_stack is None:
                self.middleware_stack = self.build_middleware_stack()
            await self.middleware_stack(scope, receive, send)
        else:
            error = UserInputError("host", RequestWording.OTHER_HOST())
            self._on_refusal(error)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close"})
            else:
                await refusal_response(Refusal(421, error))(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by a route. What it raises goes to the exception handlers, and else to the server.

        A path without parameters is looked up, and exceptions are handled when there is one. Starlette would try one
        expression after the other and make a request and four functions for each request, for 3 % of a list.
        """
        try:
            route = self._exact.get(scope["path"]) if scope["type"] == "http" else None
            if route is None or (route.methods and scope["method"] not in route.methods):
                await self.router(scope, receive, send)
            else:
                scope["route"] = route
                await route.app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 # any that a handler is for; others are raised again
            await ExceptionMiddleware(partial(_raise, error), self.exception_handlers)(scope, receive, send)

    async def _notify(self, send: Send, message: Message) -> None:
        """Send a message of the lifespan, but not the traceback of a failure, which has texts of exceptions."""
        error = sys.exception()
        if message["type"] == "lifespan.startup.failed" and error is not None:
            self._on_failure(error)
        elif message["type"] == "lifespan.shutdown.failed":
            log.error("gateway did not end in order", exc_info=error)
        await send({"type": message["type"]})


async def _raise(error: Exception, *_asgi: object) -> None:
    raise error


async def _refuse(_request: Request, error: Exception) -> Response:
    return refusal_response(error)


class ListedOrigins(CORSMiddleware):
    """`app`, with answers that the web pages of these origins may read (CORS: Fetch, "HTTP-network protocol", 3.2).

    Their requests may have `headers` besides PAGE_REQUEST_HEADERS. Browsers add no credentials: a page sends the token
    it was given. Starlette's CORSMiddleware gives most of its headers to all origins: others get none from here.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str], headers: Collection[str] = ()) -> None:
        super().__init__(
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
        if origin is not None and origin.decode("latin-1") in self.allow_origins:
            await super().__call__(scope, receive, send)
        elif origin is None or scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
        else:
            await self._for_others(scope, receive, send)
