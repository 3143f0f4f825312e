"""The turns of the event loop: long work is done in parts, and gives way to others between them."""

import asyncio
from time import perf_counter

LONGEST = 0.01
"""Seconds that all such work may hold the loop in one turn, and what was begun then to its end."""

_turn: tuple[asyncio.AbstractEventLoop, float] | None = None
"""The loop whose turn it is, and when the first part of work began in it."""


def is_spent(longest: float = LONGEST) -> bool:
    """Whether the turn has lasted too long for another part. Asked before each; 0: for one that takes a whole turn."""
    global _turn  # noqa: PLW0603 # the loop has one turn at a time
    loop, now = asyncio.get_running_loop(), perf_counter()
    if _turn is None or _turn[0] is not loop:
        _turn = loop, now
        loop.call_soon(_end)
        return False
    return now - _turn[1] > longest


async def give_way() -> None:
    """Wait for a turn that is not spent."""
    while is_spent():  # noqa: ASYNC110 # an event would wake all at once
        await asyncio.sleep(0)


def _end() -> None:
    global _turn  # noqa: PLW0603 # as above
    _turn = None
