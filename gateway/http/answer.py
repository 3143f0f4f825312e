"""A whole answer, and what all answers have in common."""

from typing import Any, Final

import msgspec
import orjson
from starlette.types import Send

from gateway.errors import QueryTooComplexError
from gateway.execution.documents import DocumentError
from gateway.http.errors import answer_extensions, format_failure
from gateway.http.headers import Headers, headers_of, lines_of
from gateway.http.negotiation import MediaType
from gateway.http.refusal import CLOSE

USUAL: Final = {
    media_type: lines_of(
        (
            (b"content-type", media_type.value),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        )
    )
    for media_type in MediaType
}
"""The lines that all answers of a media type have."""


class Answer(msgspec.Struct, frozen=True):
    """`lines` are those of the head (`gateway.http.headers`). `closes`: the connection ends with it."""

    status: int
    lines: bytes
    body: bytes
    closes: bool = False


def whole_answer(status: int, usual: bytes, id_: str, extra: bytes, body: bytes, *, closes: bool = False) -> Answer:
    """With the `usual` lines, those of its media type, and `extra` ones."""
    lines = b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b" % (usual, len(body), id_.encode(), extra)
    return Answer(status, lines, body, closes)


def only_errors(error: Exception, id_: str) -> bytes:
    """The JSON of a response without data."""
    body: dict[str, Any] = {"errors": format_failure(error, id_)}
    if extensions := answer_extensions(error):
        body["extensions"] = extensions
    return orjson.dumps(body)


def require_size(answer: bytes, bound: int) -> None:
    """Raises DocumentError where a document asks for more bytes than an answer may have."""
    if (requested := len(answer)) > bound:
        message = f"The answer has {requested} bytes; the limit is {bound}"
        raise DocumentError.of(QueryTooComplexError(message, "answer", bound, requested))


def error_answer(status: int, error: Exception, id_: str, headers: Headers = ()) -> Answer:
    """In JSON, where a request goes no further than the edge, with these headers besides the usual ones."""
    extra = lines_of(header for header in headers if header != CLOSE)
    return whole_answer(status, USUAL[MediaType.JSON], id_, extra, only_errors(error, id_), closes=CLOSE in headers)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send it by ASGI."""
    headers = headers_of(answer.lines)
    if answer.closes:
        headers.append(CLOSE)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
