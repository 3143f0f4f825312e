"""The parameters of a GraphQL-over-HTTP request, from a JSON body or a query string."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope

from gateway.errors import GatewayError, QueryTooComplexError, UserInputError
from gateway.http.body import BodyTooLargeError, read_body
from gateway.http.refusal import CLOSE, Refusal

MAX_QUERY_STRING_FIELDS = 16

MOST_NESTED = 32
"""Levels of objects and lists inside each other, in what comes with a document."""

DOCUMENT_ID_PREFIX = "sha256:"

Json: TypeAlias = dict[str, Any]


class Bounds(NamedTuple):
    """The largest requests, in bytes: `body` of all of it, `variables` of all but the text of the document."""

    body: int
    variables: int


class Parameters(msgspec.Struct, frozen=True):
    """`query` is the text of the document, `document_id` its identifier: one of them is there, or both.

    Absent optional parameters are None.
    """

    query: str | None
    operation_name: str | None
    variables: Json | None
    extensions: Json | None
    document_id: str | None


async def read_parameters(scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, bounds: Bounds) -> Parameters:
    """Of a GET or POST request.

    Raises Refusal: 400 for parameters that are not well formed, 413 and 414 for too many bytes, 415 for anything but
    JSON in UTF-8. Raises starlette's ClientDisconnect when the body breaks off.
    """
    try:
        if scope["method"] == "GET":
            return _from_query_string(scope["query_string"], bounds)
        _require_json(headers)
        body = await read_body(receive, headers.get(b"content-length"), bounds.body)
    except BodyTooLargeError:
        raise Refusal(413, _too_large(bounds.body), CLOSE) from None
    except (UserInputError, QueryTooComplexError) as error:
        raise _refusal(error) from None
    return body_parameters(body, bounds)


def body_parameters(body: bytes, bounds: Bounds) -> Parameters:
    """Of a whole body of JSON. Raises Refusal as `read_parameters` does."""
    if len(body) > bounds.body:
        raise Refusal(413, _too_large(bounds.body), CLOSE)
    try:
        return parse_parameters("body", body, bounds)
    except (UserInputError, QueryTooComplexError) as error:
        raise _refusal(error) from None


def _refusal(error: UserInputError | QueryTooComplexError) -> Refusal:
    return Refusal(400 if isinstance(error, UserInputError) else 413, error)


def parse_parameters(name: str, text: bytes, bounds: Bounds) -> Parameters:
    """Of the JSON object that stands in `name`. Raises UserInputError, or QueryTooComplexError for its size."""
    if len(text) > bounds.variables:
        _require_small(name, text, bounds.variables)
    return _checked(_json_object(name, text))


def is_json(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a body that comes with these headers is read."""
    try:
        _require_json(headers)
    except Refusal:
        return False
    return True


def _require_json(headers: Mapping[bytes, bytes]) -> None:
    """No simple content type is served, so no form of another site can post here."""
    if not _is_json_utf8(headers.get(b"content-type", b"")):
        raise Refusal(
            415,
            UserInputError("Content-Type", "The body must be application/json"),
            (b"accept-post", b"application/json"),
        )
    encoding = headers.get(b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        raise Refusal(415, UserInputError("Content-Encoding", "The body must not be compressed"), CLOSE)


def _is_json_utf8(content_type: bytes) -> bool:
    media_type, *parameters = content_type.lower().split(b";")
    charsets = [
        value.strip(b'" ') for name, _, value in (p.partition(b"=") for p in parameters) if name.strip() == b"charset"
    ]
    return media_type.strip() == b"application/json" and all(charset in (b"utf-8", b"utf8") for charset in charsets)


def _too_large(max_bytes: int) -> GatewayError:
    return QueryTooComplexError(f"The request is larger than {max_bytes} bytes", "bytes", max_bytes)


def _from_query_string(query_string: bytes, bounds: Bounds) -> Parameters:
    """Variables and extensions are JSON texts; an empty parameter is an absent one."""
    if len(query_string) > bounds.body:
        raise Refusal(414, _too_large(bounds.body))
    try:
        fields = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=MAX_QUERY_STRING_FIELDS)
    except ValueError:
        raise UserInputError("query", "The query string is not URL-encoded UTF-8, or has too many fields") from None
    given: dict[str, Any] = dict(fields)
    if len(given) != len(fields):
        raise UserInputError("query", "The query string gives a parameter twice")
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
        raise UserInputError("extensions", "extensions must be an object")
    document_id = _document_id(given, extensions)
    if query == "" and document_id is not None:
        query = None
    if not isinstance(query, str) and (query is not None or document_id is None):
        raise UserInputError("query", "query is required and must be a string")
    if operation_name is not None and not isinstance(operation_name, str):
        raise UserInputError("operationName", "operationName must be a string")
    if variables is not None and not isinstance(variables, dict):
        raise UserInputError("variables", "variables must be an object")
    return Parameters(query, operation_name or None, variables, extensions, document_id)


def _document_id(given: Mapping[str, Any], extensions: Json | None) -> str | None:
    """By any of its names: `documentId` (GraphQL over HTTP, "Persisted Documents"), `doc_id` (Relay), and
    `extensions.persistedQuery` (Apollo's automatic persisted queries).
    """
    id_ = given.get("documentId") or given.get("doc_id")
    if id_ is None and extensions is not None and "persistedQuery" in extensions:
        persisted = extensions["persistedQuery"]
        if not isinstance(persisted, dict) or persisted.get("version") != 1:
            raise UserInputError("extensions.persistedQuery", "extensions.persistedQuery must be of version 1")
        id_ = persisted.get("sha256Hash")
        if not isinstance(id_, str):
            raise UserInputError("extensions.persistedQuery.sha256Hash", "sha256Hash is required and must be a string")
    if id_ is None:
        return None
    if not isinstance(id_, str):
        raise UserInputError("documentId", "documentId must be a string")
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
        raise QueryTooComplexError(
            f"Variables and extensions have {length} bytes; the limit is {max_bytes}", "variables", max_bytes, length
        )


def _json_object(name: str, text: bytes) -> Json:
    """Strict JSON: UTF-8 without a mark, no NaN, no lone surrogates, and no member twice.

    msgspec is as strict as that but for members given twice, of which every parser picks the one it likes; integers
    of any length stay exact (quirk 77).
    """
    try:
        value = msgspec.json.decode(text)
        if isinstance(value, dict):
            _require_unique(text, _colons(value, MOST_NESTED))
            return value
    except ValueError:
        raise _no_json(name) from None
    except RecursionError:
        raise _too_nested() from None
    if isinstance(value, list):
        raise UserInputError(name, f"{name} must be one JSON object: operations are not run in batches")
    raise UserInputError(name, f"{name} must be one JSON object")


def _no_json(name: str) -> UserInputError:
    return UserInputError(name, f"{name} is not valid JSON")


def _too_nested() -> QueryTooComplexError:
    return QueryTooComplexError(f"Objects and lists nest beyond {MOST_NESTED} levels", "nesting", MOST_NESTED)


def _colons(value: Json | list[Any], levels: int) -> int:
    """How many colons the text of an object or list has: one for each member, and those inside strings.

    Each request goes through here: hence the classes compared, and the loop.
    """
    if not levels:
        raise _too_nested()
    colons = 0
    items: Iterable[Any] = value
    if type(value) is dict:
        colons = len(value)
        for name in value:
            if ":" in name:
                colons += name.count(":")
        items = value.values()
    for item in items:
        kind = type(item)
        if kind is str:
            colons += item.count(":")
        elif kind is dict or kind is list:
            colons += _colons(item, levels - 1)
    return colons


def _require_unique(text: bytes, colons: int) -> None:
    """Raises ValueError for a member given twice: then more colons were in the text than are in the value read from it.

    Where some may be written as escapes, the text is parsed once more, slowly.
    """
    if b"\\u003" in text:
        _UNIQUE_MEMBERS.decode(text.decode())
    elif text.count(b":") != colons:
        raise ValueError


def _require_unique_names(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) != len(members):
        raise ValueError


_UNIQUE_MEMBERS = json.JSONDecoder(object_pairs_hook=_require_unique_names)
