"""What an answer tells of its caller's rate (draft-ietf-httpapi-ratelimit-headers-10, "RateLimit header fields")."""

from math import ceil

from gateway.auth.rate import WINDOW, Allowance

_LINES = b'ratelimit-policy: "caller";q=%%d;w=%d\r\nratelimit: "caller";r=%%d;t=%%d\r\n' % WINDOW


def rate_lines(allowance: Allowance) -> bytes:
    """The policy, so many operations a minute, and where the caller stands: as lines of a head."""
    return _LINES % (allowance.limit, allowance.remaining, ceil(allowance.reset_after))
