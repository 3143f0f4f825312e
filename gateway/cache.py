"""Request coalescing (single flight), and a cache of what was read.

The caller who asks for what another one is just reading waits for that call; for some seconds after it the answer is
cached. A read is in `SharedReads` from the moment it begins until its answer expires. A write drops it there, so a read
that began before the write is not joined after it, nor cached, however late it ends.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from hashlib import blake2b
from math import inf
from typing import Any, ClassVar, TypeAlias

import msgspec

from gateway.events import EventBus, Missed, ReadsDropped
from gateway.futures import Pending
from gateway.ops.metrics import Metrics

ReadKey: TypeAlias = tuple[str | None, Hashable, Hashable]
"""What makes two reads of an endpoint the same: whose (a community code, if it is of one community), what, and what the
asking principal may see. The second holds no personal data: what may be personal goes through `SharedReads.conceal`
first. A tuple and no class of its own: each read makes one.
"""

LookAt: TypeAlias = Callable[[Any, Any], None]
"""Takes what was read, and the `Pending` that read it."""

LARGEST_CACHED = 1024 * 1024  # bytes of an answer that is cached; there may be a thousand of an endpoint
SWEEP_INTERVAL = 5.0  # seconds that an answer may stay in memory after it has expired


class CachedRead(msgspec.Struct, eq=False):
    """What is left of a read that is completed. `began` and `expires` are of the clock of `SharedReads`."""

    outcome: Any
    began: float
    expires: float
    completed: ClassVar[bool] = True


Read: TypeAlias = Pending[Any] | CachedRead


class EndpointReads:
    """The reads of one endpoint: those in flight and those whose answer is cached, in the order of their beginning."""

    def __init__(self, shared: "SharedReads", endpoint: str) -> None:
        self._shared = shared
        self._seconds = shared.seconds.get(endpoint, 0.0)
        self._caches_none = endpoint in shared.cacheable_nulls
        self._observe = shared.observer_of(endpoint)
        self._counter = cache(partial(shared.metrics.shared_reads.labels, endpoint))
        self._reads: dict[ReadKey, Read] = {}

    def __len__(self) -> int:
        return len(self._reads)

    def find(self, key: ReadKey, fresh: bool = False, since: float = -inf) -> Read | None:
        """The read of this key that is in flight or, unless it is to be `fresh`, cached. One that is of no use to this
        caller, as it began before `since`, is of use to no later one.
        """
        read = self._reads.get(key)
        if read is None:
            return None
        if read.began < since or (isinstance(read, CachedRead) and (fresh or self._shared.clock() >= read.expires)):
            del self._reads[key]
            return None
        if isinstance(read, CachedRead):
            self._counter("kept").inc()
        else:
            self._counter("joined").inc()
            read.join()
        return read

    def begin(self, key: ReadKey, read: Pending[Any]) -> None:
        """Begin the read of a key of which there is none."""
        reads = self._reads
        if self._seconds and len(reads) >= self._shared.size:
            del reads[next(iter(reads))]
        reads[key] = read
        read.keeper = self
        read.key = key
        read.began = self._shared.clock()
        read.begin()

    def accept(self, work: Pending[Any], outcome: Any) -> Any:
        """Look at what was read, and cache it or forget the read. The outcome, or the error of looking at it."""
        if not isinstance(outcome, Exception):
            try:
                self._observe(outcome, work)
            except Exception as error:  # noqa: BLE001 # it is the outcome, for who waits
                outcome = error
        if self._reads.get(work.key) is work:
            expires, is_fact = work.began + self._seconds, outcome is not None or self._caches_none
            is_fit = self._seconds > 0 and is_fact and not isinstance(outcome, Exception)
            if is_fit and work.size <= LARGEST_CACHED and self._shared.clock() < expires:
                self._reads[work.key] = CachedRead(outcome, work.began, expires)
                self._shared.sweep_later()
            else:
                del self._reads[work.key]
        return outcome

    def forget(self, work: Pending[Any]) -> None:
        """Remove it, unless another one has taken its place."""
        if self._reads.get(work.key) is work:
            del self._reads[work.key]

    def drop(self, community_code: str | None) -> None:
        """Remove what is of this community, or of none, or may be of any; all, where it is None."""
        for key in list(self._reads):
            if community_code is None or key[0] in (None, community_code):
                del self._reads[key]

    def sweep(self, now: float) -> bool:
        """Remove what has expired. Whether anything is left that will expire."""
        for key, read in list(self._reads.items()):
            if isinstance(read, CachedRead) and now >= read.expires:
                del self._reads[key]
        return self._seconds > 0 and bool(self._reads)


@dataclass(eq=False, repr=False)
class SharedReads:
    """Joins equal reads across requests, and caches them. Never used for writes, reading a write back, and watches.

    `seconds`, by endpoint: how long an answer is cached, counted from the beginning of its call; others are not.
    Errors are never cached. None is cached for the endpoints in `cacheable_nulls`; elsewhere it says that nothing was
    found, and the caller who asks again expects it to be there by now. At most `size` answers of an endpoint are
    cached. `observer_of` an endpoint is called with the value and the call of each of its answers, once; `clock` gives
    seconds and never goes back, `now` the time of day.
    """

    events: InitVar[EventBus]
    _: KW_ONLY
    seconds: Mapping[str, float] = field(default_factory=dict)
    cacheable_nulls: frozenset[str] = frozenset()
    size: int = 1000
    observer_of: Callable[[str], LookAt] = lambda _endpoint: lambda _value, _call: None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self, events: EventBus) -> None:
        self._endpoints: dict[str, EndpointReads] = {}
        self._secret = secrets.token_bytes(32)
        self._sweeping = False
        events.attach(self._hear, ReadsDropped, Missed)

    def __len__(self) -> int:
        return sum(map(len, self._endpoints.values()))

    def of(self, endpoint: str) -> EndpointReads:
        """The reads of this endpoint."""
        reads = self._endpoints.get(endpoint)
        if reads is None:
            reads = self._endpoints[endpoint] = EndpointReads(self, endpoint)
        return reads

    def time_of_day(self, moment: float) -> datetime:
        """When it was this moment of `clock`."""
        return self.now() - timedelta(seconds=self.clock() - moment)

    def conceal(self, arguments: object) -> bytes:
        """A hash of the arguments, keyed with a secret of this process: equal for equal ones, and reveals nothing."""
        return blake2b(msgspec.msgpack.encode(arguments), key=self._secret, digest_size=20).digest()

    def sweep_later(self) -> None:
        """Have what is cached removed when it has expired: personal data does not stay because nobody asks any more."""
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_INTERVAL, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = False
        now = self.clock()
        left = [reads.sweep(now) for reads in self._endpoints.values()]
        if any(left):
            self.sweep_later()

    def _hear(self, message: ReadsDropped | Missed) -> None:
        """What was read before is not used any more. Reads under way still answer who already waits."""
        match message:
            case ReadsDropped(community_code, endpoints):
                for endpoint in self._endpoints.keys() & endpoints:
                    self._endpoints[endpoint].drop(community_code)
            case Missed():
                for reads in self._endpoints.values():
                    reads.drop(None)
