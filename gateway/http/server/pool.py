"""What the connections of one process share: limits, the timer for slow clients, one write for several answers."""

import asyncio
from collections.abc import Callable, Collection, Hashable
from contextvars import Context
from typing import Any, Final

from starlette.types import ASGIApp

from gateway.http.server.head import header_lines
from gateway.http.server.limits import ServerLimits

INTERVAL: Final = 1.0
"""Seconds between two looks at all connections."""

MOST_UNWRITTEN: Final = 8
"""Answers that are written at once: the first of a long turn does not wait for all the others."""


class Pool:
    """`error_app` answers an error: a RequestError, or what the application raised. `on_start` is called with the open
    connections, a set that changes, when there is the first.
    """

    def __init__(
        self,
        limits: ServerLimits,
        error_app: Callable[[Exception], ASGIApp],
        on_start: Callable[[Collection[Any]], object] = lambda _connections: None,
    ) -> None:
        self.limits = limits
        self.error_app = error_app
        self.is_stopping = False
        self._on_start = on_start
        self._open: Collection[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._seen: dict[object, tuple[Hashable, float]] = {}
        self._headers: list[tuple[bytes, bytes]] = []
        self._lines = b""
        self._unwritten: list[tuple[asyncio.Transport, bytes]] = []

    def watch(self, connections: Collection[Any]) -> None:
        """Look at all connections every `INTERVAL` seconds, while there are any.

        What each client has to do next is compared with the look before. So one timer keeps all times, to one or two
        intervals; a timer for each request would cost more than reading it.
        """
        if self._open is None:
            self._open = connections
            self._on_start(connections)
        if self._timer is None:
            limits = self.limits
            times = limits.header_timeout, limits.body_timeout, limits.keep_alive_timeout, limits.stall_timeout
            interval = min(INTERVAL, *(time / 4 for time in times))
            self._timer = asyncio.get_running_loop().call_later(interval, self._look, connections)

    def _look(self, connections: Collection[Any]) -> None:
        now = asyncio.get_running_loop().time()
        before, self._seen = self._seen, {}
        for connection in tuple(connections):
            awaited, allowed = connection.awaited()
            last, since = before.get(connection, (awaited, now))
            since = since if last == awaited else now
            self._seen[connection] = awaited, since
            if now - since >= allowed:
                connection.give_up()
        self._timer = None
        if connections:
            self.watch(connections)

    def header_lines(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """uvicorn's own headers, such as the date: it makes a new list of them every second."""
        if headers is not self._headers:
            self._headers, self._lines = headers, header_lines(headers)
        return self._lines

    def put(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Write it at the end of this turn of the loop, with the answers of other connections (write coalescing).

        A write wakes its sleeping reader, which costs more than the write: the first one wakes it, and the others find
        it awake. Netty does the same (`FlushConsolidationHandler`). What it saves is in docs/adr/0006-connections.md.
        """
        self._unwritten.append((transport, answer))
        if len(self._unwritten) >= MOST_UNWRITTEN:
            self.flush()
        elif len(self._unwritten) == 1:
            asyncio.get_running_loop().call_soon(self.flush, context=Context())

    def flush(self) -> None:
        """Write what waits, but to connections that are closing."""
        if self._unwritten:
            unwritten, self._unwritten = self._unwritten, []
            for transport, answer in unwritten:
                if not transport.is_closing():
                    transport.write(answer)
