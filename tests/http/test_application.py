"""Middleware and exception handlers of the Starlette application hold for every route."""

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.application import Application


class Marked:
    """Middleware that marks every answer."""

    def __init__(self, app: ASGIApp, mark: bytes) -> None:
        self.app = app
        self.mark = mark

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-mark", self.mark)]
            await send(message)

        await self.app(scope, receive, send_marked)


class Teapot:
    """An endpoint that fails, as any of the routes may."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise self.error


async def explain(_request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"handled {error}", 418)


@pytest.fixture
def client() -> httpx.AsyncClient:
    routes = [
        Route("/graphql", PlainTextResponse("answered")),
        Route("/known", Teapot(LookupError("lookup"))),
        Route("/refused", Teapot(HTTPException(409, "no"))),
        Route("/{name}/broken", Teapot(ValueError("secret"))),
    ]
    app = Application((), on_failure=lambda _error: None, routes=routes)
    app.add_middleware(Marked, b"1")
    app.add_exception_handler(LookupError, explain)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


async def test_middleware_holds_for_every_route(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql")
    assert (answer.text, answer.headers["x-mark"]) == ("answered", "1")
    assert (await client.get("/nothing")).headers["x-mark"] == "1"


async def test_exception_handler_answers_for_a_route(client: httpx.AsyncClient) -> None:
    answer = await client.get("/known")
    assert (answer.status_code, answer.text, answer.headers["x-mark"]) == (418, "handled lookup", "1")
    assert ((await client.get("/refused")).status_code, (await client.get("/nothing")).status_code) == (409, 404)


async def test_unhandled_exception_is_left_to_the_server(client: httpx.AsyncClient) -> None:
    with pytest.raises(ValueError, match="secret"):
        await client.get("/any/broken")
