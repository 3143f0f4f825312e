"""uvicorn's WebSocket protocol (RFC 6455), with an end to what one client may take.

uvicorn waits for a client to read, however long that takes, keeps any number of pongs and fragments for it, and says
nothing to a handshake that it cannot read.
"""

from collections.abc import Hashable
from math import inf
from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from gateway.http.server.limits import LINGER, PROGRESS

MOST_FRAGMENTS: Final = 1024
"""Of one message."""


class WebSocketConnection(WebSocketsSansIOProtocol):
    """Takes over from an `HttpConnection` when its client upgrades, and is swept like it."""

    stall_timeout: float
    """Seconds in which a client has to read some of what it was sent: of the `HttpConnection`, set as it hands over."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._reject_handshake()

    def _reject_handshake(self) -> None:
        """One that websockets finds too long, or that has a body."""
        self.transport.write(self.conn.reject(400, "This is no handshake of a WebSocket.\n").serialize())
        self.transport.close()

    def handle_ping(self) -> None:
        """While the client reads nothing it gets no pongs: it may take the next one for all (RFC 6455, 5.5.3)."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        else:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            super().handle_parser_exception()

    def handle_parser_exception(self) -> None:
        """What is no frame: the client gets a close code, unless it sent that before it was let in."""
        if self.conn.close_sent is not None:
            super().handle_parser_exception()
        else:
            self.transport.abort()

    def awaited(self) -> tuple[Hashable, float]:
        unread = self.transport.get_write_buffer_size()
        if self.transport.is_closing():
            return ("closing", unread // PROGRESS), self.stall_timeout if unread else LINGER
        if not self.writable.is_set():
            return ("reading", unread // PROGRESS), self.stall_timeout
        return "nothing", inf

    def give_up(self) -> None:
        self.transport.abort()
