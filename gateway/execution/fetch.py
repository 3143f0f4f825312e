"""Awaits everything that one level of a response needs, at once."""

import asyncio
from collections.abc import Coroutine, Sequence
from inspect import iscoroutine
from typing import Any

from gateway.errors import drop_tracebacks
from gateway.execution.load import Load
from gateway.execution.plan import UnplannableError

Outcomes = list[Any]


async def fetch(awaitables: Sequence[Any]) -> Outcomes:
    """The outcome of each, in order: its value, or the exception that it raised.

    Each loader is asked once, for all of its keys. What runs is cancelled when the caller is, and has ended when this
    returns.
    """
    loaders = {awaitable.loader if type(awaitable) is Load else None for awaitable in awaitables}
    if len(loaders) == 1 and None not in loaders:
        return await _load(loaders.pop(), awaitables)
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


def only_values(outcomes: Outcomes) -> Outcomes:
    """The same, where all are values. Raises the first error among them; nobody hears of the others."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in errors[1:]:
        drop_tracebacks(error)
    if errors:
        raise errors[0]
    return outcomes


async def _load(loader: Any, loads: Sequence[Load[Any, Any]]) -> Outcomes:
    """The outcomes of loads of one loader."""
    keys = [load.key for load in loads]
    values = await (loader.load_level(keys) if hasattr(loader, "load_level") else _load_each(loader, keys))
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


async def _load_some(loader: Any, loads: list[Load[Any, Any]], positions: list[int], outcomes: Outcomes) -> None:
    for position, outcome in zip(positions, await _load(loader, loads), strict=True):
        outcomes[position] = outcome


async def _load_each(loader: Any, keys: list[Any]) -> Outcomes:
    """All keys are handed over before anything is awaited, so that the loader makes one batch of them."""
    futures = [_future(loader, key) for key in keys]
    try:
        return [await _outcome(future) for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _future(loader: Any, key: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any]
    try:
        future = asyncio.ensure_future(loader.load(key))
    except Exception as error:  # noqa: BLE001 # it is the outcome of this key
        future = asyncio.get_running_loop().create_future()
        future.set_exception(error)
    return future


async def _outcome(future: asyncio.Future[Any]) -> Any:
    try:
        return await future
    except Exception as error:  # noqa: BLE001 # it is the outcome of this key
        return error
