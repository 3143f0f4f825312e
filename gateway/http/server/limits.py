"""What one client may take of the server, in time and size."""

from dataclasses import dataclass
from typing import Final

LONGEST_URL: Final = 16 * 1024

LONGEST_HEAD: Final = 32 * 1024
"""Bytes of the names and values of all headers."""

MOST_HEADERS: Final = 100

MOST_FRAMING: Final = 64 * 1024
"""Bytes of a request besides its body: chunk sizes and their extensions, trailers, a header that never ends."""

MOST_PIPELINED: Final = 16
"""Requests that wait on one connection for the answer to the one before."""

HIGH_WATER: Final = 64 * 1024
"""Bytes of a body that the application has not read; then the client has to wait."""

PROGRESS: Final = 16 * 1024
"""Bytes of an answer that a client has to take within the `stall_timeout`."""

LINGER: Final = 2.0
"""Seconds a client has to close after its last answer, and to send the rest of its request to a server that stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Times in seconds. `max_connections` are those of one process, WebSockets included.

    `header_timeout` is for all headers, from the first byte of the request or, if it is the first one, from the opening
    of the connection; `body_timeout` for the whole body, from the headers on.
    """

    header_timeout: float = 10.0
    body_timeout: float = 15.0
    keep_alive_timeout: float
    stall_timeout: float = 10.0
    max_connections: int
