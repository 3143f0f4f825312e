"""Errors as callers see them: the contract's codes, in JSON, and nothing that was not meant for them."""

import re
from collections.abc import Callable
from enum import Enum
from functools import partial
from math import ceil
from typing import Any, Final

import orjson
import structlog
from graphql import GraphQLError, ValueNode, VariableDefinitionNode
from starlette.responses import Response

from gateway.auth.masking import mask_text
from gateway.auth.rate import refused_headers
from gateway.errors import (
    GatewayError,
    IssuerUnavailableError,
    MethodNotAllowedError,
    QueryTooComplexError,
    RateLimitedError,
    UnauthenticatedError,
    UserInputError,
    drop_tracebacks,
)
from gateway.execution.documents import DocumentError
from gateway.http.server.bounds import Headers, RequestError
from gateway.ops.logs import traced
from gateway.ops.trace import random_id
from gateway.wording.codes import ErrorCode
from gateway.wording.faults import FaultWording
from gateway.wording.foreign import find_place, translate
from gateway.wording.wording import Text

LONGEST_WORD = 64
LONGEST_MESSAGE = 500

CLOSE: Final = (b"connection", b"close")  # where a body is left unread, or is still on its way

_LONG_WORD = re.compile(rf"(\S{{{LONGEST_WORD}}})\S+")

_PYTHON_WORD = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\b(?:None|True|False)\b""")
"""A word of Python's in a message of graphql-core. Quoted text is matched whole, so that it is left as it is."""

_GRAPHQL_WORDS = {"None": "null", "True": "true", "False": "false"}

_STATUS: Final = {
    ErrorCode.BAD_USER_INPUT: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.UPSTREAM_UNAVAILABLE: 503,
    ErrorCode.UPSTREAM_TIMEOUT: 504,
}
"""By code; others are 500."""

log = structlog.get_logger(__name__)


class MediaType(Enum):
    """The value is the content type of the answer; `headers` are those that every answer of this type has."""

    GRAPHQL_RESPONSE = b"application/graphql-response+json; charset=utf-8"
    JSON = b"application/json; charset=utf-8"
    EVENTS = b"text/event-stream; charset=utf-8"

    def __init__(self, content_type: bytes) -> None:
        self.headers = (
            (b"content-type", content_type),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        )


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
        if isinstance(error, RateLimitedError):
            headers += refused_headers(error)
        return cls(_STATUS.get(error.code, 500) if isinstance(error, GatewayError) else 500, error, *headers)


def json_response(body: bytes, request_id: str, status: int = 200, headers: Headers = ()) -> Response:
    """An answer in JSON, of a route or as an application of its own."""
    response = Response(body, status)
    response.raw_headers += [*MediaType.JSON.headers, (b"x-request-id", request_id.encode()), *headers]
    return response


def refusal_response(error: Exception) -> Response:
    """What answers where a request goes no further than the edge."""
    refusal, id_ = Refusal.from_error(error), random_id()
    return json_response(errors_json(refusal.error, id_), id_, refusal.status, refusal.headers)


def server_error_response(on_refusal: Callable[[Exception], object], error: Exception) -> Response:
    """What answers where the server refuses a request (RequestError), with its status and in the contract's codes, or
    where an application has raised an error.
    """
    if not isinstance(error, RequestError):
        return refusal_response(error)
    cause: GatewayError
    text = partial(translate, error.message)
    if error.status in (429, 503):
        cause = RateLimitedError(text(RateLimitedError.code), 1.0, subject=error.subject)
    elif error.bound is not None:
        cause = QueryTooComplexError(text(QueryTooComplexError.code), error.subject, error.bound)
    elif error.status == 405:
        cause = MethodNotAllowedError(text(MethodNotAllowedError.code))
    else:
        cause = UserInputError(error.subject, text(UserInputError.code))
    refusal = Refusal.from_error(cause)
    refusal.status = error.status
    on_refusal(cause)
    return refusal_response(refusal)


def errors_json(error: Exception, request_id: str) -> bytes:
    """The JSON of a response without data. What was not meant for callers is logged instead."""
    body: dict[str, Any] = {"errors": format_failure(error, request_id)}
    for each in error.errors if isinstance(error, DocumentError) else ():
        cause = each.original_error
        if isinstance(cause, QueryTooComplexError) and cause.limit == "cost":
            body["extensions"] = {"cost": {"requested": cause.requested, "limit": cause.bound}}
    return orjson.dumps(body)


def format_failure(error: Exception, request_id: str) -> list[dict[str, Any]]:
    """The `errors` of an operation that ended without a response. What was not meant for callers is logged instead."""
    if isinstance(error, DocumentError):
        return [format_error(each, request_id) for each in error.errors]
    if not isinstance(error, GatewayError):
        log_unexpected(error, request_id)
        error = GatewayError(FaultWording.INTERNAL())
    return [format_error(GraphQLError(error.message, original_error=error), request_id)]


def format_error(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """One entry of `errors` (GraphQL specification, 7.1.2, and the contract's codes).

    A GatewayError speaks for itself, and an error with a code was made for callers. What graphql-core says about the
    values of the request is BAD_USER_INPUT. Everything else is INTERNAL: logged with the request id, never shown.
    """
    cause, code = get_cause(error), get_code(error)
    message: Text
    if isinstance(cause, GatewayError):
        message = cause.message
        extensions = {name: mask_text(it) if isinstance(it, str) else it for name, it in cause.extensions().items()}
        extensions |= error.extensions or {}  # such as the community it is of
    elif code == GatewayError.code:
        log_unexpected(cause, request_id, error.path)
        message, extensions = FaultWording.INTERNAL(), {"code": code}
    else:
        message = translate(_presentable(error.message), code)
        extensions = dict(error.extensions or _about_value(error.message, message))
    extensions["messageZh"] = message.chinese
    extensions["requestId"] = request_id
    formatted: dict[str, Any] = {"message": message}
    if error.locations:
        formatted["locations"] = [location.formatted for location in error.locations]
    if error.path:
        formatted["path"] = error.path
    formatted["extensions"] = extensions
    drop_tracebacks(error)
    return formatted


def log_unexpected(error: BaseException, request_id: str, path: list[str | int] | None = None) -> None:
    """What happened and where, without the error's own text: it may quote what a platform or a caller sent."""
    log.error("unexpected error", request_id=request_id, path=path, **traced(error))


def get_code(error: Exception) -> ErrorCode:
    """The code that callers get for it, as `format_error` has it."""
    cause = get_cause(error)
    if isinstance(cause, GatewayError):
        return cause.code
    if not isinstance(error, GraphQLError):
        return GatewayError.code
    given = (error.extensions or {}).get("code")
    # Without a path nothing was resolved yet; with one, it points at the value of the argument that is to blame.
    nodes = error.nodes or ()
    is_about_input = error.path is None or any(isinstance(node, ValueNode | VariableDefinitionNode) for node in nodes)
    return ErrorCode(given or (UserInputError.code if is_about_input else GatewayError.code))


def get_cause(error: Exception) -> Exception:
    """The error under graphql-core's wrappings."""
    cause = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _about_value(said: str, message: Text) -> dict[str, Any]:
    """The extensions of what graphql-core `said` of an argument, or of a variable: as the gateway's own checks."""
    place = find_place(said)
    return {"code": UserInputError.code} if place is None else dict(UserInputError(place, message).extensions())


def _presentable(message: str) -> str:
    """The message in GraphQL's words. Long ones are cut; numbers of persons are masked even for who sent them."""
    cut = _LONG_WORD.sub(r"\1…", message)[:LONGEST_MESSAGE]
    return mask_text(_PYTHON_WORD.sub(lambda found: _GRAPHQL_WORDS.get(found[0], found[0]), cut))
