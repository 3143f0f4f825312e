"""Answers of the GraphQL endpoint, compressed with gzip for clients that accept it."""

from typing import Final

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.server.exchange import WHOLE_ANSWER

LEVEL: Final = 4
"""Of zlib. 50 orders of 10.9 KB: 3.4 KB in 0.16 ms; level 9 takes 0.33 ms for 3.2 KB, level 1 0.07 ms for 3.5 KB."""


class Compressed:
    """`app`, whose answers from `minimum_size` bytes on are compressed by Starlette's middleware.

    Event streams are not: each event has to arrive at once. The middleware takes any `gzip` in `Accept-Encoding` for
    consent, even `gzip;q=0`; here the weights are read first (RFC 9110, 12.5.3).
    """

    def __init__(self, app: ASGIApp, minimum_size: int) -> None:
        self._app = GZipMiddleware(app, minimum_size=minimum_size, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        extensions = dict(scope.get("extensions", {}))
        extensions.pop(WHOLE_ANSWER, None)  # whole answers would pass the middleware by
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding" or takes_gzip(value)]
        await self._app({**scope, "extensions": extensions, "headers": headers}, receive, send)


def compressed(app: ASGIApp, minimum_size: int) -> ASGIApp:
    """`app`, with compressed answers unless the size is 0."""
    return Compressed(app, minimum_size) if minimum_size else app


def takes_gzip(accept_encoding: bytes) -> bool:
    """Whether the header's value allows gzip by its name."""
    for part in accept_encoding.lower().split(b","):
        coding, _, weight = part.partition(b";")
        if coding.strip() == b"gzip":
            return weight.replace(b" ", b"").rstrip(b"0") not in (b"q=", b"q=0.")
    return False
