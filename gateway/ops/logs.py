"""Logs as JSON lines, those of libraries too. Of an exception they have type and place, never its text."""

import logging
import re
import sys
import time
from collections.abc import Callable, Iterable
from math import inf
from select import PIPE_BUF
from traceback import format_tb
from typing import Literal, TypeAlias

import structlog
from structlog.typing import EventDict, WrappedLogger

Clock: TypeAlias = Callable[[], float]  # seconds that only go forward

log = structlog.get_logger(__name__)

QUIET_SECONDS = 60.0  # so long after a line no other one of its kind is written


class LogThrottle:
    """Says which lines to write. Kinds are few: each is remembered."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lines: dict[str, tuple[float, int]] = {}  # when written, and how many left out since

    def left_out(self, kind: str) -> int | None:
        """How many lines of this kind were left out before this one; None where this one is to be left out, too."""
        now = self._clock()
        written_at, left_out = self._lines.get(kind, (-inf, 0))
        if now - written_at < QUIET_SECONDS:
            self._lines[kind] = written_at, left_out + 1
            return None
        self._lines[kind] = now, 0
        return left_out


SETTLED = 5.0  # seconds without a failure after which what works again is taken to go on working


class StateLog:
    """Logs `lost` at `level` at the first failure, and `back` at info once it works again; `where` is in both."""

    def __init__(
        self,
        lost: str,
        back: str,
        level: Literal["warning", "error"] = "warning",
        clock: Clock = time.monotonic,
        **where: object,
    ) -> None:
        self._lost, self._level = lost, level
        self._back = back
        self._clock = clock
        self._where = where
        self._since: float | None = None
        self._failed_at = 0.0
        self._failures = 0

    def failed(self, **why: object) -> None:
        """Record a failure; the first one is logged, with `why`."""
        self._failed_at = self._clock()
        self._failures += 1
        if self._since is None:
            self._since = self._failed_at
            getattr(log, self._level)(self._lost, **self._where, **why)

    def worked(self) -> None:
        """Record a success; one that has held for `SETTLED` seconds is logged as the recovery."""
        if self._since is None:
            return
        now = self._clock()
        if now - self._failed_at >= SETTLED:
            log.info(self._back, **self._where, seconds=round(now - self._since, 1), failures=self._failures)
            self._since, self._failures = None, 0


_VALUES = re.compile(r"[\n(<]")
"""Where a line of asyncio's on an exception goes on with values: the arguments of a callback, the future itself."""


def traced(error: BaseException) -> dict[str, str]:
    """`error`, the name of its type, and `traceback`, where it came from."""
    return {"error": type(error).__name__, "traceback": "".join(format_tb(error.__traceback__))}


def trace_exceptions(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """structlog's processor for what comes with `exc_info`: an exception, or True for the one that is handled."""
    exc_info = event.pop("exc_info", None)
    error = sys.exception() if exc_info is True else exc_info
    if error is not None:
        event.update(traced(error))
    return event


class ToStructlog(logging.Handler):
    """Has what libraries log by the standard library go the way of the gateway's own lines, with their `logger`."""

    def emit(self, record: logging.LogRecord) -> None:
        event = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            event = _VALUES.split(event)[0].rstrip()
        structlog.get_logger().log(record.levelno, event, logger=record.name, exc_info=error)


def write_lines(lines: Iterable[str]) -> None:
    """Write JSON lines to standard error, as many at once as a pipe takes without those of others in between."""
    piece, size = "", 0
    for line in lines:
        size += len(line.encode())
        if size > PIPE_BUF:
            sys.stderr.write(piece)
            piece, size = "", len(line.encode())
        piece += line
    sys.stderr.write(piece)


def configure_logs(level: str = "info") -> None:
    """One JSON object a line on standard error, with the request id; from `level` up, of libraries from warnings."""
    logging.basicConfig(handlers=[ToStructlog()], level=logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            trace_exceptions,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
