"""What comes in, for Prometheus: GraphQL requests by operation and outcome, refusals, clients.

Each request is counted once, where it ends: over HTTP, as an event stream and over WebSocket alike. Nothing that a
caller makes up becomes a label: names of operations are those that operators list, and the first clients that name
themselves in good form. The rest is `other`.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from time import perf_counter
from typing import Any, Final, TypeAlias

from prometheus_client import Counter, Histogram

from gateway.auth.masking import mask_text
from gateway.errors import GatewayError, QueryTooComplexError, RateLimitedError, RequestTimeoutError
from gateway.execution.documents import DocumentError, Prepared
from gateway.execution.intake import Asked
from gateway.execution.response import Response
from gateway.http.errors import get_cause, get_code
from gateway.http.websocket_messages import CloseCode
from gateway.ops.metrics import Metrics
from gateway.ops.trace import METER, Meter

OTHER: Final = "other"
NONE: Final = "none"
UNKNOWN: Final = "unknown"

OK: Final = "ok"
PARTIAL: Final = "partial"
CANCELLED: Final = "cancelled"
"""Outcomes; the others are the codes of errors."""

MOST_OPERATIONS: Final = 500
MOST_CLIENTS: Final = 100
MOST_OF_CALLER: Final = 10
"""Names that become labels, and those of clients in the requests of one caller."""

Client: TypeAlias = tuple[str, str]
"""The name and the version of a client, as labels."""

NO_CLIENT: Final[Client] = (NONE, NONE)

CLIENT_NAMES: Final = ("apollographql-client-name", "graphql-client-name")
CLIENT_VERSIONS: Final = ("apollographql-client-version", "graphql-client-version")
"""Headers, or members of the payload of `connection_init`."""

_HEADERS: Final = tuple((name.encode(), name) for name in (*CLIENT_NAMES, *CLIENT_VERSIONS))

_NAME: Final = re.compile(r"@?[A-Za-z][A-Za-z0-9 ._/-]{0,47}")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")


def read_client(*sources: Mapping[str, object]) -> Client:
    """The client that names itself by these headers, or by those of the next source."""
    name, version = (
        next((source[name] for source in sources for name in names if source.get(name)), None)
        for names in (CLIENT_NAMES, CLIENT_VERSIONS)
    )
    return _to_label(name, _NAME), _to_label(version, _VERSION)


def read_head_client(fields: Mapping[bytes, bytes]) -> Client:
    """The same of the headers of a request, as they came."""
    given = {name: fields[key].decode("latin-1") for key, name in _HEADERS if key in fields}
    return read_client(given) if given else NO_CLIENT


def _to_label(given: object, form: re.Pattern[str]) -> str:
    if not given:
        return NONE
    is_fit = isinstance(given, str) and form.fullmatch(given) and mask_text(given) == given
    return str(given) if is_fit else OTHER


class RequestMetrics:
    """Of one gateway. `operations` are the names that become labels, the first `MOST_OPERATIONS` of them.

    `subscriptions` and `websockets` are open now.
    """

    def __init__(self, metrics: Metrics, operations: Iterable[str] = ()) -> None:
        self.subscriptions = 0
        self.websockets = 0
        self._metrics = metrics
        self._operations = frozenset(islice(dict.fromkeys(operations), MOST_OPERATIONS))
        self._requests: dict[tuple[str, str, str], Histogram] = {}
        self._clients: dict[Client, Counter] = {}
        self._named: defaultdict[str, int] = defaultdict(int)
        metrics.watch(metrics.websockets, lambda: self.websockets)
        metrics.watch(metrics.subscriptions, lambda: self.subscriptions)

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
        key = (name if name in self._operations else OTHER, kind, outcome)
        requests = self._requests.get(key)
        if requests is None:
            requests = self._requests[key] = self._metrics.requests.labels(*key)
        requests.observe(seconds, None if trace_id is None else {"trace_id": trace_id})
        (self._clients.get(client) or self._find_client(client, outcome)).inc()

    def answered(self, response: Response, errors: Collection[Mapping[str, Any]]) -> str:
        """The outcome of a response with these errors, formatted; they are counted."""
        if not errors:
            return OK
        if not response.executed:
            return self.failed(DocumentError(response.errors))
        codes = [error["extensions"]["code"] for error in errors]
        for error, code in zip(errors, codes, strict=True):
            self._metrics.errors.labels(code).inc()
            if response.data is not None and "path" in error and response.data.get(error["path"][0]) is None:
                self._metrics.failed_fields.labels(code).inc()
        return PARTIAL if response.data is not None else codes[0]

    def failed(self, error: Exception) -> str:
        """The outcome of a request that ended in this error instead of an answer; a refusal is counted."""
        return count_failure(self._metrics, error)

    def closed(self, code: CloseCode) -> None:
        """The gateway ends a WebSocket with this code."""
        self._metrics.websocket_closes.labels(code.name).inc()
        if code is CloseCode.MESSAGE_TOO_BIG:
            self._metrics.refused.labels(QueryTooComplexError.code, "bytes").inc()

    @contextmanager
    def subscribed(self) -> Iterator[None]:
        """A subscription is open while the block lasts."""
        self.subscriptions += 1
        try:
            yield
        finally:
            self.subscriptions -= 1

    def _find_client(self, client: Client, outcome: str) -> Counter:
        """The counter of a client that is not known yet: its own, if it was answered and there are not too many."""
        caller = (METER.get() or Meter()).caller
        if outcome in (OK, PARTIAL) and len(self._clients) < MOST_CLIENTS and self._named[caller] < MOST_OF_CALLER:
            self._named[caller] += 1
        else:
            client = _OTHERS
        if client not in self._clients:
            self._clients[client] = self._metrics.clients.labels(*client)
        return self._clients[client]


def count_failure(metrics: Metrics, error: Exception) -> str:
    """Count what a request ended in instead of an answer. Returns its code, that of the first error of several."""
    errors: Sequence[Exception] = error.errors if isinstance(error, DocumentError) else (error,)
    codes = [get_code(each) for each in errors]
    for code in codes:
        metrics.errors.labels(code).inc()
    if codes[0] != GatewayError.code and not isinstance(error, RequestTimeoutError):
        metrics.refused.labels(codes[0], _limit(get_cause(errors[0]))).inc()
    return codes[0]


_OTHERS: Final[Client] = (OTHER, OTHER)


def _limit(error: Exception) -> str:
    """The name of the limit that a request was refused for; empty where it was for something else."""
    if isinstance(error, QueryTooComplexError):
        return error.limit
    return error.subject if isinstance(error, RateLimitedError) else ""
