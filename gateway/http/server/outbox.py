"""Answers that are written together.

A write wakes whoever waits for it, which costs the writer more than the write itself. So what is answered in one turn
of the event loop waits for the turn's end: the first write wakes the reader (a proxy, or the driver of a network card),
and finds it awake for the others. Netty calls this the consolidation of flushes.
"""

import asyncio
from contextvars import Context
from typing import Final

MOST_WAITING: Final = 8
"""So many are written at once: one that came first in a long turn does not wait for all the others."""


class Outbox:
    """One per event loop. Each answer comes after those that were put before."""

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self._is_scheduled = False

    def put(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Write it at the end of this turn at the latest."""
        waiting = self._waiting
        waiting.append((transport, answer))
        if len(waiting) >= MOST_WAITING:
            self.flush()
        elif not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._end_turn, context=Context())

    def flush(self) -> None:
        """Write what waits, but for connections that are closing: nobody reads there."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for transport, answer in waiting:
            if not transport.is_closing():
                transport.write(answer)

    def _end_turn(self) -> None:
        self._is_scheduled = False
        self.flush()
