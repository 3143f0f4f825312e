"""A DataLoader that is asked for whole levels."""

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

from aiodataloader import DataLoader

from gateway.errors import drop_tracebacks
from gateway.futures import disregard, join

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
