"""A DataLoader that is asked for whole levels."""

from asyncio import Future
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

from aiodataloader import DataLoader

from gateway.errors import drop_tracebacks

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
    """A DataLoader with a shorter way for plans, which know all keys of a level at once. The base of all loaders.

    `load` collects keys one by one, and a task of its own asks for them when the event loop comes round: that is how
    graphql-core gets its batches. `load_level` needs neither queue nor task. Both share one cache, so no key is asked
    for twice. Always caches, and makes one batch of what it is given.
    """

    async def load_all(self, keys: Sequence[KeyT]) -> list[ValueT]:
        """The values of several keys, in order. Raises the error of the first that fails. As `load_level`."""
        return only_values(await self.load_level(keys))

    async def load_level(self, keys: Sequence[KeyT]) -> list[ValueT | Exception]:
        """The value or the error of each key, in order. Runs in the caller's task, and is cancelled with it."""
        new: dict[KeyT, Future[ValueT]] = {}
        futures = [self._future(key, new) for key in keys]
        if new:
            await self._load_new(new)
        outcomes: list[ValueT | Exception] = []
        for future in futures:
            try:
                outcomes.append(await future)
            except Exception as error:  # noqa: BLE001 # it is the outcome of this key
                outcomes.append(error)
        return outcomes

    def _future(self, key: KeyT, new: dict[KeyT, Future[ValueT]]) -> Future[ValueT]:
        try:
            cache_key = self.get_cache_key(key)
            future = self._cache.get(cache_key)
            if future is not None:
                return future
            if key is None:
                return self.load(key)  # which refuses it
            new[key] = self._cache[cache_key] = future = self.loop.create_future()
        except Exception as error:  # noqa: BLE001 # `load` would raise it for this key
            future = self.loop.create_future()
            future.set_exception(error)
        return future

    async def _load_new(self, new: dict[KeyT, Future[ValueT]]) -> None:
        """Settles all of these futures. As in a DataLoader, the error of a whole batch is not remembered."""
        values: list[Any]
        try:
            values = list(await self.batch_load_fn(list(new)))
            if len(values) != len(new):
                raise TypeError("a batch must have one value for each key")
        except Exception as error:  # noqa: BLE001 # it is the error of every key
            values = [error] * len(new)
            for key in new:
                self.clear(key)
        except BaseException:
            for key, future in new.items():
                self.clear(key)
                future.cancel()
            raise
        for future, value in zip(new.values(), values, strict=True):
            if future.done():  # cancelled by somebody who shared it
                continue
            if isinstance(value, Exception):
                future.set_exception(value)
            else:
                future.set_result(value)
