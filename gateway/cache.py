"""Reads are shared: who asks for the same thing while a call is under way waits for its answer, and for some seconds
after that the answer is kept.

A read is in `SharedReads` from the moment it begins until its answer is of no more use. A write drops it there, so one
that began before the write cannot be joined after it, nor be kept, however late it ends.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from hashlib import blake2b
from math import inf
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from gateway.events import AnyEvent, EventBus, Missed, ReadsDropped
from gateway.ops.reads import SharedReadCounts

KeyT = TypeVar("KeyT")


class Read(Protocol):
    """A read of a platform, to be begun once. `size`: bytes of its answer, when it has come."""

    size: int

    def begin(self, tell: Callable[[Any], None], /) -> None:
        """Begin. `tell` is called in the end, with the value or the exception; it may be before this returns."""

    def cancel(self) -> None:
        """Nobody is to be told any more."""


ReadCall: TypeAlias = Callable[[KeyT], Read]
"""Makes the read of one key."""

LARGEST_KEPT = 1024 * 1024
"""Bytes of an answer that is kept; there may be a thousand of an endpoint."""

SWEEP_INTERVAL = 5.0
"""Seconds that an answer may stay in memory when it is of no more use."""

NOTHING_KEPT: Mapping[str, float] = MappingProxyType({})


ReadKey: TypeAlias = tuple[str | None, Hashable, Hashable]
"""What makes two reads of an endpoint the same: whose (a community code, if it is of one community), what, and what the
asking principal may see. The second holds no personal data: what may be personal goes through `SharedReads.conceal`
first. A tuple and no class of its own: each read makes one.
"""


class Flight:
    """One read of a platform. Once it has `landed`, `outcome` is its value, or the exception that came instead.

    It is `abandoned` when all who waited for it have given up, or when it was cancelled from within: then it has no
    outcome. `began` and `until`, when it is of no more use, are in seconds of the clock of `SharedReads`.
    """

    __slots__ = ("abandoned", "began", "groups", "key", "landed", "outcome", "read", "reads", "until")

    def __init__(self, reads: "EndpointReads", key: ReadKey, began: float) -> None:
        self.reads = reads
        self.key = key
        self.began = began
        self.until = inf
        self.landed = False
        self.abandoned = False
        self.outcome: Any = None
        self.read: Read | None = None
        self.groups: list[_Group] = []

    def abandon(self) -> None:
        """It will not land: whoever wants the same needs another one."""
        self.abandoned = True
        self.reads.forget(self)
        read, self.read = self.read, None
        if read is not None:
            read.cancel()

    def land(self, outcome: Any) -> None:
        """The read has come to this: the flight is kept or forgotten, and who waited is told."""
        read, self.read = self.read, None
        if isinstance(outcome, BaseException):
            if not isinstance(outcome, Exception):  # cancelled from within
                self.abandon()
                for group in self.groups:
                    group.woken.cancel()
                return
            self.reads.forget(self)
        else:
            outcome = self.reads.keep(self, outcome, 0 if read is None else read.size)
        self.outcome = outcome
        self.landed = True
        for group in self.groups:
            group.left -= 1
            if not group.left and not group.woken.done():
                group.woken.set_result(None)


class _Group:
    """Somebody who waits for several flights: woken when the last of them has landed."""

    __slots__ = ("left", "woken")

    def __init__(self, size: int) -> None:
        self.left = size
        self.woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()


async def landed(flights: Sequence[Flight]) -> None:
    """Wait until all have landed. A caller that gives up leaves the other callers alone; the last to go ends the call.

    One future per caller is all that this takes, however many calls there are.
    """
    awaited = {flight for flight in flights if not flight.landed}
    if not awaited:
        return
    group = _Group(len(awaited))
    for flight in awaited:
        flight.groups.append(group)
    try:
        await group.woken
    except BaseException:
        for flight in awaited:
            flight.groups.remove(group)
            if not flight.groups and not flight.landed:
                flight.abandon()
        raise


class EndpointReads:
    """The reads of one endpoint: those under way, and those whose answer is kept, in the order of their beginning.

    An answer is kept for so many `seconds`, counted from the beginning of its call; 0: not at all.
    """

    __slots__ = ("_endpoint", "_flights", "_is_telling", "_seconds", "_shared")

    def __init__(self, shared: "SharedReads", endpoint: str, seconds: float, *, is_telling: bool) -> None:
        """`is_telling`: None is an answer like any other."""
        self._shared = shared
        self._endpoint = endpoint
        self._seconds = seconds
        self._is_telling = is_telling
        self._flights: dict[ReadKey, Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def begin(self, key: ReadKey, call: ReadCall[KeyT], of: KeyT, *, fresh: bool = False) -> Flight:
        """The flight of this key, under way or (unless it is to be `fresh`) kept; else a new one: `call(of)`."""
        flights, shared = self._flights, self._shared
        now = shared.clock()
        flight = flights.get(key)
        if flight is not None:
            if now < flight.until and not (fresh and flight.landed):
                (shared.counts.kept if flight.landed else shared.counts.joined)[self._endpoint] += 1
                return flight
            del flights[key]
        if self._seconds and len(flights) >= shared.size:
            del flights[next(iter(flights))]
        flight = flights[key] = Flight(self, key, now)
        flight.read = read = call(of)
        read.begin(flight.land)
        return flight

    def keep(self, flight: Flight, value: Any, size: int) -> Any:
        """Keep what has landed, of an answer of `size` bytes, or let go of it. The value, or the error that came of
        looking at it.
        """
        seconds, shared = self._seconds, self._shared
        is_kept = False
        try:
            shared.observe(self._endpoint, value)
            is_kept = seconds > 0 and size <= LARGEST_KEPT and (value is not None or self._is_telling)
        except Exception as error:  # noqa: BLE001 # it is the outcome then, for whoever waits must hear of it
            value = error
        if is_kept:
            flight.until = flight.began + seconds
            is_kept = shared.clock() < flight.until
        if is_kept:
            shared.sweep_later()
        else:
            self.forget(flight)
        return value

    def forget(self, flight: Flight) -> None:
        """Let go of it, unless another one has taken its place."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    def drop(self, community_code: str | None) -> None:
        """Let go of what is of this community, or of none, or may be of any; of all, where it is None."""
        for key in list(self._flights):
            if community_code is None or key[0] in (None, community_code):
                del self._flights[key]

    def sweep(self, now: float) -> bool:
        """Let go of what is of no more use. Whether anything is left that will be."""
        for key in [key for key, flight in self._flights.items() if now >= flight.until]:
            del self._flights[key]
        return self._seconds > 0 and bool(self._flights)


class SharedReads:
    """Joins equal reads, across requests. Never used for writes, nor for reading a write back, nor by watches.

    `seconds` tells by endpoint how long an answer is kept, counted from the beginning of its call; others are not.
    Errors are never kept. None is kept for the endpoints in `telling_none`, where it is an answer like any other;
    elsewhere it says that nothing was found, and whoever asks again expects it to be there by now. At most `size`
    answers of an endpoint are kept. `observe` is called with the endpoint and the value of each answer, once; `clock`
    gives seconds and never goes back.
    """

    def __init__(
        self,
        events: EventBus,
        *,
        seconds: Mapping[str, float] = NOTHING_KEPT,
        telling_none: frozenset[str] = frozenset(),
        size: int = 1000,
        observe: Callable[[str, object], None] = lambda _endpoint, _value: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.counts = SharedReadCounts()
        self.size = size
        self.observe = observe
        self._seconds = seconds
        self._telling_none = telling_none
        self._endpoints: dict[str, EndpointReads] = {}
        self._secret = secrets.token_bytes(32)
        self._sweeping = False
        events.attach(self._hear)

    def __len__(self) -> int:
        return sum(map(len, self._endpoints.values()))

    def of(self, endpoint: str) -> EndpointReads:
        """The reads of this endpoint."""
        reads = self._endpoints.get(endpoint)
        if reads is None:
            seconds, is_telling = self._seconds.get(endpoint, 0), endpoint in self._telling_none
            reads = self._endpoints[endpoint] = EndpointReads(self, endpoint, seconds, is_telling=is_telling)
        return reads

    def conceal(self, arguments: object) -> bytes:
        """A hash of the arguments, keyed with a secret of this process: equal for equal ones, and reveals nothing."""
        return blake2b(msgspec.msgpack.encode(arguments), key=self._secret, digest_size=20).digest()

    def sweep(self) -> bool:
        """Let go of what is of no more use: personal data does not stay because nobody asks any more.

        Whether there is anything left to sweep later.
        """
        now = self.clock()
        left = [reads.sweep(now) for reads in self._endpoints.values()]
        return any(left)

    def sweep_later(self) -> None:
        """See to it that what is kept will be let go of."""
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_INTERVAL, self._sweep_again)

    def _sweep_again(self) -> None:
        self._sweeping = False
        if self.sweep():
            self.sweep_later()

    def _hear(self, event: AnyEvent) -> None:
        """What was read before is not used any more. Reads under way still answer who already waits."""
        match event:
            case ReadsDropped(community_code, endpoints):
                for endpoint in endpoints:
                    self.of(endpoint).drop(community_code)
            case Missed():
                for reads in self._endpoints.values():
                    reads.drop(None)
