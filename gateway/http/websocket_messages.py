"""The messages of graphql-transport-ws, and why a connection is closed (graphql-ws, PROTOCOL.md)."""

from enum import IntEnum
from typing import Any, TypeAlias

import msgspec
import orjson

SUBPROTOCOL = "graphql-transport-ws"

LONGEST_REASON = 123
"""Bytes that a close frame has room for (RFC 6455, 5.5)."""


class CloseCode(IntEnum):
    MESSAGE_TOO_BIG = 1009
    TRY_AGAIN_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    CONNECTION_INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_ALREADY_EXISTS = 4409
    TOO_MANY_INITIALISATION_REQUESTS = 4429


class Close(Exception):  # noqa: N818 # the end of a connection, no fault of the program
    """The server ends the connection."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:LONGEST_REASON].decode(errors="ignore")


class ConnectionInit(msgspec.Struct, tag="connection_init", frozen=True):
    payload: dict[str, Any] | None = None


class Ping(msgspec.Struct, tag="ping", frozen=True):
    payload: dict[str, Any] | None = None


class Pong(msgspec.Struct, tag="pong", frozen=True):
    payload: dict[str, Any] | None = None


class Subscribe(msgspec.Struct, tag="subscribe", frozen=True):
    """`payload` holds the parameters of an operation, as the body of a POST does."""

    id: str
    payload: msgspec.Raw


class Complete(msgspec.Struct, tag="complete", frozen=True):
    id: str


Message: TypeAlias = ConnectionInit | Ping | Pong | Subscribe | Complete

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def read_message(text: str | None, max_bytes: int) -> Message:
    """A message of the client's; None stands for binary data. Raises Close."""
    if text is None:
        raise Close(CloseCode.BAD_REQUEST, "Messages are texts")
    data = text.encode()
    if len(data) > max_bytes:
        raise Close(CloseCode.MESSAGE_TOO_BIG, f"Messages have at most {max_bytes} bytes")
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise Close(CloseCode.BAD_REQUEST, "Not a message of graphql-transport-ws") from None


def write_message(type_: str, id_: str | None = None, payload: object = None) -> str:
    """A message of the server's. `payload` is anything that orjson writes, orjson.Fragment included."""
    message: dict[str, object] = {"type": type_}
    if id_ is not None:
        message["id"] = id_
    if payload is not None:
        message["payload"] = payload
    return orjson.dumps(message).decode()
