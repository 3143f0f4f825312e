"""A DataLoader that is asked for whole levels."""

from asyncio import Future
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

from aiodataloader import DataLoader

from gateway.execution.load import outcome_of

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class LevelLoader(DataLoader[KeyT, ValueT]):
    """A DataLoader with a shorter way for plans, which know all keys of a level at once.

    `load` collects keys one by one, and a task of its own asks for them when the event loop comes round: that is how
    graphql-core gets its batches. `load_level` needs neither queue nor task. Both share one cache, so no key is asked
    for twice. Always caches, and makes one batch of what it is given.
    """

    async def load_level(self, keys: Sequence[KeyT]) -> list[ValueT | Exception]:
        """The value or the error of each key, in order. Runs in the caller's task, and is cancelled with it."""
        new: dict[KeyT, Future[ValueT]] = {}
        futures = [self._future(key, new) for key in keys]
        if new:
            await self._load_new(new)
        return [future if isinstance(future, Exception) else await outcome_of(future) for future in futures]

    def _future(self, key: KeyT, new: dict[KeyT, Future[ValueT]]) -> Future[ValueT] | Exception:
        try:
            if key is None:
                return self.load(key)  # which refuses it
            cache_key = self.get_cache_key(key)
            if cache_key not in self._cache:
                new[key] = self._cache[cache_key] = self.loop.create_future()
            return self._cache[cache_key]
        except Exception as error:  # noqa: BLE001 # `load` would raise it for this key
            return error

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
