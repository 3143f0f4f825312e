"""The bases of all loaders of platform records, and what they read from."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

from gateway.cache import SharedReads
from gateway.execution.load import LevelLoader, fetch
from gateway.in_flight import InFlightRead, Read, ReadKey, wait_all
from gateway.ops.trace import METER, Trace, current_trace
from gateway.platforms.platforms import Platforms

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Source:
    """The platforms as one principal sees them: every read joins an equal one (see `gateway.in_flight`).

    `oldest`: when the oldest cached answer that is used here was asked for, by the clock of `shared`; None: none is.
    `fresh`: use no cached answer. `trace` is that of the operation, if it has one.
    """

    __slots__ = ("fresh", "oldest", "platforms", "shared", "trace", "view")

    def __init__(self, platforms: Platforms, shared: SharedReads, view: Hashable) -> None:
        self.platforms = platforms
        self.shared = shared
        self.view = view
        self.fresh = False
        self.oldest: float | None = None
        self.trace: Trace | None = None


class RecordLoader(LevelLoader[KeyT, ValueT], ABC):
    """A loader of what platforms have. None of them has batch endpoints (quirk 173), so a key is a call of its own, and
    the keys of a level or a batch are called side by side.
    """

    def __init__(self) -> None:
        """Sets what a DataLoader's own would, which first looks at `batch_load_fn`: 0.8 of its 1.0 µs, and a request
        makes two or three loaders.
        """
        self.loop = asyncio.get_running_loop()
        self._cache = {}
        self._queue = []
        self._batches: set[asyncio.Task[Any]] = set()

    def get_cache_key(self, key: KeyT) -> KeyT:
        """As in a DataLoader that is given no other."""
        return key

    async def batch_load_fn(self, keys: Sequence[KeyT]) -> list[Any]:
        """What a DataLoader asks, in a task of its own."""
        batch = self.loop.create_task(self.load_level(keys))
        self._batches.add(batch)
        try:
            return await batch
        except asyncio.CancelledError:
            for key in keys:
                self.clear(key)
            raise
        finally:
            self._batches.discard(batch)

    def abandon(self) -> None:
        """Make no more calls, and cancel those under way."""
        for queued in self._queue:
            self.clear(queued.key)
        self._queue.clear()
        for batch in self._batches:
            batch.cancel()

    @abstractmethod
    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]: ...


class ReadLoader(RecordLoader[KeyT, ValueT]):
    """A loader of one request whose keys are one read each, of one endpoint. No key is read twice."""

    endpoint: str

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self._shared = source.shared.of(self.endpoint)
        self._reads: dict[KeyT, InFlightRead] = {}

    @abstractmethod
    def read(self, key: KeyT) -> Read:
        """The call of the platform, to be begun. Its outcome is the value, or a GatewayError."""

    @abstractmethod
    def identify(self, key: KeyT) -> ReadKey:
        """What stands for the key where others see it."""

    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]:
        known = self._reads
        reads = []
        for key in keys:
            read = known.get(key)
            if read is None or read.cancelled:
                read = self._begin(key)
            reads.append(read)
        await wait_all(reads)
        return [read.outcome for read in reads]

    async def load_since(self, keys: Sequence[KeyT], since: float | None) -> list[Any]:
        """As `load_level`, by reads that began at this moment of the shared clock or later; None: by any."""
        if since is not None:
            for key in keys:
                read = self._reads.get(key)
                if read is None or read.began < since:
                    self._shared.forget_older(self.identify(key), since)
                    self._reads.pop(key, None)
        return await self.load_level(keys)

    async def read_since(self, key: KeyT, since: float) -> InFlightRead:
        """The read of a key, completed, that began at this moment of the shared clock or later."""
        await self.load_since((key,), since)
        return self._reads[key]

    def _begin(self, key: KeyT) -> InFlightRead:
        source = self.source
        if source.trace is None:
            read = self._shared.begin(self.identify(key), self.read, key, fresh=source.fresh)
        else:
            read = self._begin_traced(key, source.trace)
        self._reads[key] = read
        if read.completed and not isinstance(read.outcome, Exception):  # which is never cached
            source.oldest = read.began if source.oldest is None else min(source.oldest, read.began)
            if (meter := METER.get()) is not None:
                meter.kept += 1
        return read

    def _begin_traced(self, key: KeyT, trace: Trace) -> InFlightRead:
        own: list[KeyT] = []

        def begin(of: KeyT) -> Read:
            own.append(of)
            return self.read(of)

        with trace.asking(trace.find_paths(self, key)):
            read = self._shared.begin(self.identify(key), begin, key, fresh=self.source.fresh)
            if not own:
                age = self.source.shared.clock() - read.began
                trace.use(self.source.platforms.get_platform(self.endpoint), self.endpoint, read, age)
        return read


class ComposedLoader(RecordLoader[KeyT, ValueT]):
    """A loader whose values are put together, one by one, from what other loaders read. Each is composed once."""

    def __init__(self) -> None:
        super().__init__()
        self._composed: dict[KeyT, Any] = {}

    @abstractmethod
    async def compose(self, key: KeyT) -> ValueT:
        """Put the value of one key together. Raises GatewayError."""

    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]:
        trace, composed = current_trace(), self._composed
        missing = [key for key in dict.fromkeys(keys) if key not in composed]
        if missing:
            values = [
                self.compose(key) if trace is None else trace.under(trace.find_paths(self, key), self.compose(key))
                for key in missing
            ]
            composed.update(zip(missing, await fetch(values), strict=True))
        return [composed[key] for key in keys]
