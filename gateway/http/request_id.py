"""The id that ties an answer, its errors and its log lines together."""

import re
from random import getrandbits

HEADER = b"x-request-id"

_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def request_id(given: bytes | None) -> str:
    """The caller's own id where it is well formed, else a new one of 16 hexadecimal digits."""
    if given is not None and _WELL_FORMED.fullmatch(given):
        return given.decode("ascii")
    return f"{getrandbits(64):016x}"  # it tells lines apart, and keeps nothing secret
