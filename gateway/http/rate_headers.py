"""What an answer tells of its caller's rate (draft-ietf-httpapi-ratelimit-headers-10, "RateLimit header fields")."""

from collections.abc import Sequence
from functools import cache
from math import ceil
from typing import TypeAlias

from gateway.auth.rate import WINDOW

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


def rate_headers(limit: int, remaining: int, reset_after: float) -> Headers:
    """The policy, `limit` operations a minute, and where the caller stands: `remaining`, for `reset_after` seconds."""
    return (_policy(limit), (b"ratelimit", b'"caller";r=%d;t=%d' % (remaining, ceil(reset_after))))


@cache
def _policy(limit: int) -> tuple[bytes, bytes]:
    return (b"ratelimit-policy", b'"caller";q=%d;w=%d' % (limit, WINDOW))
