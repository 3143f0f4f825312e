"""The parameters of a GraphQL-over-HTTP request, from a JSON body or a query string."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope

from gateway.errors import GatewayError, QueryTooComplexError, UserInputError
from gateway.http.body import BodyTooLargeError, read_body
from gateway.http.refusal import CLOSE, Refusal

MAX_QUERY_STRING_FIELDS = 16


class Parameters(NamedTuple):
    """`query` is the text of the document. Absent optional parameters are None."""

    query: str
    operation_name: str | None
    variables: dict[str, Any] | None
    extensions: dict[str, Any] | None


async def read_parameters(scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, max_bytes: int) -> Parameters:
    """Of a GET or POST request.

    Raises Refusal: 400 for parameters that are not well formed, 413 and 414 for too many bytes, 415 for anything but
    JSON in UTF-8. Raises starlette's ClientDisconnect when the body breaks off.
    """
    try:
        if scope["method"] == "GET":
            return _from_query_string(scope["query_string"], max_bytes)
        _require_json(headers)
        return parse_parameters("body", await _read_body(headers, receive, max_bytes))
    except UserInputError as error:
        raise Refusal(400, error) from None


def parse_parameters(name: str, text: bytes) -> Parameters:
    """Of the JSON object that stands in `name`. Raises UserInputError."""
    return _checked(_json_object(name, text))


def _require_json(headers: Mapping[bytes, bytes]) -> None:
    """No simple content type is served, so no form of another site can post here."""
    content_type = headers.get(b"content-type", b"")
    if content_type != b"application/json" and not _is_json_utf8(content_type):
        raise Refusal(
            415,
            UserInputError("Content-Type", "The body must be application/json"),
            (b"accept-post", b"application/json"),
        )
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refusal(415, UserInputError("Content-Encoding", "The body must not be compressed"), CLOSE)


def _is_json_utf8(content_type: bytes) -> bool:
    media_type, *parameters = content_type.lower().split(b";")
    charsets = [
        value.strip(b'" ') for name, _, value in (p.partition(b"=") for p in parameters) if name.strip() == b"charset"
    ]
    return media_type.strip() == b"application/json" and all(charset in (b"utf-8", b"utf8") for charset in charsets)


async def _read_body(headers: Mapping[bytes, bytes], receive: Receive, max_bytes: int) -> bytes:
    try:
        return await read_body(receive, headers.get(b"content-length"), max_bytes)
    except BodyTooLargeError:
        raise Refusal(413, _too_large(max_bytes), CLOSE) from None


def _too_large(max_bytes: int) -> GatewayError:
    return QueryTooComplexError(f"The request is larger than {max_bytes} bytes", "bytes", max_bytes)


def _from_query_string(query_string: bytes, max_bytes: int) -> Parameters:
    """Variables and extensions are JSON texts; an empty parameter is an absent one."""
    if len(query_string) > max_bytes:
        raise Refusal(414, _too_large(max_bytes))
    try:
        fields = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=MAX_QUERY_STRING_FIELDS)
    except ValueError:
        raise UserInputError("query", "The query string is not URL-encoded UTF-8, or has too many fields") from None
    given: dict[str, Any] = dict(fields)
    if len(given) != len(fields):
        raise UserInputError("query", "The query string gives a parameter twice")
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _json_object(name, given[name].encode())
    return _checked(given)


def _checked(given: Mapping[str, Any]) -> Parameters:
    """Other names are reserved by the specification and ignored."""
    query = given.get("query")
    if not isinstance(query, str):
        raise UserInputError("query", "query is required and must be a string")
    operation_name = given.get("operationName")
    if not isinstance(operation_name, str | None):
        raise UserInputError("operationName", "operationName must be a string")
    return Parameters(query, operation_name or None, _object(given, "variables"), _object(given, "extensions"))


def _object(given: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = given.get(name)
    if not isinstance(value, dict | None):
        raise UserInputError(name, f"{name} must be an object")
    return value


def _json_object(name: str, text: bytes | bytearray) -> dict[str, Any]:
    """Strict JSON: UTF-8 without a mark, no NaN, no lone surrogates, and no member twice.

    msgspec is as strict as that but for members given twice, of which every parser picks the one it likes; integers
    of any length stay exact (quirk 77).
    """
    try:
        value = msgspec.json.decode(text)
        _UNIQUE_MEMBERS.decode(text.decode())
    except (ValueError, RecursionError):
        raise UserInputError(name, f"{name} is not valid JSON, or nests too deeply") from None
    if not isinstance(value, dict):
        raise UserInputError(name, f"{name} must be one JSON object")
    return value


def _require_unique(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) != len(members):
        raise ValueError


_UNIQUE_MEMBERS = json.JSONDecoder(object_pairs_hook=_require_unique)
