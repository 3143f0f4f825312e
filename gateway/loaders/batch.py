"""The base of all loaders, and what they read from."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, TypeVar, cast

from aiodataloader import DataLoader

from gateway.cache import ReadKey, SharedReads
from gateway.loaders.issues import count_issues
from gateway.ops.metrics import Metrics
from gateway.platforms.platforms import Platforms

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Source:
    """The platforms as one principal sees them: every read joins an equal one under way (see `gateway.cache`)."""

    __slots__ = ("metrics", "platforms", "shared", "view")

    def __init__(self, platforms: Platforms, shared: SharedReads, metrics: Metrics, view: Hashable) -> None:
        self.platforms = platforms
        self.shared = shared
        self.metrics = metrics
        self.view = view

    async def read(
        self, endpoint: str, community_code: str | None, arguments: Hashable, call: Callable[[], Awaitable[ValueT]]
    ) -> ValueT:
        async def counted() -> ValueT:
            value = await call()
            count_issues(self.metrics, endpoint, value)
            return value

        return await self.shared.read(ReadKey(endpoint, community_code, arguments, self.view), counted)

    def conceal(self, *arguments: object) -> bytes:
        """Stands for arguments that may be personal (see `SharedReads.conceal`)."""
        return self.shared.conceal(arguments)


class BatchLoader(DataLoader[KeyT, ValueT]):
    """A DataLoader of one request whose keys need a call each: no platform has batch endpoints (quirk 173).

    One batch is one level of the query. A failing key fails alone. `close()` stops what nobody waits for any more.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self._batches: set[asyncio.Task[Any]] = set()

    @abstractmethod
    async def load_one(self, key: KeyT) -> ValueT:
        """Read one key. Raises GatewayError."""

    async def batch_load_fn(self, keys: Sequence[KeyT]) -> list[ValueT | Exception]:  # type: ignore[override] # the base takes exceptions, its type does not say so
        batch = cast("asyncio.Task[Any]", asyncio.current_task())
        self._batches.add(batch)
        try:
            if len(keys) == 1:
                return [await self._settle(keys[0])]
            return await asyncio.gather(*map(self._settle, keys))
        finally:
            self._batches.discard(batch)

    async def _settle(self, key: KeyT) -> ValueT | Exception:
        try:
            return await self.load_one(key)
        except Exception as error:  # noqa: BLE001 # the error is the answer of this key; the loader raises it there
            return error

    def close(self) -> None:
        for batch in self._batches:
            batch.cancel()
