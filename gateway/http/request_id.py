"""The id that ties an answer, its errors and its log lines together."""

import re
from contextvars import ContextVar
from random import getrandbits

from structlog.contextvars import STRUCTLOG_KEY_PREFIX

REQUEST_ID: ContextVar[str] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id")
"""That of the request under way: by this name structlog's `merge_contextvars` finds it for each line of the log."""

_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def own_request_id(given: bytes | None) -> str | None:
    """The caller's own id, where it is well formed."""
    return given.decode("ascii") if given is not None and _WELL_FORMED.fullmatch(given) else None


def new_request_id() -> str:
    """An id of 16 hexadecimal digits."""
    return getrandbits(64).to_bytes(8).hex()  # it tells lines apart, and keeps nothing secret
