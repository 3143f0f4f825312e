"""A small schema behind the real endpoint, on a real server and a real socket."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from math import inf
from types import SimpleNamespace
from typing import Any

import strawberry
import uvicorn
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.auth.principal import Principal
from gateway.auth.rate import RateHeaders
from gateway.commands.serve import server_options
from gateway.errors import ForbiddenError, NotConfiguredError, RateLimitedError, UnauthenticatedError
from gateway.execution.documents import Documents, Intake
from gateway.execution.executor import Executor
from gateway.execution.limits import Limits
from gateway.http.application import Application
from gateway.http.graphql import GraphQLEndpoint
from gateway.http.operation import Guard, Service
from gateway.http.request import Bounds
from gateway.http.telemetry import RequestMetrics
from gateway.ops.metrics import Metrics
from gateway.settings import Settings
from gateway.wording.faults import FaultWording
from gateway.wording.requests import RequestWording

SECRET = "upstream said: 999302199211302517 at https://platform.example/"

BOUNDS = Bounds(body=20_000, variables=10_000)

LIMITS = Limits(tokens=500, depth=6, aliases=5, root_fields=8, directives=10)


@dataclass
class Watched:
    """What happened on the server's side, seen from the test."""

    slow_started: threading.Event = field(default_factory=threading.Event)
    slow_cancelled: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)
    written: threading.Event = field(default_factory=threading.Event)
    resolved: int = 0


async def _set(event: threading.Event) -> None:
    """Until the test, which runs in another thread, sets the event."""
    while not event.is_set():  # noqa: ASYNC110 # an event of threads cannot be awaited
        await asyncio.sleep(0.01)


class Budget:
    def charge(self, calls: int, most: float) -> None:
        """Anybody may."""

    def settle(self, calls: int, *, refund: bool = True) -> RateHeaders:
        """Nobody counts."""
        return ()


class Context:
    """What the endpoint and the fields ask of the context of an operation."""

    age = deadline = failures = operation_name = None
    may_trace = False
    budget = Budget()
    principal = Principal("tester", frozenset(), None, inf)

    def __init__(self, watched: Watched) -> None:
        self.watched = watched

    def deny(self, field: str, scope: str) -> None:
        """No trail is kept."""


class Authenticator:
    """Turns callers away as the real one does, when they ask for it."""

    def trusts(self, _trusted: Any) -> bool:
        return False

    async def trusted(self, header: str | None) -> Any:
        match header:
            case "Bearer bad":
                raise UnauthenticatedError(RequestWording.TOKEN_NEEDED())
            case "Bearer weak":
                raise ForbiddenError(RequestWording.NOT_LOCAL())
            case "Bearer greedy":
                raise RateLimitedError(RequestWording.TOO_MANY_REQUESTS(), 1.2)
            case "Bearer broken":
                raise RuntimeError(SECRET)
        return SimpleNamespace(principal=Context.principal)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, info: strawberry.Info[Context, None], name: str = "world") -> str:
        info.context.watched.resolved += 1
        return f"hello {name}"

    @strawberry.field
    def echo(self, id: strawberry.ID) -> str:
        return str(id)

    @strawberry.field
    def nested(self) -> "Query":
        return Query()

    @strawberry.field
    def required(self) -> str:
        return None  # type: ignore[return-value] # a broken promise, on purpose

    @strawberry.field
    def fails(self) -> str | None:
        raise ValueError(SECRET)

    @strawberry.field
    def mistyped(self) -> int | None:
        return SECRET  # type: ignore[return-value] # a broken promise, on purpose

    @strawberry.field
    def not_configured(self) -> str | None:
        raise NotConfiguredError("SECURITY", "people", FaultWording.NOT_CONFIGURED())

    @strawberry.field
    def forbidden(self) -> str | None:
        raise ForbiddenError(RequestWording.SCOPE_NEEDED(scope="people:read"), "people:read")

    @strawberry.field
    async def slow(self, info: strawberry.Info[Context, None]) -> str:
        watched = info.context.watched
        watched.slow_started.set()
        try:
            await _set(watched.may_end)
        except asyncio.CancelledError:
            watched.slow_cancelled.set()
            raise
        return "at last"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write(self, info: strawberry.Info[Context, None]) -> bool:
        watched = info.context.watched
        watched.slow_started.set()
        await _set(watched.may_end)
        watched.written.set()
        return True

    @strawberry.mutation
    def touch(self, info: strawberry.Info[Context, None]) -> bool:
        info.context.watched.resolved += 1
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)._schema


@dataclass
class Server:
    port: int
    watched: Watched

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def endpoint(
    watched: Watched,
    *,
    limits: Limits = LIMITS,
    bounds: Bounds = BOUNDS,
    timeout: float = 10.0,
    largest_answer: int = 1_000_000,
    **documents: Any,
) -> GraphQLEndpoint:
    authenticator: Any = Authenticator()
    open_context: Any = lambda _principal, _id: Context(watched)  # noqa: E731
    service = Service(
        authenticator=authenticator,
        open_context=open_context,
        intake=Intake(Documents(SCHEMA, limits, 8, **documents)),
        executor=Executor(SCHEMA),
        guard=Guard(SCHEMA, lambda _field: frozenset()),
        bounds=bounds,
        timeout=timeout,
        largest_answer=largest_answer,
        metrics=RequestMetrics(Metrics()),
    )

    return GraphQLEndpoint(service)


def application(endpoint: GraphQLEndpoint) -> ASGIApp:
    return Application((), on_failure=lambda _error: None, routes=[Route("/graphql", endpoint)])


def without_header_blocks(endpoint: GraphQLEndpoint) -> ASGIApp:
    """The application as servers without that extension call it."""
    wrapped = application(endpoint)

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await wrapped({name: value for name, value in scope.items() if name != "extensions"}, receive, send)

    return call


@contextmanager
def running(app: ASGIApp, watched: Watched) -> Iterator[Server]:
    # Named as TCP, so that asyncio turns off the delay of small packets (Nagle) on its connections.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    options = server_options(Settings()) | {"log_level": "critical", "lifespan": "off", "ws": "none"}
    config = uvicorn.Config(app, **options | {"timeout_graceful_shutdown": 1})
    server = uvicorn.Server(config)
    started = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(server, listener, started)), daemon=True)
    thread.start()
    assert started.wait(10), "the server did not start"
    try:
        yield Server(listener.getsockname()[1], watched)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


async def _serve(server: uvicorn.Server, listener: socket.socket, started: threading.Event) -> None:
    listener.listen()
    started.set()  # connections wait in the backlog until the server takes them
    await server.serve([listener])


Serve = Callable[..., AbstractContextManager[Server]]
"""Starts a server with options of `endpoint`."""
