"""The bases of all loaders of platform records, and what they read from.

No platform has batch endpoints (quirk 173), so there are no batches to collect: a key is a call, and the keys of a
level are called side by side.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from gateway.cache import InFlightRead, Read, ReadKey, SharedReads, wait_all
from gateway.execution.fetch import fetch, only_values
from gateway.platforms.platforms import Platforms

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Source:
    """The platforms as one principal sees them: every read joins an equal one (see `gateway.cache`).

    `oldest`: when the oldest cached answer that is used here was asked for, by the clock of `shared`; None: none is.
    `fresh`: use no cached answer.
    """

    __slots__ = ("fresh", "oldest", "platforms", "shared", "view")

    def __init__(self, platforms: Platforms, shared: SharedReads, view: Hashable) -> None:
        self.platforms = platforms
        self.shared = shared
        self.view = view
        self.fresh = False
        self.oldest: float | None = None

    @property
    def age(self) -> int | None:
        """Seconds since the oldest cached answer that is used here was asked for; None: all were asked for now."""
        return None if self.oldest is None else int(self.shared.clock() - self.oldest)


class RecordLoader(ABC, Generic[KeyT, ValueT]):
    """What loaders give to plans, which ask for the keys of a whole level, and to others, which ask for one."""

    async def load(self, key: KeyT) -> ValueT:
        """The value of one key. Raises GatewayError."""
        return (await self.load_all((key,)))[0]

    async def load_all(self, keys: Sequence[KeyT]) -> list[ValueT]:
        """The values of several keys, in order. Raises the GatewayError of the first that fails."""
        return only_values(await self.load_level(keys))

    @abstractmethod
    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]:
        """The value or the error of each key, in order. A key that fails, fails alone."""


class ReadLoader(RecordLoader[KeyT, ValueT]):
    """A loader of one request whose keys are one read each, of one endpoint. No key is read twice."""

    endpoint: ClassVar[str]

    def __init__(self, source: Source) -> None:
        self.source = source
        self._shared = source.shared.of(self.endpoint)
        self._reads: dict[KeyT, InFlightRead] = {}

    @abstractmethod
    def read(self, key: KeyT) -> Read:
        """The call of the platform, to be begun. Its outcome is the value, or a GatewayError."""

    @abstractmethod
    def identify(self, key: KeyT) -> ReadKey:
        """What stands for the key where others see it."""

    async def load(self, key: KeyT) -> ValueT:
        read = self._reads.get(key)
        if read is None or read.cancelled:
            read = self._begin(key)
        if not read.completed:
            await wait_all((read,))
        outcome: Any = read.outcome
        if isinstance(outcome, Exception):
            raise outcome
        value: ValueT = outcome
        return value

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

    def _begin(self, key: KeyT) -> InFlightRead:
        source = self.source
        read = self._shared.begin(self.identify(key), self.read, key, fresh=source.fresh)
        self._reads[key] = read
        if read.completed and not isinstance(read.outcome, Exception):  # which is never cached
            source.oldest = read.began if source.oldest is None else min(source.oldest, read.began)
        return read


class ComposedLoader(RecordLoader[KeyT, ValueT]):
    """A loader whose values are put together, one by one, from what other loaders read."""

    @abstractmethod
    async def load(self, key: KeyT) -> ValueT:
        """Put the value of one key together. Raises GatewayError."""

    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]:
        if len(keys) == 1:
            try:
                return [await self.load(keys[0])]
            except Exception as error:  # noqa: BLE001 # it is the outcome of this key
                return [error]
        distinct = list(dict.fromkeys(keys))
        outcomes = dict(zip(distinct, await fetch([self.load(key) for key in distinct]), strict=True))
        return [outcomes[key] for key in keys]
