"""The access log: one JSON line on standard error for each operation and callback, when it has been answered.

docs/observability.md has the members of a line, which are always there, in one order. None is a value that a caller or
a platform sent, but for names of operations, and those only in good form.
"""

import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.request_metrics import CANCELLED, OK, PARTIAL, UNKNOWN
from gateway.ops.slots import GATEWAY

if TYPE_CHECKING:
    from gateway.http.operation import Operation

Transport: TypeAlias = Literal["http", "sse", "websocket", "callback"]

ERROR: Final = "error"
"""The outcome where there is no data; then there is a code."""

MOST_CALLERS: Final = 4096
"""Whose hashes are remembered."""

_NAME: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")
_NUMBER: Final = re.compile(r"\d{6}")
"""A name with so many digits in a row may hold the number of a person."""

_ABSENT: Final[dict[str, object]] = {
    "event": "access",
    **dict.fromkeys(("timestamp", "transport", "operation", "type", "outcome", "code", "status", "ms", "caller")),
    **dict.fromkeys(("calls", "cached", "bytes"), 0),
    **dict.fromkeys(("trace_id", "request_id")),
}
"""The members of a line, in their order, each as it is where there is nothing to say."""

Answering: TypeAlias = Callable[[Request], Awaitable[Response]]


class AccessLog:
    """`hash_caller` makes of a subject what stands for it: keyed, so that nobody can guess at it without the key."""

    def __init__(self, hash_caller: Callable[[str], str], write: Callable[[str], object] | None = None) -> None:
        self._hash = lru_cache(MOST_CALLERS)(hash_caller)
        self._write = sys.stderr.write if write is None else write

    def operation(self, operation: "Operation", status: int | None, trace_id: str | None) -> None:
        """An operation has ended."""
        outcome, prepared, asked, meter = operation.outcome, operation.prepared, operation.parameters, operation.meter
        is_error = outcome not in (OK, PARTIAL, CANCELLED)
        name = prepared.name if prepared is not None else asked.operation_name if asked is not None else None
        self._print(
            operation.transport,
            operation.started,
            operation=operation_name(name),
            type=UNKNOWN if prepared is None else prepared.kind,
            outcome=ERROR if is_error else outcome,
            code=outcome if is_error else operation.code,
            status=status,
            caller=None if meter.caller == GATEWAY else self._hash(meter.caller),
            calls=meter.calls,
            cached=meter.kept,
            bytes=operation.size,
            trace_id=trace_id,
            request_id=operation.id,
        )

    def answering(self, path: str, answer: Answering) -> Answering:
        """The same endpoint of a callback, whose answers are in the log. `code` is that of the document's protocol."""

        async def logged(request: Request) -> Response:
            started = perf_counter()
            log = partial(self._print, "callback", started, operation=path, type="callback")
            try:
                response = await answer(request)
            except HTTPException as error:
                log(outcome=ERROR, status=error.status_code)
                raise
            code = orjson.loads(bytes(response.body))["code"]
            size, status = len(response.body), response.status_code
            log(outcome=ERROR if code else OK, code=str(code) if code else None, status=status, bytes=size)
            return response

        return logged

    def _print(self, transport: Transport, started: float, **members: object) -> None:
        times = {"timestamp": datetime.now(UTC).isoformat(), "ms": round((perf_counter() - started) * 1e3, 3)}
        line = {**_ABSENT, "transport": transport, **times, **members}
        self._write(orjson.dumps(line).decode() + "\n")


def operation_name(name: str | None) -> str | None:
    """A name as the log has it: None for what is no name of GraphQL, is long, or may hold the number of a person."""
    is_fit = name is not None and _NAME.fullmatch(name) and not _NUMBER.search(name)
    return name if is_fit else None
