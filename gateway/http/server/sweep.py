"""Keeping the times of all connections with one timer: a timer for each request would cost more than reading it.

The sweep looks at what the client of each connection is waited for, and whether that is still the same as at the looks
before. So a request costs nothing here, and a time is kept to one or two intervals of the sweep.
"""

import asyncio
from collections.abc import Collection, Hashable
from typing import Any, Protocol

INTERVAL = 1.0
"""Seconds between two looks."""


class Connection(Protocol):
    """A connection, as the sweep sees it."""

    def awaited(self) -> tuple[Hashable, float]:
        """What the client has to do next, another value as soon as it has done it, and how many seconds it has."""

    def give_up(self) -> None:
        """The client has not done it."""


class Sweep:
    """Looks at `connections` every `interval` seconds, while there are any."""

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
