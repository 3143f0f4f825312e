"""Awaits everything that one level of a response needs, at once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.execution.load import Load
from gateway.execution.plan import UnplannableError


async def fetch(awaitables: Sequence[Any]) -> list[Any]:
    """The outcome of each, in order: its value, or the exception that it raised.

    All keys of a loader are handed to it before anything is awaited, so that it makes one batch of them. What runs is
    cancelled when the caller is, and has ended when this returns.
    """
    if len(awaitables) == 1 and type(awaitables[0]) is not Load:
        return [await _outcome(awaitables[0])]
    started = [_start(awaitable) for awaitable in awaitables]
    try:
        return [await _outcome(future) for future in started]
    except BaseException:
        await _cancel(started)
        raise


def _start(awaitable: Any) -> Any:
    """A future; or, where not even that can be had, the exception."""
    try:
        if type(awaitable) is Load:
            return asyncio.ensure_future(awaitable.loader.load(awaitable.key))
        return asyncio.ensure_future(awaitable)
    except Exception as error:  # noqa: BLE001 # it is the outcome of this one
        return error


async def _outcome(awaitable: Any) -> Any:
    if isinstance(awaitable, Exception):
        return awaitable
    try:
        return await awaitable
    except (Exception, UnplannableError) as error:  # noqa: BLE001 # it is the outcome of this one
        return error


async def _cancel(started: Sequence[Any]) -> None:
    futures = [future for future in started if isinstance(future, asyncio.Future)]
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
