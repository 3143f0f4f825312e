"""Futures that more than one waits for."""

import asyncio
from typing import Any, TypeVar

T = TypeVar("T")


async def join(shared: asyncio.Future[T]) -> T:
    """The outcome of work that goes on when this caller is cancelled: others may wait for it.

    As `asyncio.shield`, which since Python 3.14 hands the error of what a cancelled caller waited for to the event
    loop's handler, text and all, even if another caller has seen it.
    """
    try:
        await asyncio.wait((shared,))
    except asyncio.CancelledError:
        disregard(shared)
        raise
    return shared.result()


def disregard(future: asyncio.Future[Any]) -> None:
    """Nobody waits for this future any more: asyncio is not to report its error as one that was forgotten."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
