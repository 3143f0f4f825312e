"""The bases of all loaders of platform records, and what they read from."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import inf
from typing import Any, Generic, TypeVar

import msgspec

from gateway.auth.principal import Scope
from gateway.cache import Read, SharedReads
from gateway.execution.load import Loader, fetch
from gateway.futures import wait_all
from gateway.normalise.wire import AS_DECLARED
from gateway.ops.trace import METER, Trace, current_trace
from gateway.platforms.call import Call
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.platforms import Platforms

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Source(msgspec.Struct, eq=False):
    """The platforms as one principal sees them: every read joins an equal one (see `gateway.cache`).

    `oldest`: when the oldest cached answer that is used here was asked for, by the clock of `shared`; None: none is.
    `fresh`: use no cached answer. `trace` is that of the operation, if it has one.
    """

    platforms: Platforms
    shared: SharedReads
    view: Hashable
    fresh: bool = False
    oldest: float | None = None
    trace: Trace | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Lookup(Generic[KeyT, ValueT]):
    """What a platform gives by a key, by a call of its own.

    `read(client, key)` makes the call, of the client that has the `endpoint`. `scope` is what a caller needs.
    `cached_as` is its name in `GATEWAY_CACHE`; `caches_none`: that there is nothing is an answer like any other. In the
    cache a key that `is_personal` stands concealed, and the answers of a community, which `community` finds in the key,
    are dropped together. `nothing` is a key that finds nothing, or all that there is, for `gateway check`. `page_size`
    is that of a list whose platform cuts all pages alike.
    """

    endpoint: Endpoint
    scope: Scope
    read: Callable[[Any, KeyT], Call[ValueT]]
    nothing: KeyT
    cached_as: str
    page_size: int | None = None
    caches_none: bool = False
    is_personal: Callable[[KeyT], bool] | None = None
    community: Callable[[KeyT], str | None] = lambda _key: None


class ReadLoader(Loader[KeyT, ValueT]):
    """The loader of one look-up, for one request. No platform has batch endpoints (quirk 173), so a key is a call of
    its own, and the keys of a level are called side by side.

    Of a list, as the deployment's profile has it, else as declared: `page_size`, and `turns_pages`: it gives the page
    that it is asked for, and not always the first.
    """

    def __init__(self, source: Source, lookup: Lookup[KeyT, ValueT]) -> None:
        self.source = source
        self.endpoint = lookup.endpoint.name
        paging = source.platforms.profile.lists.get(self.endpoint, AS_DECLARED)
        self.page_size = paging.page_size or lookup.page_size
        self.turns_pages = paging.pages
        self._lookup = lookup
        self._client = source.platforms.by_endpoint[self.endpoint]
        self._shared = source.shared.of(self.endpoint)
        self._known: dict[KeyT, Read] = {}

    async def read(self, keys: Sequence[KeyT], since: float = -inf) -> list[Any]:
        """No read is used that began before `since`, a moment of the shared clock."""
        known = self._known
        reads = [
            read if (read := known.get(key)) is not None and read.began >= since else self._begin(key, since)
            for key in keys
        ]
        try:
            await wait_all(reads)
        except BaseException:
            for key in keys:  # what no caller waits for may be cancelled
                if key in known and not known[key].completed:
                    del known[key]
            raise
        return [read.outcome for read in reads]

    load_level = read  # what is known are reads, not outcomes

    async def read_since(self, key: KeyT, since: float) -> Read:
        """The read of a key, completed, that began at this moment of the shared clock or later."""
        await self.read((key,), since)
        return self._known[key]

    def _begin(self, key: KeyT, since: float) -> Read:
        """The read of this key that another caller has begun, or else a new one."""
        source, lookup = self.source, self._lookup
        what = source.shared.conceal(key) if lookup.is_personal is not None and lookup.is_personal(key) else key
        identity = lookup.community(key), what, source.view
        found = self._shared.find(identity, source.fresh, since)
        if found is not None:
            self._known[key] = found
            self._use(found, key)
            return found
        self._known[key] = read = lookup.read(self._client, key)
        if source.trace is None:
            self._shared.begin(identity, read)
        else:
            with source.trace.asking(source.trace.find_paths(self, key)):
                self._shared.begin(identity, read)
        return read

    def _use(self, read: Read, key: KeyT) -> None:
        """Note the read of another caller."""
        source = self.source
        if read.completed:
            source.oldest = read.began if source.oldest is None else min(source.oldest, read.began)
            if (meter := METER.get()) is not None:
                meter.kept += 1
        if (trace := source.trace) is not None:
            age = source.shared.clock() - read.began
            with trace.asking(trace.find_paths(self, key)):
                trace.use(self._client.platform, self.endpoint, read, age)


class ComposedLoader(Loader[KeyT, ValueT]):
    """A loader whose values are put together, one by one, from what other loaders read."""

    @abstractmethod
    async def compose(self, key: KeyT) -> ValueT:
        """Put the value of one key together. Raises GatewayError."""

    async def read(self, keys: Sequence[KeyT]) -> list[Any]:
        if (meter := METER.get()) is None or (trace := meter.trace) is None:
            return await fetch([self.compose(key) for key in keys])
        return await fetch([trace.under(trace.find_paths(self, key), self.compose(key)) for key in keys])


@dataclass(eq=False, repr=False)
class JournalLoader(Loader[KeyT, ValueT]):
    """Reads all keys of a level at once from the journal, by `_read`, in order. `_name` is what traces call it."""

    _name: str
    _read: Callable[[Sequence[KeyT]], Awaitable[list[ValueT]]]

    async def read(self, keys: Sequence[KeyT]) -> list[ValueT]:
        trace = current_trace()
        with nullcontext() if trace is None else trace.batch(self._name, len(keys)):
            return await self._read(keys)
