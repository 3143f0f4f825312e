"""Answers in JSON of the GraphQL endpoints and of the server: Starlette responses with the contract's errors."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import ceil
from typing import Any, Final

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.auth.rate import WINDOW, Allowance
from gateway.errors import (
    GatewayError,
    IssuerUnavailableError,
    MethodNotAllowedError,
    QueryTooComplexError,
    RateLimitedError,
    UnauthenticatedError,
    UserInputError,
)
from gateway.execution.documents import DocumentError
from gateway.http.errors import answer_extensions, format_failure
from gateway.http.negotiation import MediaType
from gateway.http.request import new_request_id
from gateway.http.server.connection import WHOLE_ANSWER
from gateway.http.server.head import Headers, RequestError
from gateway.wording.foreign import wire_text
from gateway.wording.requests import RequestWording

CLOSE: Final = (b"connection", b"close")
"""Where a body is left unread, or is still on its way."""

_STATUS: Final = {
    "BAD_USER_INPUT": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    "UPSTREAM_UNAVAILABLE": 503,
    "UPSTREAM_TIMEOUT": 504,
}


class JSONBytesResponse(Response):
    """`body` is JSON already. Starlette's constructor encodes each header of each answer: 3 µs of some 90."""

    def __init__(
        self, body: bytes, request_id: str, status: int, media_type: MediaType = MediaType.JSON, headers: Headers = ()
    ) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [
            *media_type.headers,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            *headers,
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        send_whole = scope.get("extensions", {}).get(WHOLE_ANSWER)
        if send_whole is None:
            await super().__call__(scope, receive, send)
        else:
            await send_whole(self.status_code, self.raw_headers, self.body)


class Refusal(Exception):  # noqa: N818 # the answer to a request, no fault of the program
    """Answered with `status`, the one `error` and these headers besides the common ones."""

    def __init__(self, status: int, error: Exception, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error
        self.headers: Headers = headers

    @classmethod
    def from_error(cls, error: Exception) -> "Refusal":
        """The refusal for an error that leaves no data to answer with, whatever the media type."""
        if isinstance(error, Refusal):
            return error
        headers: list[tuple[bytes, bytes]] = []
        if isinstance(error, UnauthenticatedError):
            headers.append((b"www-authenticate", b"Bearer"))
        if isinstance(error, RateLimitedError | IssuerUnavailableError):
            headers.append((b"retry-after", str(ceil(error.retry_after)).encode()))
        if isinstance(error, RateLimitedError) and error.limit is not None:
            headers += rate_headers((Allowance(error.limit, 0, error.retry_after, error.policy),))
        return cls(_STATUS.get(error.code, 500) if isinstance(error, GatewayError) else 500, error, *headers)


def rate_headers(allowances: Sequence[Allowance]) -> Headers:
    """The caller's policies and their state (draft-ietf-httpapi-ratelimit-headers-10, "RateLimit header fields")."""
    policies, states = [], []
    for each in allowances:
        policy, state = _rate_items(each.policy, each.limit)
        policies.append(policy)
        states.append(state % (each.remaining, ceil(each.reset_after)))
    return (b"ratelimit-policy", b", ".join(policies)), (b"ratelimit", b", ".join(states))


@lru_cache(maxsize=8)
def _rate_items(policy: str, limit: int) -> tuple[bytes, bytes]:
    """Of one policy: its item, and that of its state, to be formatted. Each answer has both: 0.5 µs less."""
    name = policy.encode()
    return b'"%b";q=%d;w=%d' % (name, limit, WINDOW), b'"%b";r=%%d;t=%%d' % name


def errors_json(error: Exception, request_id: str) -> bytes:
    """The JSON of a response without data."""
    body: dict[str, Any] = {"errors": format_failure(error, request_id)}
    if extensions := answer_extensions(error):
        body["extensions"] = extensions
    return orjson.dumps(body)


LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer to a query, and of an event of a subscription."""


def require_size(answer: bytes, bound: int) -> None:
    """Raises DocumentError where a document asks for more bytes than an answer may have."""
    if (requested := len(answer)) > bound:
        message = RequestWording.ANSWER_TOO_LARGE(requested=requested, max=bound)
        raise DocumentError.of(QueryTooComplexError(message, "answer", bound, requested))


def refusal_response(refusal: Refusal, request_id: str, headers: Headers = ()) -> Response:
    """Where a request goes no further than the edge, with these headers besides its own."""
    body = errors_json(refusal.error, request_id)
    return JSONBytesResponse(body, request_id, refusal.status, headers=(*headers, *refusal.headers))


def server_error_response(error: Exception, on_refusal: Callable[[Exception], object] = lambda _: None) -> Response:
    """For what the server refuses (RequestError), and for what an application raised."""
    id_ = new_request_id()
    if isinstance(error, RequestError):
        refusal = _server_refusal(error)
        on_refusal(refusal.error)
        return refusal_response(refusal, id_)
    return JSONBytesResponse(errors_json(error, id_), id_, 500)


def _server_refusal(error: RequestError) -> Refusal:
    """In the contract's codes, with the status that the server gives."""
    if error.status in (429, 503):
        message = wire_text(error.message, RateLimitedError.code)
        refusal = Refusal.from_error(RateLimitedError(message, 1.0, subject=error.subject))
        refusal.status = error.status
        return refusal
    if error.bound is not None:
        message = wire_text(error.message, QueryTooComplexError.code)
        return Refusal(error.status, QueryTooComplexError(message, error.subject, error.bound))
    if error.status == 405:
        return Refusal(error.status, MethodNotAllowedError(wire_text(error.message, MethodNotAllowedError.code)))
    return Refusal(error.status, UserInputError(error.subject, wire_text(error.message, UserInputError.code)))
