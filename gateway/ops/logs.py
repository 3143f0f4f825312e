"""What logs tell of an exception: what it is and where, never its text, which may quote a platform or a caller."""

import sys
from traceback import format_tb

from structlog.typing import EventDict, WrappedLogger


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
