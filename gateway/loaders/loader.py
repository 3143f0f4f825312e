"""The bases of all loaders of platform records, and what they read from.

No platform has batch endpoints (quirk 173), so there are no batches to collect: a key is a call, and the keys of a
level are called side by side.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from gateway.cache import Flight, ReadKey, SharedReads, landed
from gateway.execution.fetch import fetch, values
from gateway.platforms.platforms import Platforms

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Source:
    """The platforms as one principal sees them: every read joins an equal one under way (see `gateway.cache`)."""

    __slots__ = ("platforms", "shared", "view")

    def __init__(self, platforms: Platforms, shared: SharedReads, view: Hashable) -> None:
        self.platforms = platforms
        self.shared = shared
        self.view = view


class RecordLoader(ABC, Generic[KeyT, ValueT]):
    """What loaders give to plans, which ask for the keys of a whole level, and to others, which ask for one."""

    async def load(self, key: KeyT) -> ValueT:
        """The value of one key. Raises GatewayError."""
        return (await self.load_all((key,)))[0]

    async def load_all(self, keys: Sequence[KeyT]) -> list[ValueT]:
        """The values of several keys, in order. Raises the GatewayError of the first that fails."""
        return values(await self.load_level(keys))

    @abstractmethod
    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]:
        """The value or the error of each key, in order. A key that fails, fails alone."""


class ReadLoader(RecordLoader[KeyT, ValueT]):
    """A loader of one request whose keys are one read each, of one endpoint. No key is read twice."""

    endpoint: ClassVar[str]

    def __init__(self, source: Source) -> None:
        self.source = source
        self._flights: dict[KeyT, Flight] = {}

    @abstractmethod
    async def read(self, key: KeyT) -> ValueT:
        """Call the platform. Raises GatewayError."""

    @abstractmethod
    def identify(self, key: KeyT) -> tuple[str | None, Hashable]:
        """The community that is read, if it is one, and what stands for the key where others see it (`ReadKey`)."""

    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]:
        flights = [self._flight(key) for key in keys]
        await landed(flights)
        return [flight.outcome for flight in flights]

    def _flight(self, key: KeyT) -> Flight:
        flight = self._flights.get(key)
        if flight is None or flight.abandoned:
            shared_key = ReadKey(*self.identify(key), self.source.view)
            flight = self._flights[key] = self.source.shared.begin(self.endpoint, shared_key, self.read, key)
        return flight


class ComposedLoader(RecordLoader[KeyT, ValueT]):
    """A loader whose values are put together from what other loaders read."""

    @abstractmethod
    async def compose(self, key: KeyT) -> ValueT:
        """Put the value of one key together. Raises GatewayError."""

    async def load_level(self, keys: Sequence[KeyT]) -> list[Any]:
        distinct = list(dict.fromkeys(keys))
        outcomes = dict(zip(distinct, await fetch([self.compose(key) for key in distinct]), strict=True))
        return [outcomes[key] for key in keys]
