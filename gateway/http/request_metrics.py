"""What comes in, for Prometheus: GraphQL requests by operation and outcome, refusals, clients, deprecated fields.

Each request is counted once, where it ends: over HTTP, as an event stream and over WebSocket alike. Nothing that a
caller makes up becomes a label: names of operations are those that operators list, and the first clients that name
themselves in good form. The rest is `other`.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from time import perf_counter
from typing import Any, Final, TypeAlias

from gateway.auth.masking import mask_text
from gateway.errors import GatewayError, QueryTooComplexError, RateLimitedError, RequestTimeoutError
from gateway.execution.documents import DocumentError, Prepared
from gateway.execution.intake import Asked
from gateway.execution.response import Response
from gateway.http.errors import get_cause, get_code
from gateway.http.websocket_messages import CloseCode
from gateway.ops.tally import Count, Family, Tally

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

OTHER: Final = "other"
NONE: Final = "none"
UNKNOWN: Final = "unknown"

OK: Final = "ok"
PARTIAL: Final = "partial"
CANCELLED: Final = "cancelled"
"""Outcomes; the others are the codes of errors."""

MOST_OPERATIONS: Final = 500
MOST_CLIENTS: Final = 100
"""Names that become labels."""

REQUESTS = Family(
    "gateway_request_seconds",
    "histogram",
    "GraphQL requests, from the head to the whole answer, by how they ended",
    ("operation", "type", "outcome"),
    BOUNDS,
)

REFUSED = Family(
    "gateway_refused_requests_total",
    "counter",
    "Requests that were refused before they were executed, by the code of the error and the limit it names",
    ("code", "limit"),
)

ERRORS = Family("gateway_errors_total", "counter", "Errors in answers, by their code", ("code",))

CLIENTS = Family(
    "gateway_client_requests_total",
    "counter",
    "GraphQL requests by the client that sent them, as it names itself",
    ("client_name", "client_version"),
)

CLOSED = Family(
    "gateway_websocket_closes_total", "counter", "WebSockets that the gateway closed, by the reason", ("reason",)
)

WEBSOCKETS = Family("gateway_open_websockets", "gauge", "WebSockets that speak graphql-transport-ws")

SUBSCRIPTIONS = Family("gateway_open_subscriptions", "gauge", "Subscriptions, as event streams and over WebSocket")

DEPRECATED_FIELDS = Family(
    "gateway_deprecated_field_requests_total", "counter", "Requests that ask for a deprecated field", ("field",)
)

Client: TypeAlias = tuple[str, str]
"""The name and the version of a client, as labels."""

NO_CLIENT: Final[Client] = (NONE, NONE)

CLIENT_NAMES: Final = ("apollographql-client-name", "graphql-client-name")
CLIENT_VERSIONS: Final = ("apollographql-client-version", "graphql-client-version")
"""Headers, or members of the payload of `connection_init`."""

_NAME: Final = re.compile(r"@?[A-Za-z][A-Za-z0-9 ._/-]{0,47}")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")

_NAME_HEADERS: Final = tuple(name.encode() for name in CLIENT_NAMES)
_VERSION_HEADERS: Final = tuple(name.encode() for name in CLIENT_VERSIONS)
_LONGEST: Final = 64


def read_client(*sources: Mapping[str, object]) -> Client:
    """The client that names itself by these headers, or by those of the next source."""
    name, version = (
        next((source[name] for source in sources for name in names if source.get(name)), None)
        for names in (CLIENT_NAMES, CLIENT_VERSIONS)
    )
    return _to_label(name, _NAME), _to_label(version, _VERSION)


def read_head_client(fields: Mapping[bytes, bytes]) -> Client:
    """The same of the headers of a request, as they came: on the way of each request whose headers are new."""
    get = fields.get
    name = get(_NAME_HEADERS[0]) or get(_NAME_HEADERS[1])
    version = get(_VERSION_HEADERS[0]) or get(_VERSION_HEADERS[1])
    if name is None and version is None:
        return NO_CLIENT
    return _to_client(name and name[:_LONGEST], version and version[:_LONGEST])


@lru_cache(1024)
def _to_client(name: bytes | None, version: bytes | None) -> Client:
    """Remembered: reading them takes 2 µs, and clients are few."""
    return _to_label(name and name.decode("latin-1"), _NAME), _to_label(version and version.decode("latin-1"), _VERSION)


def _to_label(given: object, form: re.Pattern[str]) -> str:
    if not given:
        return NONE
    is_fit = isinstance(given, str) and form.fullmatch(given) and mask_text(given) == given
    return str(given) if is_fit else OTHER


class RequestMetrics:
    """Of one gateway. `operations` are the names that become labels, the first `MOST_OPERATIONS` of them.

    `subscriptions` and `websockets` are open now.
    """

    def __init__(self, tally: Tally, operations: Iterable[str] = ()) -> None:
        self.subscriptions = 0
        self.websockets = 0
        self._tally = tally
        self._cells = tally.cells
        self._operations: dict[str, None] = {}
        self.name_operations(operations)
        self._requests: dict[tuple[str, str, str], int] = {}
        self._exemplars: dict[int, int] = {}
        self._clients: dict[Client, int] = {}
        self._deprecated: dict[str, Count] = {}
        for family in (REQUESTS, REFUSED, ERRORS, CLIENTS, CLOSED, DEPRECATED_FIELDS):
            tally.declare(family)
        tally.watch(WEBSOCKETS, read=lambda: self.websockets)
        tally.watch(SUBSCRIPTIONS, read=lambda: self.subscriptions)

    def name_operations(self, names: Iterable[str]) -> None:
        """These are labels, too, as far as there is room."""
        for name in names:
            if len(self._operations) < MOST_OPERATIONS:
                self._operations[name] = None

    def record(
        self,
        started: float,
        outcome: str,
        client: Client,
        prepared: Prepared | None,
        asked: Asked | None = None,
        trace_id: str | None = None,
    ) -> None:
        """A request that began at `started` (`perf_counter`) has ended.

        `prepared` is None where none was admitted: then `asked`, if that could be read, has the name. `trace_id` has 32
        hexadecimal digits: it becomes an exemplar.
        """
        seconds = perf_counter() - started
        if prepared is None:
            name, kind = asked.operation_name if asked is not None else None, UNKNOWN
        else:
            name, kind = prepared.name, prepared.kind
            if prepared.deprecated:
                self._count_deprecated(prepared.deprecated)
        key = (name if name in self._operations else OTHER, kind, outcome)
        at = self._requests.get(key)
        if at is None:
            at = self._requests[key] = self._tally.at(REQUESTS, *key)
        bucket = bisect_left(BOUNDS, seconds)
        self._cells[at + bucket] += 1
        self._cells[at + _SUM] += seconds
        client_at = self._clients.get(client)
        if client_at is None:
            client_at = self._find_client(client, outcome)
        self._cells[client_at] += 1
        if trace_id is not None:
            exemplars = self._exemplars.get(at)
            if exemplars is None:
                exemplars = self._exemplars[at] = self._tally.exemplars_at(REQUESTS, *key)
            self._tally.put_exemplar(exemplars, bucket, trace_id, seconds)

    def answered(self, response: Response, errors: Collection[Mapping[str, Any]]) -> str:
        """The outcome of a response with these errors, formatted; they are counted."""
        if not errors:
            return OK
        if not response.executed:
            return self.failed(DocumentError(response.errors))
        codes = [error["extensions"]["code"] for error in errors]
        for code in codes:
            self._tally.count(ERRORS, code).add()
        return PARTIAL if response.data is not None else codes[0]

    def failed(self, error: Exception) -> str:
        """The outcome of a request that ended in this error instead of an answer; a refusal is counted."""
        return count_failure(self._tally, error)

    def closed(self, code: CloseCode) -> None:
        """The gateway ends a WebSocket with this code."""
        self._tally.count(CLOSED, code.name).add()
        if code is CloseCode.MESSAGE_TOO_BIG:
            self._tally.count(REFUSED, QueryTooComplexError.code, "bytes").add()

    def add_event(self, outcome: str, response: Response, errors: Collection[Mapping[str, Any]]) -> str:
        """The outcome of a subscription after this event: the first that was not ok stands."""
        of_event = self.answered(response, errors)
        return of_event if outcome == OK else outcome

    @contextmanager
    def subscribed(self) -> Iterator[None]:
        """A subscription is open while the block lasts."""
        self.subscriptions += 1
        try:
            yield
        finally:
            self.subscriptions -= 1

    def _count_deprecated(self, fields: Iterable[str]) -> None:
        for field in fields:
            if field not in self._deprecated:
                self._deprecated[field] = self._tally.count(DEPRECATED_FIELDS, field)
            self._deprecated[field].add()

    def _find_client(self, client: Client, outcome: str) -> int:
        """The cell of a client that is not known yet: its own, if it was answered and there are not too many."""
        is_new = outcome in (OK, PARTIAL) and len(self._clients) < MOST_CLIENTS
        client = client if is_new else _OTHERS
        at = self._clients.get(client)
        if at is None:
            at = self._clients[client] = self._tally.at(CLIENTS, *client)
        return at


def count_failure(tally: Tally, error: Exception) -> str:
    """Count what a request ended in instead of an answer. Returns its code, that of the first error of several."""
    errors: Sequence[Exception] = error.errors if isinstance(error, DocumentError) else (error,)
    codes = [get_code(each) for each in errors]
    for code in codes:
        tally.count(ERRORS, code).add()
    if codes[0] != GatewayError.code and not isinstance(error, RequestTimeoutError):
        tally.count(REFUSED, codes[0], _limit(get_cause(errors[0]))).add()
    return codes[0]


_SUM: Final = len(BOUNDS) + 1
_OTHERS: Final[Client] = (OTHER, OTHER)


def _limit(error: Exception) -> str:
    """The name of the limit that a request was refused for; empty where it was for something else."""
    if isinstance(error, QueryTooComplexError):
        return error.limit
    return error.subject if isinstance(error, RateLimitedError) else ""
