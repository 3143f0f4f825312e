"""Awaits everything that one level of a response needs, at once."""

import asyncio
from collections.abc import Coroutine, Sequence
from inspect import iscoroutine
from typing import Any

from gateway.execution.level_loader import LevelLoader
from gateway.execution.load import Load
from gateway.execution.plan import UnplannableError

Outcomes = list[Any]


async def fetch(awaitables: Sequence[Any]) -> Outcomes:
    """The outcome of each, in order: its value, or the exception that it raised.

    Each loader is asked once, for all of its keys. What runs is cancelled when the caller is, and has ended when this
    returns.
    """
    loaders = {awaitable.loader if type(awaitable) is Load else None for awaitable in awaitables}
    if len(loaders) == 1 and (loader := loaders.pop()) is not None:
        return await _load(loader, awaitables)
    outcomes: Outcomes = [None] * len(awaitables)
    first, *others = _parts(awaitables, outcomes)
    tasks = [asyncio.ensure_future(part) for part in others]
    try:
        await first
        for task in tasks:
            await task
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for awaitable in awaitables:
            if iscoroutine(awaitable):
                awaitable.close()  # if it had not begun
        raise
    return outcomes


async def _load(loader: LevelLoader[Any, Any], loads: Sequence[Load[Any, Any]]) -> Outcomes:
    """The outcomes of loads of one loader."""
    keys = [load.key for load in loads]
    values = await loader.load_level(keys)
    return [value if load.pick is None else load.picked(value) for load, value in zip(loads, values, strict=True)]


def _parts(awaitables: Sequence[Any], outcomes: Outcomes) -> list[Coroutine[Any, Any, None]]:
    """What can run side by side: each loader's keys, and each awaitable of another kind."""
    parts: list[Coroutine[Any, Any, None]] = []
    positions_by_loader: dict[Any, list[int]] = {}
    for position, awaitable in enumerate(awaitables):
        if type(awaitable) is Load:
            positions_by_loader.setdefault(awaitable.loader, []).append(position)
        else:
            parts.append(_await(awaitable, position, outcomes))
    for loader, positions in positions_by_loader.items():
        loads = [awaitables[position] for position in positions]
        parts.append(_load_some(loader, loads, positions, outcomes))
    return parts


async def _await(awaitable: Any, position: int, outcomes: Outcomes) -> None:
    try:
        outcomes[position] = await awaitable
    except (Exception, UnplannableError) as error:  # noqa: BLE001 # it is the outcome
        outcomes[position] = error


async def _load_some(
    loader: LevelLoader[Any, Any], loads: list[Load[Any, Any]], positions: list[int], outcomes: Outcomes
) -> None:
    for position, outcome in zip(positions, await _load(loader, loads), strict=True):
        outcomes[position] = outcome
