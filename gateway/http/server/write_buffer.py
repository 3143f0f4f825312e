"""Write coalescing: whole answers of one turn of the event loop are written together.

A write wakes its sleeping reader (a proxy, the driver of a network card), which costs the writer more than the write
itself. Answers wait for the end of the turn: the first write wakes the reader, and the others find it awake. Netty does
the same (`FlushConsolidationHandler`). What it saves is in docs/adr/0006-connections.md.
"""

import asyncio
from contextvars import Context
from typing import Final

MOST_WAITING: Final = 8
"""Answers that are written at once: the first of a long turn does not wait for all the others."""


class WriteBuffer:
    """One per event loop. Answers are written in the order in which they were put."""

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []

    def put(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Write it at the end of this turn at the latest."""
        waiting = self._waiting
        waiting.append((transport, answer))
        if len(waiting) >= MOST_WAITING:
            self.flush()
        elif len(waiting) == 1:
            asyncio.get_running_loop().call_soon(self.flush, context=Context())

    def flush(self) -> None:
        """Write what waits, but to connections that are closing: nobody reads there."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for transport, answer in waiting:
            if not transport.is_closing():
                transport.write(answer)
