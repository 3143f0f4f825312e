"""A cache of what was read.

The caller who asks for what another one is just reading waits for that call; for some seconds after it the answer is
cached. A read is in `SharedReads` from the moment it begins until its answer expires. A write drops it there, so a read
that began before the write is not joined after it, nor cached, however late it ends.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from prometheus_client import Counter

from gateway.events import EventBus, Message, Missed, ReadsDropped
from gateway.in_flight import InFlightRead, Read, ReadCall, ReadKey
from gateway.ops.metrics import Metrics

KeyT = TypeVar("KeyT")

LARGEST_CACHED = 1024 * 1024
"""Bytes of an answer that is cached; there may be a thousand of an endpoint."""

SWEEP_INTERVAL = 5.0
"""Seconds that an answer may stay in memory after it has expired."""

NOTHING_CACHED: Mapping[str, float] = MappingProxyType({})


class EndpointReads:
    """The reads of one endpoint: those in flight and those whose answer is cached, in the order of their beginning.

    An answer is cached for `seconds`, counted from the beginning of its call; 0: not at all.
    """

    __slots__ = ("_caches_none", "_endpoint", "_reads", "_seconds", "_shared")

    def __init__(self, shared: "SharedReads", endpoint: str, seconds: float, *, caches_none: bool) -> None:
        """`caches_none`: None is an answer like any other."""
        self._shared = shared
        self._endpoint = endpoint
        self._seconds = seconds
        self._caches_none = caches_none
        self._reads: dict[ReadKey, InFlightRead] = {}

    def __len__(self) -> int:
        return len(self._reads)

    def begin(self, key: ReadKey, call: ReadCall[KeyT], of: KeyT, *, fresh: bool = False) -> InFlightRead:
        """The read of this key, in flight or (unless it is to be `fresh`) cached; else a new one: `call(of)`."""
        reads, shared = self._reads, self._shared
        now = shared.clock()
        read = reads.get(key)
        if read is not None:
            if now < read.expires and not (fresh and read.completed):
                shared.count(self._endpoint, "kept" if read.completed else "joined")
                if read.call is not None:
                    read.call.join()
                return read
            del reads[key]
        if self._seconds and len(reads) >= shared.size:
            del reads[next(iter(reads))]
        read = reads[key] = InFlightRead(self, key, now)
        read.call = started = call(of)
        started.begin(read.complete)
        return read

    def put(self, read: InFlightRead, value: Any, call: Read | None) -> Any:
        """Cache what was read by this call, or forget it. The value, or the error of looking at it."""
        seconds, shared = self._seconds, self._shared
        try:
            shared.observe(self._endpoint, value, call)
        except Exception as error:  # noqa: BLE001 # it is the outcome, for who waits
            self.forget(read)
            return error
        cacheable = (
            seconds > 0 and (call is None or call.size <= LARGEST_CACHED) and (value is not None or self._caches_none)
        )
        if cacheable and shared.clock() < read.began + seconds:
            read.expires = read.began + seconds
            shared.sweep_later()
        else:
            self.forget(read)
        return value

    def forget(self, read: InFlightRead) -> None:
        """Remove it, unless another one has taken its place."""
        if self._reads.get(read.key) is read:
            del self._reads[read.key]

    def forget_older(self, key: ReadKey, since: float) -> None:
        """A caller that asks for this key gets no read that began before."""
        read = self._reads.get(key)
        if read is not None and read.began < since:
            self.forget(read)

    def drop(self, community_code: str | None) -> None:
        """Remove what is of this community, or of none, or may be of any; all, where it is None."""
        for key in list(self._reads):
            if community_code is None or key[0] in (None, community_code):
                del self._reads[key]

    def sweep(self, now: float) -> bool:
        """Remove what has expired. Whether anything is left that will expire."""
        for key in [key for key, read in self._reads.items() if now >= read.expires]:
            del self._reads[key]
        return self._seconds > 0 and bool(self._reads)


class SharedReads:
    """Joins equal reads across requests, and caches them. Never used for writes, reading a write back, and watches.

    `seconds`, by endpoint: how long an answer is cached, counted from the beginning of its call; others are not.
    Errors are never cached. None is cached for the endpoints in `cacheable_nulls`; elsewhere it says that nothing was
    found, and the caller who asks again expects it to be there by now. At most `size` answers of an endpoint are
    cached. `observe` is called with the endpoint, the value and the call of each answer, once; `clock` gives seconds
    and never goes back, `now` the time of day.
    """

    def __init__(
        self,
        events: EventBus,
        *,
        seconds: Mapping[str, float] = NOTHING_CACHED,
        cacheable_nulls: frozenset[str] = frozenset(),
        size: int = 1000,
        observe: Callable[[str, object, Read | None], None] = lambda _endpoint, _value, _call: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        metrics: Metrics | None = None,
    ) -> None:
        self.clock = clock
        self.now = now
        self.size = size
        self.observe = observe
        self._seconds = seconds
        self._cacheable_nulls = cacheable_nulls
        self._endpoints: dict[str, EndpointReads] = {}
        self._metrics = Metrics() if metrics is None else metrics
        self._counts: dict[tuple[str, str], Counter] = {}
        self._secret = secrets.token_bytes(32)
        self._sweeping = False
        events.attach(self._hear)

    def __len__(self) -> int:
        return sum(map(len, self._endpoints.values()))

    def of(self, endpoint: str) -> EndpointReads:
        """The reads of this endpoint."""
        reads = self._endpoints.get(endpoint)
        if reads is None:
            seconds, caches_none = self._seconds.get(endpoint, 0), endpoint in self._cacheable_nulls
            reads = self._endpoints[endpoint] = EndpointReads(self, endpoint, seconds, caches_none=caches_none)
        return reads

    def time_of_day(self, moment: float) -> datetime:
        """When it was this moment of `clock`."""
        return self.now() - timedelta(seconds=self.clock() - moment)

    def count(self, endpoint: str, by: str) -> None:
        """A read did not wait for a call of its own: its answer was `kept`, or it `joined` a call."""
        count = self._counts.get((endpoint, by))
        if count is None:
            count = self._counts[endpoint, by] = self._metrics.shared_reads.labels(endpoint, by)
        count.inc()

    def conceal(self, arguments: object) -> bytes:
        """A hash of the arguments, keyed with a secret of this process: equal for equal ones, and reveals nothing."""
        return blake2b(msgspec.msgpack.encode(arguments), key=self._secret, digest_size=20).digest()

    def sweep(self) -> bool:
        """Remove what has expired: personal data does not stay because nobody asks any more.

        Whether there is anything left to sweep later.
        """
        now = self.clock()
        left = [reads.sweep(now) for reads in self._endpoints.values()]
        return any(left)

    def sweep_later(self) -> None:
        """Have what is cached removed when it has expired."""
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_INTERVAL, self._sweep_again)

    def _sweep_again(self) -> None:
        self._sweeping = False
        if self.sweep():
            self.sweep_later()

    def _hear(self, message: Message | Missed) -> None:
        """What was read before is not used any more. Reads under way still answer who already waits."""
        match message:
            case ReadsDropped(community_code, endpoints):
                for endpoint in endpoints:
                    self.of(endpoint).drop(community_code)
            case Missed():
                for reads in self._endpoints.values():
                    reads.drop(None)
