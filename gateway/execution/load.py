"""Loaders, values that a resolver leaves to them, and how these are awaited."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, field
from inspect import iscoroutine
from typing import Any, Generic, TypeVar

import msgspec
from aiodataloader import DataLoader
from graphql import GraphQLResolveInfo, located_error

from gateway.errors import drop_tracebacks
from gateway.futures import give_way, join
from gateway.ops.trace import current_trace

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class IncompleteError(Exception):
    """`part` is what there is, `cause` why there is no more."""

    def __init__(self, part: Any, cause: Exception) -> None:
        super().__init__(str(cause))
        self.part = part
        self.cause = cause


async def reported(value: Awaitable[ValueT], info: GraphQLResolveInfo[Any]) -> ValueT:
    """For graphql-core, what is awaited, or the part of it that there is: the context reports the cause."""
    try:
        return await value
    except IncompleteError as error:
        drop_tracebacks(error)
        info.context.report(located_error(error.cause, info.field_nodes, info.path.as_list()))
        part: ValueT = error.part
        return part


class UnplannableError(BaseException):
    """Plans do not cover this operation; graphql-core does.

    Not an Exception: a resolver that reads something which only graphql-core knows raises this through its own
    `except Exception`, which must not take it for a failure.
    """


class HandOverError(Exception):
    """The arguments of a field cannot be read, or what it awaited failed and may not be null: graphql-core reports it,
    or never gets to that field, or is luckier.
    """


def only_values(outcomes: list[Any]) -> list[Any]:
    """The same, where all are values. Raises the first error among them; nobody hears of the others."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in errors[1:]:
        drop_tracebacks(error)
    if errors:
        raise errors[0]
    return outcomes


@dataclass(eq=False, repr=False)
class Loader(ABC, Generic[KeyT, ValueT]):
    """What one request reads by keys, each of them once. The base of all loaders.

    Plans ask for whole levels (`load_level`); graphql-core awaits values one by one (`wait`).
    """

    _known: dict[KeyT, Any] = field(default_factory=dict, init=False)
    _batches: "_Batches | None" = field(default=None, init=False)

    @abstractmethod
    async def read(self, keys: Sequence[KeyT]) -> list[Any]:
        """The value or the error of each key, in order. What it raises is the error of all, and is not remembered."""

    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]:
        """The value or the error of each key, in order."""
        known = self._known
        if missing := [key for key in dict.fromkeys(keys) if key not in known]:
            try:
                known.update(zip(missing, await self.read(missing), strict=True))
            except Exception as error:  # noqa: BLE001 # it is the outcome
                known = known | dict.fromkeys(missing, error)
        return [known[key] for key in keys]

    async def load_all(self, keys: Sequence[KeyT]) -> list[ValueT]:
        """As `load_level`, where all are values. Raises the error of the first key that fails."""
        return only_values(await self.load_level(keys))

    async def wait(self, key: KeyT) -> ValueT:
        """The value of a key. A caller who is cancelled leaves it to those who wait for the same key: graphql-core
        cancels the siblings of a field whose error nulls their parent. When none waits for any, no more is read.
        """
        batches = self._batches = self._batches or _Batches(self)
        batches.callers += 1
        try:
            return await join(batches.load(key))
        finally:
            batches.callers -= 1
            if not batches.callers:
                batches.stop()
                self._batches = None  # the two would hold each other


class _Batches(DataLoader[Any, Any]):
    """The keys that callers of a loader wait for: those of one turn of the event loop are loaded as a level."""

    def __init__(self, loader: Loader[Any, Any]) -> None:
        super().__init__()
        self._loader = loader
        self._running: set[asyncio.Task[Any] | None] = set()
        self.callers = 0

    async def batch_load_fn(self, keys: Sequence[Any]) -> list[Any]:
        task = asyncio.current_task()
        self._running.add(task)
        try:
            return await self._loader.load_level(keys)
        finally:
            self._running.discard(task)

    def stop(self) -> None:
        self._queue.clear()
        for task in self._running:
            if task is not None:
                task.cancel()


class Load(msgspec.Struct, Generic[KeyT, ValueT], eq=False, gc=False):
    """An awaitable (loader, key) pair, and what to `pick` from the loaded value; None takes it as it is.

    graphql-core awaits it like any awaitable, and the loader collects what is awaited in a turn of the event loop. A
    compiled plan never awaits it: it collects the pairs of a whole level and asks each loader once for all of its keys.
    """

    loader: Loader[KeyT, Any]
    key: KeyT
    pick: Callable[[Any], ValueT] | None = None

    def __await__(self) -> Generator[Any, None, ValueT]:
        if (trace := current_trace()) is not None:
            trace.ask(self.loader, self.key)
        value = yield from self.loader.wait(self.key).__await__()
        yield from give_way().__await__()
        return value if self.pick is None else self.pick(value)


LOADS = {Load}


async def fetch(awaitables: Sequence[Any]) -> list[Any]:
    """The outcome of each, in order: its value, or the exception that it raised. Raises what a `pick` raises.

    Each loader is asked once, for all of its keys, and all that is awaited runs side by side. What runs is cancelled
    when the caller is, and has ended when this returns.
    """
    first = awaitables[0]
    if type(first) is Load and len({each.loader if type(each) is Load else each for each in awaitables}) == 1:
        found = await first.loader.load_level([load.key for load in awaitables])
        return [
            outcome if load.pick is None or isinstance(outcome, Exception) else load.pick(outcome)
            for load, outcome in zip(awaitables, found, strict=True)
        ]
    if len(awaitables) == 1:
        try:
            return [await first]
        except (Exception, UnplannableError) as error:  # noqa: BLE001 # it is the outcome
            return [error]
    outcomes: list[Any] = [None] * len(awaitables)
    parts: dict[Any, list[int]] = {}
    for position, each in enumerate(awaitables):
        parts.setdefault(each.loader if type(each) is Load else position, []).append(position)

    async def put(positions: list[int]) -> None:
        some = await fetch([awaitables[position] for position in positions])
        for position, outcome in zip(positions, some, strict=True):
            outcomes[position] = outcome

    here, *others = parts.values()
    try:
        async with asyncio.TaskGroup() as tasks:
            for part in others:
                tasks.create_task(put(part))
            await put(here)
    finally:
        for awaitable in awaitables:
            if iscoroutine(awaitable):
                awaitable.close()  # if it had not begun
    return outcomes
