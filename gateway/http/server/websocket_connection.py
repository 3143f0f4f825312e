"""uvicorn's WebSocket protocol, with an end to clients that read nothing.

uvicorn waits for a full send buffer to empty, and closes a connection only when it has, however long that takes.
"""

from collections.abc import Hashable
from math import inf

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.http.server.limits import LINGER, PROGRESS


class WebSocketConnection(WebSocketsSansIOProtocol):
    """Taken over from an `HttpConnection` when its client upgrades, and swept like it."""

    stall_timeout = 10.0
    """Seconds in which a client has to read some of what it was sent."""

    def awaited(self) -> tuple[Hashable, float]:
        unread = self.transport.get_write_buffer_size()
        if self.transport.is_closing():
            return ("closing", unread // PROGRESS), self.stall_timeout if unread else LINGER
        if not self.writable.is_set():
            return ("reading", unread // PROGRESS), self.stall_timeout
        return "nothing", inf

    def give_up(self) -> None:
        self.transport.abort()
