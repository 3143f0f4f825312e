"""What a GraphQL request says: its head, read once for all requests that come with it, and its parameters, from a JSON
body or a query string.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from math import inf
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from gateway.auth.authenticator import Trusted
from gateway.auth.masking import mask_text
from gateway.errors import GatewayError, QueryTooComplexError, UserInputError
from gateway.execution.documents import Parameters
from gateway.http.errors import CLOSE, MediaType, Refusal
from gateway.ops.trace import TraceParent
from gateway.wording.requests import RequestWording

REQUEST_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
"""That of the request under way: by this name structlog's `merge_contextvars` finds it for each line of the log."""

SERVED: Final = ("GET", "POST")
UTF_8: Final = ("utf-8", "utf8")

Client: TypeAlias = tuple[str, str]
"""The name and the version of a client, as labels of metrics."""

OTHER: Final = "other"
NONE: Final = "none"
"""Labels of what may not become one, and of what is not there."""

CLIENT_NAMES: Final = ("apollographql-client-name", "graphql-client-name")
CLIENT_VERSIONS: Final = ("apollographql-client-version", "graphql-client-version")
"""Headers, or members of the payload of `connection_init`."""

_CLIENT_NAME: Final = re.compile(r"@?[A-Za-z][A-Za-z0-9 ._/-]{0,47}")
_CLIENT_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACE_PARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_WEIGHT: Final = re.compile(r"0?\.\d+|[01]\.?|1\.0+")


class RequestHead:
    """The head of a request, read from its ASGI scope.

    `is_served`: the method is, and an answer in JSON or an event stream is acceptable; `answer_type` is its media type.
    `wants_events` asks for an event stream, `wants_fresh` for an answer without caches, `wants_trace` for one with its
    trace; `trace_parent` is the trace that the request is part of, if it says so. `last_event_id` is that of an event
    stream that broke off. `client` is what sent it. `request_error_status` is that of a well-formed request whose
    document or variables are wrong: a client of `application/json` trusts no body but that of a 200 (GraphQL over HTTP,
    "Status Codes"). `trusted` is what its `authorization` was found to be, `request_id` the caller's own, if well
    formed.
    """

    trusted: Trusted | None = None

    def __init__(self, scope: Scope) -> None:
        fields = header_fields(scope["headers"])
        self.method: str = scope["method"]
        self.query_string: bytes = scope["query_string"]
        media_type = negotiate(fields.get("accept"))
        self.is_served = self.method in SERVED and media_type is not None
        self.wants_events = self.is_served and media_type is MediaType.EVENTS
        self.answer_type = MediaType.JSON if media_type is MediaType.EVENTS else media_type or MediaType.JSON
        self.request_error_status = 400 if media_type is MediaType.GRAPHQL_RESPONSE else 200
        self.wants_fresh = "no-cache" in fields.get("cache-control", "").lower()
        content_type, parameters = _read_media_type(fields.get("content-type", ""))
        self.is_json = content_type == "application/json" and parameters.get("charset", "utf-8") in UTF_8
        self.is_compressed = fields.get("content-encoding", "identity").lower() != "identity"
        self.content_length = fields.get("content-length")
        self.wants_trace = fields.get("x-trace") == "1"
        self.trace_parent = read_trace_parent(fields.get("traceparent", ""))
        self.last_event_id = fields.get("last-event-id") or None
        self.client = read_client(fields)
        self.authorization = fields.get("authorization")
        given_id = fields.get("x-request-id", "")
        self.request_id = given_id if _REQUEST_ID.fullmatch(given_id) else None


def negotiate(accept: str | None) -> MediaType | None:
    """The best of what the `Accept` header lists, None when it lists none of them.

    A client that names nothing, or only wildcards, gets `application/json` as it always did; between the two at equal
    weight, `application/graphql-response+json` is better. One in another charset weighs nothing. Event streams are for
    clients that take no JSON: one that names both, as urql does, wants JSON.
    """
    if accept is None:
        return MediaType.JSON
    weights: dict[str, float] = {}
    for part in accept.split(","):
        name, parameters = _read_media_type(part)
        weight = parameters.get("q", "1")
        is_fit = _WEIGHT.fullmatch(weight) and parameters.get("charset", "utf-8") in UTF_8
        weights.setdefault(name, float(weight) if is_fit else 0.0)
    wildcard = weights.get("application/*", weights.get("*/*", 0.0))
    json = weights.get("application/json", wildcard)
    graphql = weights.get("application/graphql-response+json", 0.0)
    if graphql > 0 and graphql >= json:
        return MediaType.GRAPHQL_RESPONSE
    if json > 0:
        return MediaType.JSON
    return MediaType.EVENTS if "text/event-stream" in weights else None


def _read_media_type(text: str) -> tuple[str, dict[str, str]]:
    name, *parameters = text.lower().split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return name.strip(), {key.strip(): value.strip('" ') for key, _, value in pairs}


def read_client(*sources: Mapping[str, object]) -> Client:
    """The client that names itself by these headers, or by those of the next source."""
    return _read_label(sources, CLIENT_NAMES, _CLIENT_NAME), _read_label(sources, CLIENT_VERSIONS, _CLIENT_VERSION)


def _read_label(sources: Sequence[Mapping[str, object]], names: Sequence[str], form: re.Pattern[str]) -> str:
    given = next((source[name] for source in sources for name in names if source.get(name)), None)
    if given is None:
        return NONE
    is_fit = isinstance(given, str) and form.fullmatch(given) and mask_text(given) == given
    return str(given) if is_fit else OTHER


def read_trace_parent(given: str) -> TraceParent | None:
    """The trace named by a `traceparent` header (W3C Trace Context, 3.2); a malformed one counts as absent."""
    if (match := _TRACE_PARENT.fullmatch(given)) is None:
        return None
    return TraceParent(match[1], match[2], is_sampled=bool(int(match[3], 16) & 1))


def header_fields(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """The values by name. Several lines of one name are one list, in their order (RFC 9110, 5.3)."""
    fields: dict[str, str] = {}
    for name, value in ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers):
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


MAX_QUERY_STRING_FIELDS = 16
MOST_NESTED = 32  # levels of objects and lists inside each other, in what comes with a document
DOCUMENT_ID_PREFIX = "sha256:"

Json: TypeAlias = dict[str, Any]
ValueT = TypeVar("ValueT")


class _Sent(msgspec.Struct, rename={"operation_name": "operationName", "document_id": "documentId"}):
    """What a request names; what it does not is UNSET. Other names are reserved by the specification and ignored."""

    query: str | UnsetType | None = UNSET
    operation_name: str | UnsetType | None = UNSET
    variables: Json | UnsetType | None = UNSET
    extensions: Json | UnsetType | None = UNSET
    document_id: str | UnsetType | None = UNSET
    doc_id: str | UnsetType | None = UNSET


class _Document(msgspec.Struct):
    query: msgspec.Raw = msgspec.Raw()


_DOCUMENT: Final = msgspec.json.Decoder(_Document)
_PARAMETERS: Final = msgspec.json.Decoder(_Sent)
_OBJECT: Final = msgspec.json.Decoder(Json)

_MISTYPED: Final = re.compile(r"at `\$\.(\w+)`$")  # the member that msgspec complains of
_TYPES: Final = {
    "query": RequestWording.STRING_REQUIRED,
    "variables": RequestWording.NO_OBJECT,
    "extensions": RequestWording.NO_OBJECT,
}
"""What a member has to be; the others are strings."""


class Bounds(NamedTuple):
    """The largest requests, in bytes: `body` of all of it, `variables` of all but the text of the document."""

    body: int
    variables: int = 64 * 1024


async def read_parameters(head: RequestHead, receive: Receive, bounds: Bounds) -> Parameters:
    """The parameters of a GET or POST request. Raises Refusal: 400 for parameters that are not well formed, 413 and 414
    for too many bytes, 415 for anything but JSON in UTF-8. Raises starlette's ClientDisconnect when the body breaks
    off.
    """
    try:
        if head.method == "GET":
            return _from_query_string(head.query_string, bounds)
        if not head.is_json:  # no simple content type is served, so no form of another site can post here
            error = UserInputError("Content-Type", RequestWording.NO_JSON_TYPE())
            raise Refusal(415, error, (b"accept-post", b"application/json"))
        if head.is_compressed:
            raise Refusal(415, UserInputError("Content-Encoding", RequestWording.COMPRESSED()), CLOSE)
        return parse_parameters("body", await read_body(receive, head.content_length, bounds.body), bounds)
    except UserInputError as error:
        raise Refusal(400, error) from None
    except QueryTooComplexError as error:
        raise Refusal(413, error) from None


async def read_body(receive: Receive, content_length: str | None, max_bytes: int) -> bytes:
    """The whole body. The length that it should have by this header is checked first, and what really comes is counted.
    Raises Refusal, or starlette's ClientDisconnect.
    """
    given = "0" if content_length is None else content_length
    expected = int(given) if given.isascii() and given.isdigit() else inf
    body = bytearray()
    while expected <= max_bytes >= len(body):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body") and len(body) <= max_bytes:
            return bytes(body)
    raise Refusal(413, _too_large(max_bytes), CLOSE)


def parse_parameters(name: str, text: bytes, bounds: Bounds) -> Parameters:
    """The parameters in the JSON object of `name`. Raises UserInputError, or QueryTooComplexError for its size."""
    if len(text) > bounds.variables:  # what makes it large may be the document, which has no bound of its own
        with suppress(ValueError, RecursionError):
            length = len(text) - len(_DOCUMENT.decode(text).query)
            if length > (most := bounds.variables):
                message = RequestWording.VARIABLES_TOO_LARGE(requested=length, max=most)
                raise QueryTooComplexError(message, "variables", most, length)
    return _checked(_decode(_PARAMETERS, name, text))


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
    given: Json = dict(fields)
    if len(given) != len(fields):
        raise UserInputError("query", RequestWording.PARAMETER_TWICE())
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _decode(_OBJECT, name, given[name].encode())
    return _checked(msgspec.convert(given, _Sent))


def _checked(sent: _Sent) -> Parameters:
    query, document_id = sent.query, None
    if sent.extensions or sent.document_id or sent.doc_id:  # GraphQL over HTTP, "Persisted Documents"; Relay
        document_id = sent.document_id or sent.doc_id or _persisted_hash(sent.extensions or {})
    if document_id is not None:
        document_id = document_id.removeprefix(DOCUMENT_ID_PREFIX)
        query = query or None  # clients that are made to send a text, as graphql-ws has it, send an empty one
    elif query is UNSET or query is None:
        raise UserInputError("query", RequestWording.STRING_REQUIRED(name="query"))
    return Parameters(query, sent.operation_name or None, sent.variables or None, document_id)


def _persisted_hash(extensions: Json) -> str | None:
    """The identifier of Apollo's automatic persisted queries."""
    if "persistedQuery" not in extensions:
        return None
    name, persisted = "extensions.persistedQuery", extensions["persistedQuery"]
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise UserInputError(name, RequestWording.PERSISTED_VERSION())
    hash_ = persisted.get("sha256Hash")
    if not isinstance(hash_, str):
        raise UserInputError(f"{name}.sha256Hash", RequestWording.STRING_REQUIRED(name="sha256Hash"))
    return hash_


def _decode(decoder: msgspec.json.Decoder[ValueT], name: str, text: bytes) -> ValueT:
    """The JSON object of this name. It is strict: UTF-8 without a mark, no NaN, no lone surrogates, no member twice.

    msgspec is as strict as that but for members given twice, of which every parser picks the one it likes. Integers of
    any length stay exact (quirk 77). Raises UserInputError, or QueryTooComplexError where it is nested too deeply.
    """
    try:
        value = decoder.decode(text)
        if text.count(b"{") + text.count(b"[") > MOST_NESTED:
            _require_shallow(value, MOST_NESTED)
        # A member given twice has a colon in the text, and none in the value. The decoder of `json` alone would find
        # it; that it runs only where these differ saves 2 µs of some 90 (docs/adr/0006-connections.md).
        if b"\\u003" in text or text.count(b":") != msgspec.json.encode(value).count(b":"):
            _UNIQUE_MEMBERS.raw_decode(text.decode().lstrip())
    except msgspec.ValidationError as error:
        raise _mistyped(name, text, str(error)) from None
    except ValueError:
        raise UserInputError(name, RequestWording.NO_JSON(name=name)) from None
    except RecursionError:
        raise QueryTooComplexError(RequestWording.NESTING(max=MOST_NESTED), "nesting", MOST_NESTED) from None
    return value


def _mistyped(name: str, text: bytes, said: str) -> UserInputError:
    """The error for what is JSON, but not an object with members of the right types."""
    if member := _MISTYPED.search(said):
        return UserInputError(member[1], _TYPES.get(member[1], RequestWording.NO_STRING)(name=member[1]))
    wording = RequestWording.NO_BATCHES if text.lstrip().startswith(b"[") else RequestWording.ONE_OBJECT
    return UserInputError(name, wording(name=name))


def _require_shallow(value: object, levels: int) -> None:
    if isinstance(value, _Sent):
        value = [value.variables, value.extensions]
    elif isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return
    if not levels:
        raise RecursionError
    for item in value:
        _require_shallow(item, levels - 1)


def _require_unique_names(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) != len(members):
        raise ValueError


_UNIQUE_MEMBERS = json.JSONDecoder(object_pairs_hook=_require_unique_names)
