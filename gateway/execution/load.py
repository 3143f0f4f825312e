"""Loaders, values that a resolver leaves to them, and how these are awaited."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Hashable, Sequence
from inspect import iscoroutine
from typing import Any, Generic, TypeVar

import msgspec
from aiodataloader import DataLoader
from graphql import GraphQLResolveInfo, located_error

from gateway.errors import drop_tracebacks
from gateway.futures import disregard, give_way, join
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


class LevelLoader(DataLoader[KeyT, ValueT]):
    """A DataLoader that gives plans whole levels. The base of all loaders. Always caches.

    graphql-core awaits values one by one (`wait`): the keys that it wants in one turn of the event loop are a batch.
    """

    async def wait(self, key: KeyT) -> ValueT:
        """The value of a key. Callers share a future, so none may cancel it: graphql-core cancels the siblings of a
        field whose error nulls their parent, and that would end fields elsewhere that want the same key.
        """
        return await join(self.load(key))

    async def load_all(self, keys: Sequence[KeyT]) -> list[ValueT]:
        """As `load_level`, where all are values. Raises the error of the first key that fails."""
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

    def __await__(self) -> Generator[Any, None, ValueT]:
        if (trace := current_trace()) is not None:
            trace.ask(self.loader, self.key)
        value = yield from self.loader.wait(self.key).__await__()
        yield from give_way().__await__()
        return value if self.pick is None else self.pick(value)


LOADS = {Load}


async def fetch(awaitables: Sequence[Any]) -> list[Any]:
    """The outcome of each, in order: its value, or the exception that it raised.

    Each loader is asked once, for all of its keys, and all that is awaited runs side by side. What runs is cancelled
    when the caller is, and has ended when this returns.
    """
    first = awaitables[0]
    if {*map(type, awaitables)} == LOADS:
        loader = first.loader
        keys = [load.key for load in awaitables if load.loader is loader and load.pick is None]
        if len(keys) == len(awaitables):
            level: list[Any] = await loader.load_level(keys)
            return level
    elif len(awaitables) == 1:
        try:
            return [await first]
        except (Exception, UnplannableError) as error:  # noqa: BLE001 # it is the outcome
            return [error]
    outcomes: list[Any] = [None] * len(awaitables)

    async def put(asked: Any, positions: list[int]) -> None:
        if not isinstance(asked, LevelLoader):
            [outcomes[asked]] = await fetch([awaitables[asked]])
            return
        loads = [awaitables[position] for position in positions]
        values = await asked.load_level([load.key for load in loads])
        for position, load, value in zip(positions, loads, values, strict=True):
            outcomes[position] = value
            if load.pick is not None and not isinstance(value, Exception):
                try:
                    outcomes[position] = load.pick(value)
                except Exception as error:  # noqa: BLE001 # it is the outcome
                    outcomes[position] = error

    parts: dict[Any, list[int]] = {}
    for position, each in enumerate(awaitables):
        parts.setdefault(each.loader if type(each) is Load else position, []).append(position)
    here, *others = parts.items()
    try:
        async with asyncio.TaskGroup() as tasks:
            for part in others:
                tasks.create_task(put(*part))
            await put(*here)
    finally:
        for awaitable in awaitables:
            if iscoroutine(awaitable):
                awaitable.close()  # if it had not begun
    return outcomes
