"""How connections begin: what uvicorn calls for each of a process.

uvicorn.run(application, http=Connections(ServerLimits(...)), ws=WebSocketConnection)
"""

import asyncio
from functools import partial
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.http.headers import lines_of
from gateway.http.server.http_connection import HttpConnection
from gateway.http.server.limits import ServerLimits
from gateway.http.server.outbox import Outbox
from gateway.http.server.sweep import INTERVAL, Sweep


class Connections:
    """Makes connections of these limits, and has them swept."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._interval = min(INTERVAL, limits.shortest / 4)
        self._sweep: Sweep | None = None
        self._outbox = Outbox()
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
            self._sweep = Sweep(server_state.connections, self._interval, loop)
        self._sweep.begin()
        return HttpConnection(
            config, server_state, app_state, loop, self._limits, partial(self._header_lines, server_state), self._outbox
        )

    def _header_lines(self, server_state: ServerState) -> bytes:
        """uvicorn's own headers, such as the date: it makes a new list of them every second."""
        headers = server_state.default_headers
        if headers is not self._headers:
            self._headers = headers
            self._lines = lines_of(headers)
        return self._lines
