"""Loaders, values that a resolver leaves to them, and how these are awaited."""

import asyncio
from collections.abc import Callable, Generator, Hashable, Sequence
from inspect import iscoroutine
from typing import Any, Generic, TypeVar

import msgspec
from aiodataloader import DataLoader

from gateway.errors import drop_tracebacks
from gateway.execution.response import UnplannableError
from gateway.futures import disregard, join
from gateway.ops.trace import current_trace
from gateway.turn import give_way

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


def only_values(outcomes: list[Any]) -> list[Any]:
    """The same, where all are values. Raises the first error among them; nobody hears of the others."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in errors[1:]:
        drop_tracebacks(error)
    if errors:
        raise errors[0]
    return outcomes


class LevelLoader(DataLoader[KeyT, ValueT]):
    """A DataLoader that gives plans whole levels. The base of all loaders. Always caches.

    graphql-core awaits values one by one (`wait`): the keys that it wants in one turn of the event loop are a batch.
    """

    waiting = 0
    """Callers of `wait`."""

    async def wait(self, key: KeyT) -> ValueT:
        """The value of a key that is loaded with others.

        Callers share a future, so none of them may cancel it: graphql-core cancels the siblings of a field whose error
        nulls their parent, and that would end fields elsewhere that want the same key.
        """
        self.waiting += 1
        try:
            return await join(self.load(key))
        except asyncio.CancelledError:
            if self.waiting == 1:
                self.abandon()
            raise
        finally:
            self.waiting -= 1

    def abandon(self) -> None:
        """The last caller of `wait` is cancelled. A batch under way is left alone, unless a subclass knows better."""

    async def load_all(self, keys: Sequence[KeyT]) -> list[ValueT]:
        """The values of several keys, in order. Raises the error of the first that fails. As `load_level`."""
        return only_values(await self.load_level(keys))

    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]:
        """The value or the error of each key, in order, of one batch."""
        futures = [self.load(key) for key in keys]
        try:
            await asyncio.wait(futures)
        except asyncio.CancelledError:
            for future in futures:
                disregard(future)
            raise
        return [future.exception() or future.result() for future in futures]


class Load(msgspec.Struct, Generic[KeyT, ValueT], eq=False, gc=False):
    """An awaitable (loader, key) pair, and what to `pick` from the loaded value; None takes it as it is.

    graphql-core awaits it like any awaitable, and the loader collects what is awaited in a turn of the event loop. A
    compiled plan never awaits it: it collects the pairs of a whole level and asks each loader once for all of its keys.
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
        if (trace := current_trace()) is not None:
            trace.ask(self.loader, self.key)
        value = yield from self.loader.wait(self.key).__await__()
        yield from give_way().__await__()
        return value if self.pick is None else self.pick(value)


async def fetch(awaitables: Sequence[Any]) -> list[Any]:
    """The outcome of each, in order: its value, or the exception that it raised.

    Each loader is asked once, for all of its keys, and all that is awaited runs side by side. What runs is cancelled
    when the caller is, and has ended when this returns.
    """
    sources = [each.loader if type(each) is Load else position for position, each in enumerate(awaitables)]
    if len(set(sources)) == 1:
        return await _await(awaitables)
    parts: dict[Any, list[int]] = {}
    for position, source in enumerate(sources):
        parts.setdefault(source, []).append(position)
    outcomes: list[Any] = [None] * len(awaitables)

    async def put(positions: list[int]) -> None:
        for position, outcome in zip(positions, await _await([awaitables[each] for each in positions]), strict=True):
            outcomes[position] = outcome

    first, *others = parts.values()
    tasks = [asyncio.ensure_future(put(positions)) for positions in others]
    try:
        await put(first)
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


async def _await(awaitables: Sequence[Any]) -> list[Any]:
    """The outcomes of loads of one loader, or of one other awaitable."""
    [first, *_] = awaitables
    if type(first) is Load:
        values = await first.loader.load_level([load.key for load in awaitables])
        return [load.picked(value) if load.pick else value for load, value in zip(awaitables, values, strict=True)]
    try:
        return [await first]
    except (Exception, UnplannableError) as error:  # noqa: BLE001 # it is the outcome
        return [error]
