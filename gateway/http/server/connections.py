"""How connections begin and how their times are kept: uvicorn calls `Connections` for each connection of a process.

uvicorn.run(application, http=Connections(ServerLimits(...), error_app), ws=WebSocketConnection)
"""

import asyncio
from collections.abc import Callable, Collection, Hashable
from functools import partial
from typing import Any, Protocol

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.http.server.head import header_lines
from gateway.http.server.http_connection import HttpConnection
from gateway.http.server.limits import ServerLimits
from gateway.http.server.write_buffer import WriteBuffer

INTERVAL = 1.0
"""Seconds between two looks of the sweep."""


class Connections:
    """Makes connections of these limits, and has them swept. `error_app` answers an error: see `HttpConnection`.

    `on_start` is called with the open connections, a set that changes, before there are any.
    """

    def __init__(
        self,
        limits: ServerLimits,
        error_app: Callable[[Exception], ASGIApp],
        on_start: Callable[[Collection[Any]], object] = lambda _connections: None,
    ) -> None:
        self._on_start = on_start
        self._limits = limits
        self._error_app = error_app
        self._interval = min(INTERVAL, limits.shortest / 4)
        self._sweep: Sweep | None = None
        self._write_buffer = WriteBuffer()
        self._stopping = asyncio.Event()
        self._headers: list[tuple[bytes, bytes]] = []
        self._lines = b""

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> HttpConnection:
        loop = _loop or asyncio.get_running_loop()
        if self._sweep is None:
            self._on_start(server_state.connections)
            self._sweep = Sweep(server_state.connections, self._interval, loop)
        self._sweep.begin()
        lines = partial(self._header_lines, server_state)
        return HttpConnection(
            config,
            server_state,
            app_state,
            loop,
            self._limits,
            lines,
            self._write_buffer,
            self._error_app,
            self._stopping,
        )

    def _header_lines(self, server_state: ServerState) -> bytes:
        """uvicorn's own headers, such as the date: it makes a new list of them every second."""
        headers = server_state.default_headers
        if headers is not self._headers:
            self._headers = headers
            self._lines = header_lines(headers)
        return self._lines


class Connection(Protocol):
    """A connection, as the sweep sees it."""

    def awaited(self) -> tuple[Hashable, float]:
        """What the client has to do next, another value as soon as it has done it, and how many seconds it has."""

    def give_up(self) -> None:
        """The client has not done it."""


class Sweep:
    """Looks at `connections` every `interval` seconds, while there are any.

    It compares what each client has to do next with the look before. So one timer keeps the times of all connections,
    to one or two intervals; a timer for each request would cost more than reading it.
    """

    def __init__(self, connections: Collection[Any], interval: float, loop: asyncio.AbstractEventLoop) -> None:
        self._connections: Collection[Connection] = connections
        self._interval = interval
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._seen: dict[Connection, tuple[Hashable, float]] = {}

    def begin(self) -> None:
        """To be called when there is a new connection."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._interval, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        before, self._seen = self._seen, {}
        for connection in tuple(self._connections):
            awaited, allowed = connection.awaited()
            last, since = before.get(connection, (awaited, now))
            if last != awaited:
                since = now
            self._seen[connection] = awaited, since
            if now - since >= allowed:
                connection.give_up()
        self._timer = None
        if self._connections:
            self.begin()
