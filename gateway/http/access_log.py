"""The access log: one JSON line on standard error for each operation and callback, when it has been answered.

docs/observability.md has the members of a line, which are always there, in one order. None is a value that a caller or
a platform sent, but for names of operations, and those only in good form.
"""

import re
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache
from time import perf_counter
from typing import Final, Literal, TypeAlias

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.execution.documents import Prepared
from gateway.execution.intake import Asked
from gateway.http.request_metrics import CANCELLED, OK, PARTIAL, UNKNOWN
from gateway.ops.slots import GATEWAY
from gateway.ops.trace import METER

Transport: TypeAlias = Literal["http", "sse", "websocket", "callback"]

ERROR: Final = "error"
"""The outcome where there is no data; then there is a code."""

MOST_CALLERS: Final = 4096
"""Whose hashes are remembered."""

_NAME: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")
_NUMBER: Final = re.compile(r"\d{6}")
"""A name with so many digits in a row may hold the number of a person."""

Answering: TypeAlias = Callable[[Request], Awaitable[Response]]


class AccessLog:
    """`hash_caller` makes of a subject what stands for it: keyed, so that nobody can guess at it without the key."""

    def __init__(self, hash_caller: Callable[[str], str], write: Callable[[str], object] | None = None) -> None:
        self._hash = lru_cache(MOST_CALLERS)(hash_caller)
        self._write = sys.stderr.write if write is None else write

    def operation(
        self,
        transport: Transport,
        started: float,
        outcome: str,
        request_id: str,
        prepared: Prepared | None = None,
        asked: Asked | None = None,
        *,
        code: str | None = None,
        status: int | None = None,
        size: int = 0,
        trace_id: str | None = None,
    ) -> None:
        """The operation under way, begun at `started` (`perf_counter`), has ended; the outcome is as metrics have it.

        `code` is that of the first error beside data. `prepared` is None where none was admitted: then `asked`, if that
        could be read, has the name. `size` is in bytes.
        """
        is_error = outcome not in (OK, PARTIAL, CANCELLED)
        meter = METER.get()
        is_known = meter is not None and meter.caller != GATEWAY
        name = prepared.name if prepared is not None else asked.operation_name if asked is not None else None
        self._print(
            transport,
            started,
            operation_name(name),
            UNKNOWN if prepared is None else prepared.kind,
            ERROR if is_error else outcome,
            code=outcome if is_error else code,
            status=status,
            caller=self._hash(meter.caller) if meter is not None and is_known else None,
            calls=0 if meter is None else meter.calls,
            cached=0 if meter is None else meter.kept,
            size=size,
            trace_id=trace_id,
            request_id=request_id,
        )

    def answering(self, path: str, answer: Answering) -> Answering:
        """The same endpoint of a callback, whose answers are in the log. `code` is that of the document's protocol."""

        async def logged(request: Request) -> Response:
            started = perf_counter()
            try:
                response = await answer(request)
            except HTTPException as error:
                self._print("callback", started, path, "callback", ERROR, status=error.status_code)
                raise
            body, status = bytes(response.body), response.status_code
            code = orjson.loads(body)["code"]
            outcome, code = (ERROR, str(code)) if code else (OK, None)
            self._print("callback", started, path, "callback", outcome, code=code, status=status, size=len(body))
            return response

        return logged

    def _print(
        self,
        transport: Transport,
        started: float,
        operation: str | None,
        kind: str,
        outcome: str,
        *,
        code: str | None = None,
        status: int | None = None,
        caller: str | None = None,
        calls: int = 0,
        cached: int = 0,
        size: int = 0,
        trace_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        line = {
            "event": "access",
            "timestamp": datetime.now(UTC).isoformat(),
            "transport": transport,
            "operation": operation,
            "type": kind,
            "outcome": outcome,
            "code": code,
            "status": status,
            "ms": round((perf_counter() - started) * 1e3, 3),
            "caller": caller,
            "calls": calls,
            "cached": cached,
            "bytes": size,
            "trace_id": trace_id,
            "request_id": request_id,
        }
        self._write(orjson.dumps(line).decode() + "\n")


def operation_name(name: str | None) -> str | None:
    """A name as the log has it: None for what is no name of GraphQL, is long, or may hold the number of a person."""
    is_fit = name is not None and _NAME.fullmatch(name) and not _NUMBER.search(name)
    return name if is_fit else None
