"""A value that a resolver leaves to a loader, and how loads are awaited."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Hashable, Sequence
from inspect import iscoroutine
from typing import Any, Generic, TypeVar

import msgspec

from gateway.execution.level_loader import LevelLoader
from gateway.execution.plan import UnplannableError
from gateway.futures import join
from gateway.ops.trace import current_trace
from gateway.turn import give_way

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Load(msgspec.Struct, Generic[KeyT, ValueT], eq=False, gc=False):
    """An awaitable (loader, key) pair, and what to `pick` from the loaded value; None takes it as it is.

    graphql-core awaits it like any awaitable. A compiled plan never awaits it: it collects the pairs of a whole level
    and asks each loader once for all of its keys.

    The future of a loader that collects keys is awaited with `join`: all fields that want the same key share it.
    graphql-core cancels the siblings of a field whose error nulls their parent, and a future cancelled for one of them
    is cancelled for all: fields elsewhere that share it would end the whole request. Another loader (`batch` False) is
    asked in the task of the caller, and what it does is cancelled with the caller.
    """

    loader: LevelLoader[KeyT, Any]
    key: KeyT
    pick: Callable[[Any], ValueT] | None = None

    def picked(self, outcome: Any) -> Any:
        """What is picked from a loaded value, or the error of doing so; an error is handed on."""
        if self.pick is None or isinstance(outcome, Exception):
            return outcome
        try:
            return self.pick(outcome)
        except Exception as error:  # noqa: BLE001 # it is the outcome
            return error

    def __await__(self) -> Generator[Any, None, ValueT]:
        value: Any
        if (trace := current_trace()) is not None:
            trace.ask(self.loader, self.key)
        if self.loader.batch:
            value = yield from join(self.loader.load(self.key)).__await__()
        else:
            [value] = yield from self.loader.load_all((self.key,)).__await__()
        yield from give_way().__await__()
        return value if self.pick is None else self.pick(value)


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
