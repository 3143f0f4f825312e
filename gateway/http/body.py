"""Reading a request's body without trusting its length."""

from starlette.requests import ClientDisconnect
from starlette.types import Receive


class BodyTooLargeError(Exception):
    """The body is longer than the limit. What is left of it has not been read."""


async def read_body(receive: Receive, content_length: bytes | None, max_bytes: int) -> bytes:
    """The whole body. `content_length` is checked first, and what really comes is counted.

    Raises BodyTooLargeError, or starlette's ClientDisconnect when the client goes away before the end.
    """
    if content_length is not None and (not content_length.isdigit() or int(content_length) > max_bytes):
        raise BodyTooLargeError
    chunks: list[bytes] = []
    received = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body: bytes = message.get("body", b"")
        received += len(body)
        if received > max_bytes:
            raise BodyTooLargeError
        if not message.get("more_body", False):
            return b"".join((*chunks, body)) if chunks else body
        chunks.append(body)
