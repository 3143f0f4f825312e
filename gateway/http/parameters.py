"""The parameters of a GraphQL-over-HTTP request, from a JSON body or a query string."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from gateway.errors import GatewayError, QueryTooComplexError, UserInputError
from gateway.http.request import RequestHead
from gateway.http.responses import CLOSE, Refusal
from gateway.wording.requests import RequestWording

MAX_QUERY_STRING_FIELDS = 16

MOST_NESTED = 32
"""Levels of objects and lists inside each other, in what comes with a document."""

DOCUMENT_ID_PREFIX = "sha256:"

Json: TypeAlias = dict[str, Any]


class BodyTooLargeError(Exception):
    """The body is longer than the limit. What is left of it has not been read."""


class Bounds(NamedTuple):
    """The largest requests, in bytes: `body` of all of it, `variables` of all but the text of the document."""

    body: int
    variables: int = 64 * 1024


class Parameters(msgspec.Struct, frozen=True):
    """`query` is the text of the document, `document_id` its identifier: one of them is there, or both.

    Absent optional parameters are None.
    """

    query: str | None
    operation_name: str | None
    variables: Json | None
    extensions: Json | None
    document_id: str | None


async def read_parameters(head: RequestHead, receive: Receive, bounds: Bounds) -> Parameters:
    """Of a GET or POST request.

    Raises Refusal: 400 for parameters that are not well formed, 413 and 414 for too many bytes, 415 for anything but
    JSON in UTF-8. Raises starlette's ClientDisconnect when the body breaks off.
    """
    try:
        if head.method == "GET":
            return _from_query_string(head.query_string, bounds)
        if not head.is_json or head.is_compressed:
            raise _not_json(head)
        body = await read_body(receive, head.fields.get(b"content-length"), bounds.body)
        return parse_parameters("body", body, bounds)
    except BodyTooLargeError:
        raise Refusal(413, _too_large(bounds.body), CLOSE) from None
    except UserInputError as error:
        raise Refusal(400, error) from None
    except QueryTooComplexError as error:
        raise Refusal(413, error) from None


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


def parse_parameters(name: str, text: bytes, bounds: Bounds) -> Parameters:
    """Of the JSON object that stands in `name`. Raises UserInputError, or QueryTooComplexError for its size."""
    if len(text) > bounds.variables:
        _require_small(name, text, bounds.variables)
    return _checked(_json_object(name, text))


def _not_json(head: RequestHead) -> Refusal:
    """No simple content type is served, so no form of another site can post here."""
    if not head.is_json:
        error = UserInputError("Content-Type", RequestWording.NO_JSON_TYPE())
        return Refusal(415, error, (b"accept-post", b"application/json"))
    return Refusal(415, UserInputError("Content-Encoding", RequestWording.COMPRESSED()), CLOSE)


def _too_large(max_bytes: int) -> GatewayError:
    return QueryTooComplexError(RequestWording.TOO_LARGE(max=max_bytes), "bytes", max_bytes)


def _from_query_string(query_string: bytes, bounds: Bounds) -> Parameters:
    """Variables and extensions are JSON texts; an empty parameter is an absent one."""
    if len(query_string) > bounds.body:
        raise Refusal(414, _too_large(bounds.body))
    try:
        fields = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=MAX_QUERY_STRING_FIELDS)
    except ValueError:
        raise UserInputError("query", RequestWording.QUERY_STRING()) from None
    given: dict[str, Any] = dict(fields)
    if len(given) != len(fields):
        raise UserInputError("query", RequestWording.PARAMETER_TWICE())
    for name in ("variables", "extensions"):
        if name in given:
            text = given[name].encode()
            _require_at_most(bounds.variables, len(text))
            given[name] = _json_object(name, text)
    return _checked(given)


def _checked(given: Mapping[str, Any]) -> Parameters:
    """Other names are reserved by the specification and ignored.

    Clients that are made to send a text, as graphql-ws has it, send an empty one beside an identifier.
    """
    get = given.get
    query, operation_name = get("query"), get("operationName")
    variables, extensions = get("variables"), get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise UserInputError("extensions", RequestWording.NO_OBJECT(name="extensions"))
    document_id = _document_id(given, extensions)
    if query == "" and document_id is not None:
        query = None
    if not isinstance(query, str) and (query is not None or document_id is None):
        raise UserInputError("query", RequestWording.STRING_REQUIRED(name="query"))
    if operation_name is not None and not isinstance(operation_name, str):
        raise UserInputError("operationName", RequestWording.NO_STRING(name="operationName"))
    if variables is not None and not isinstance(variables, dict):
        raise UserInputError("variables", RequestWording.NO_OBJECT(name="variables"))
    return Parameters(query, operation_name or None, variables, extensions, document_id)


def _document_id(given: Mapping[str, Any], extensions: Json | None) -> str | None:
    """By any of its names: `documentId` (GraphQL over HTTP, "Persisted Documents"), `doc_id` (Relay), and
    `extensions.persistedQuery` (Apollo's automatic persisted queries).
    """
    id_ = given.get("documentId") or given.get("doc_id")
    if id_ is None and extensions is not None and "persistedQuery" in extensions:
        persisted = extensions["persistedQuery"]
        if not isinstance(persisted, dict) or persisted.get("version") != 1:
            raise UserInputError("extensions.persistedQuery", RequestWording.PERSISTED_VERSION())
        id_ = persisted.get("sha256Hash")
        if not isinstance(id_, str):
            raise UserInputError(
                "extensions.persistedQuery.sha256Hash", RequestWording.STRING_REQUIRED(name="sha256Hash")
            )
    if id_ is None:
        return None
    if not isinstance(id_, str):
        raise UserInputError("documentId", RequestWording.NO_STRING(name="documentId"))
    return id_.removeprefix(DOCUMENT_ID_PREFIX)


class _Document(msgspec.Struct):
    query: msgspec.Raw = msgspec.Raw()


def _require_small(name: str, text: bytes, max_bytes: int) -> None:
    """Raises QueryTooComplexError where more than the document makes a request large, before all of it is decoded."""
    try:
        document = msgspec.json.decode(text, type=_Document).query
    except ValueError:
        raise _no_json(name) from None
    except RecursionError:
        raise _too_nested() from None
    _require_at_most(max_bytes, len(text) - len(document))


def _require_at_most(max_bytes: int, length: int) -> None:
    if length > max_bytes:
        message = RequestWording.VARIABLES_TOO_LARGE(requested=length, max=max_bytes)
        raise QueryTooComplexError(message, "variables", max_bytes, length)


def _json_object(name: str, text: bytes) -> Json:
    """Strict JSON: UTF-8 without a mark, no NaN, no lone surrogates, and no member twice.

    msgspec is as strict as that but for members given twice, of which every parser picks the one it likes. Integers of
    any length stay exact (quirk 77).
    """
    try:
        value = msgspec.json.decode(text)
        if isinstance(value, dict):
            if text.count(b"{") + text.count(b"[") > MOST_NESTED:
                _require_shallow(value, MOST_NESTED)
            _require_unique(text, value)
            return value
    except ValueError:
        raise _no_json(name) from None
    except RecursionError:
        raise _too_nested() from None
    if isinstance(value, list):
        raise UserInputError(name, RequestWording.NO_BATCHES(name=name))
    raise UserInputError(name, RequestWording.ONE_OBJECT(name=name))


def _no_json(name: str) -> UserInputError:
    return UserInputError(name, RequestWording.NO_JSON(name=name))


def _too_nested() -> QueryTooComplexError:
    return QueryTooComplexError(RequestWording.NESTING(max=MOST_NESTED), "nesting", MOST_NESTED)


def _require_shallow(value: Json | list[Any], levels: int) -> None:
    if not levels:
        raise _too_nested()
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            _require_shallow(item, levels - 1)


def _require_unique(text: bytes, value: Json) -> None:
    """Raises ValueError for a member given twice: its colon is in the text, and not in the value.

    The decoder alone would do; with the comparison it runs only for texts that may have such a member, or that write
    colons as escapes. That saves 2 µs of some 90 (docs/adr/0006-connections.md).
    """
    if b"\\u003" in text or text.count(b":") != msgspec.json.encode(value).count(b":"):
        _UNIQUE_MEMBERS.raw_decode(text.decode().lstrip())


def _require_unique_names(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) != len(members):
        raise ValueError


_UNIQUE_MEMBERS = json.JSONDecoder(object_pairs_hook=_require_unique_names)
