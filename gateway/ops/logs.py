"""Logs as JSON lines, those of libraries too.

Of an exception they have the type and the place, never its text, which may quote a platform or a caller.
"""

import logging
import re
import sys
from traceback import format_tb

import structlog
from structlog.typing import EventDict, WrappedLogger

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


def write_line(line: str) -> None:
    """Write a line that is JSON already, whatever the level, with the others on standard error."""
    sys.stderr.write(line)


def configure_logs(level: str = "info") -> None:
    """One JSON object a line on standard error, each with the request id, from `level` up; those of libraries from
    warnings up at least.
    """
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
