"""What the head of a GraphQL request says."""

import re
from collections.abc import Sequence
from contextvars import ContextVar
from random import getrandbits
from typing import Final

from starlette.types import Scope
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

from gateway.http.negotiation import MediaType, negotiate
from gateway.http.request_metrics import read_head_client
from gateway.ops.trace import TraceParent

REQUEST_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
"""That of the request under way: by this name structlog's `merge_contextvars` finds it for each line of the log."""

SERVED: Final = ("GET", "POST")
"""Methods of GraphQL requests, event streams included."""

EVENT_STREAM: Final = b"text/event-stream"

_TRACE_PARENT: Final = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")

_WELL_FORMED_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class RequestHead:
    """Of one ASGI scope. `is_served`: the method is, and an answer in JSON is acceptable; `answer_type` is its media
    type. `wants_events` asks for an event stream, `wants_fresh` for an answer without caches, `wants_trace` for one
    with its trace; `trace_parent` is the trace that the request is part of, if it says so. `last_event_id` is that of
    an event stream that broke off.
    `client` is what sent it.
    """

    def __init__(self, scope: Scope) -> None:
        self.fields = header_fields(scope["headers"])
        self.method: str = scope["method"]
        self.query_string: bytes = scope["query_string"]
        accept = self.fields.get(b"accept")
        media_type = negotiate(accept)
        self.answer_type = media_type or MediaType.JSON
        self.is_served = self.method in SERVED and media_type is not None
        self.wants_events = self.method in SERVED and accept is not None and wants_events(accept)
        self.wants_fresh = b"no-cache" in self.fields.get(b"cache-control", b"").lower()
        self.is_json = _is_json_utf8(self.fields.get(b"content-type", b""))
        self.is_compressed = self.fields.get(b"content-encoding", b"identity").lower() != b"identity"
        self.wants_trace = self.fields.get(b"x-trace") == b"1"
        self.trace_parent = read_trace_parent(self.fields.get(b"traceparent"))
        self.last_event_id = self.fields.get(b"last-event-id", b"").decode("latin-1") or None
        self.client = read_head_client(self.fields)
        self._request_id = _own_request_id(self.fields.get(b"x-request-id"))

    @property
    def request_error_status(self) -> int:
        """That of a well-formed request whose document or variables are wrong: a client of `application/json` trusts no
        body but that of a 200 (GraphQL over HTTP, "Status Codes").
        """
        return 400 if self.answer_type is MediaType.GRAPHQL_RESPONSE else 200

    @property
    def trace_id(self) -> str | None:
        """That of the caller's trace."""
        return None if self.trace_parent is None else self.trace_parent.trace_id

    def new_id(self) -> str:
        """The id of a request with this head: the caller's own where it is well formed."""
        return self._request_id or new_request_id()


def read_trace_parent(given: bytes | None) -> TraceParent | None:
    """Of a `traceparent` header (W3C Trace Context, 3.2); a malformed one counts as absent."""
    match = given and _TRACE_PARENT.fullmatch(given)
    if not match:
        return None
    trace_id, span_id, flags = (part.decode() for part in match.groups())
    return TraceParent(trace_id, span_id, is_sampled=bool(int(flags, 16) & 1))


def new_request_id() -> str:
    """An id of 16 hexadecimal digits."""
    return getrandbits(64).to_bytes(8).hex()  # it distinguishes lines of the log, and keeps nothing secret


def header_fields(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The values by name. Several lines of one name are one list, in their order (RFC 9110, 5.3)."""
    fields = dict(headers)
    if len(fields) != len(headers):  # which is rare
        fields = {name: b", ".join([value for other, value in headers if other == name]) for name in fields}
    return fields


def wants_events(accept: bytes) -> bool:
    """Whether the `Accept` header names event streams, and allows no answer in JSON.

    Many clients name both (urql does, for a query) and want JSON.
    """
    names = (media_range.partition(b";")[0].strip() for media_range in accept.lower().split(b","))
    return EVENT_STREAM in names and negotiate(accept) is None


def _is_json_utf8(content_type: bytes) -> bool:
    media_type, *parameters = content_type.lower().split(b";")
    charsets = [
        value.strip(b'" ') for name, _, value in (p.partition(b"=") for p in parameters) if name.strip() == b"charset"
    ]
    return media_type.strip() == b"application/json" and all(charset in (b"utf-8", b"utf8") for charset in charsets)


def _own_request_id(given: bytes | None) -> str | None:
    return given.decode("ascii") if given is not None and _WELL_FORMED_ID.fullmatch(given) else None
