"""HTTP requests that go no further than the edge: with which status, error and headers."""

from math import ceil

from gateway.auth.rate import Allowance
from gateway.errors import GatewayError, IssuerUnavailableError, RateLimitedError
from gateway.http.headers import Headers, headers_of
from gateway.http.rate_headers import rate_lines

CLOSE = (b"connection", b"close")
"""Where a body is left unread, or is still on its way."""

_STATUS = {
    "BAD_USER_INPUT": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "RATE_LIMITED": 429,
    "UPSTREAM_UNAVAILABLE": 503,
    "UPSTREAM_TIMEOUT": 504,
}


class Refusal(Exception):  # noqa: N818 # the answer to a request, no fault of the program
    """Answered with `status`, the one `error` and these headers besides the usual ones."""

    def __init__(self, status: int, error: GatewayError, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers: Headers = headers

    @classmethod
    def of(cls, error: GatewayError) -> "Refusal":
        """The refusal for an error that leaves no data to answer with, whatever the media type."""
        headers: list[tuple[bytes, bytes]] = []
        if error.code == "UNAUTHENTICATED":
            headers.append((b"www-authenticate", b"Bearer"))
        if isinstance(error, RateLimitedError | IssuerUnavailableError):
            headers.append((b"retry-after", str(ceil(error.retry_after)).encode()))
        if isinstance(error, RateLimitedError) and error.limit is not None:
            headers += headers_of(rate_lines(Allowance(error.limit, 0, error.retry_after)))
        return cls(_STATUS.get(error.code, 500), error, *headers)
