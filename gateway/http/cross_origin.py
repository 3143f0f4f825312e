"""Letting the web pages of listed origins read answers (CORS: Fetch, "HTTP-network protocol", 3.2).

Browsers let a page read what another origin answers, or send it JSON, only with that origin's leave. Credentials that a
browser adds by itself, such as cookies, are never allowed: a page shows the token it was given.
"""

from collections.abc import Collection
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from gateway.http.answer import Answer
from gateway.http.endpoint import Answerer, Endpoint
from gateway.http.headers import lines_of

REQUEST_HEADERS: Final = b", ".join(
    (
        b"accept",
        b"apollographql-client-name",
        b"apollographql-client-version",
        b"authorization",
        b"cache-control",
        b"content-type",
        b"traceparent",
        b"x-request-id",
    )
)

ANSWER_HEADERS: Final = b"age, ratelimit, ratelimit-policy, retry-after, x-request-id"
"""Those that a page may read besides the ones that it always may (Fetch, "CORS-safelisted response-header name")."""

MAX_AGE: Final = b"7200"
"""Seconds for which a browser need not ask again; Chromium heeds no more."""

VARY: Final = (b"vary", b"origin")


def with_origins(app: Endpoint, origins: Collection[str]) -> Endpoint:
    """`app`, for pages of these origins too."""
    return CrossOrigin(app, origins) if origins else app


class CrossOrigin:
    """Answers the questions that browsers ask beforehand, and marks the answers to listed origins."""

    def __init__(self, app: Endpoint, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None:
            await self._app(scope, receive, send)
        elif origin in self._origins and scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await _allow(origin, send)
        else:
            await self._app(scope, receive, _adding(self._marks(origin), send))

    def answerer(self, scope: Scope) -> Answerer | None:
        """The same for all requests with this head."""
        origin = dict(scope["headers"]).get(b"origin")
        answerer = self._app.answerer(scope)
        return answerer if origin is None or answerer is None else _Marking(answerer, lines_of(self._marks(origin)))

    def _marks(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """What tells a browser whether its page may read the answer."""
        if origin not in self._origins:
            return [VARY]
        exposed = (b"access-control-expose-headers", ANSWER_HEADERS)
        return [(b"access-control-allow-origin", origin), exposed, VARY]


class _Marking:
    """Adds lines to all answers."""

    def __init__(self, answerer: Answerer, lines: bytes) -> None:
        self._answerer = answerer
        self._lines = lines

    async def answer(self, receive: Receive, body: bytes | None = None) -> Answer:
        answer = await self._answerer.answer(receive, body)
        return Answer(answer.status, answer.lines + self._lines, answer.body, answer.closes)


async def _allow(origin: bytes, send: Send) -> None:
    headers = [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", REQUEST_HEADERS),
        (b"access-control-max-age", MAX_AGE),
        VARY,
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body"})


def _adding(headers: list[tuple[bytes, bytes]], send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return add
