"""What an answer tells of its caller's rate (draft-ietf-httpapi-ratelimit-headers-10, "RateLimit header fields")."""

from functools import cache
from math import ceil

from gateway.auth.rate import WINDOW


def rate_lines(limit: int, remaining: int, reset_after: float) -> bytes:
    """The policy, `limit` operations a minute, and where the caller stands: `remaining`, for `reset_after` seconds.

    As lines of a head (`gateway.http.headers`).
    """
    return b'%bratelimit: "caller";r=%d;t=%d\r\n' % (_policy(limit), remaining, ceil(reset_after))


@cache
def _policy(limit: int) -> bytes:
    return b'ratelimit-policy: "caller";q=%d;w=%d\r\n' % (limit, WINDOW)
