"""Reads are shared: who asks for the same thing while a call is under way waits for its answer, and for some seconds
after that the answer is kept.

A read is in `SharedReads` from the moment it begins until its answer is of no more use. A write drops it there, so one
that began before the write can not be joined after it, nor be kept, however late it ends.
"""

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from math import inf
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from gateway.events import READS_DROPPED, Event, EventBus, Missed
from gateway.ops.reads import SharedReadCounts

KeyT = TypeVar("KeyT")


class Read(Protocol):
    """A read of a platform, to be begun once."""

    def begin(self, tell: Callable[[Any], None], /) -> None:
        """Begin. `tell` is called in the end, with the value or the exception; it may be before this returns."""

    def cancel(self) -> None:
        """Nobody is to be told any more."""


Call: TypeAlias = Callable[[KeyT], Read]
"""Makes the read of one key."""

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

    until = inf
    landed = False
    abandoned = False
    outcome: Any = None
    read: Read | None = None

    def __init__(self, reads: "SharedReads", endpoint: str, key: ReadKey, began: float) -> None:
        self.reads = reads
        self.endpoint = endpoint
        self.key = key
        self.began = began
        self.groups: list[_Group] = []

    def abandon(self) -> None:
        """It will not land: whoever wants the same needs another one."""
        self.abandoned = True
        self.reads.forget(self)
        read, self.read = self.read, None
        if read is not None:
            read.cancel()


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


class SharedReads:
    """Joins equal reads, across requests. Never used for writes, nor for reading a write back, nor by watches.

    `seconds` tells by endpoint how long an answer is kept, counted from the beginning of its call; others are not.
    Errors are never kept. None is only of the endpoints `telling_none`, where it is an answer like any other; elsewhere
    it says that nothing was found, and whoever asks again expects it to be there by now. At most `size` answers of an
    endpoint are kept. `observe` is called with the endpoint and the value of each answer, once; `clock` gives seconds
    and never goes back.
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
        self._events = events
        self._seconds = {endpoint: lifetime for endpoint, lifetime in seconds.items() if lifetime > 0}
        self._telling_none = telling_none
        self._size = size
        self._observe = observe
        self._flights: defaultdict[str, dict[ReadKey, Flight]] = defaultdict(dict)
        self._secret = secrets.token_bytes(32)
        self._sweeping = False
        events.attach(self._hear)

    def __len__(self) -> int:
        return sum(map(len, self._flights.values()))

    def begin(self, endpoint: str, key: ReadKey, call: Call[KeyT], of: KeyT, *, fresh: bool = False) -> Flight:
        """The flight of this key, under way or (unless it is to be `fresh`) kept; else a new one: `call(of)`."""
        flights = self._flights[endpoint]
        flight = flights.get(key)
        now = self.clock()
        if flight is None or flight.abandoned or now >= flight.until or (fresh and flight.landed):
            # In the order of their beginning, which is that in which they are of no more use.
            flights.pop(key, None)
            if endpoint in self._seconds and len(flights) >= self._size:
                del flights[next(iter(flights))]
            flight = flights[key] = Flight(self, endpoint, key, now)
            flight.read = read = call(of)
            read.begin(partial(self._land, flight))
        elif flight.landed:
            self.counts.kept[endpoint] += 1
        else:
            self.counts.joined[endpoint] += 1
        return flight

    def conceal(self, arguments: object) -> bytes:
        """A hash of the arguments, keyed with a secret of this process: equal for equal ones, and reveals nothing."""
        return blake2b(msgspec.msgpack.encode(arguments), key=self._secret, digest_size=20).digest()

    def drop(self, community_code: str | None, *endpoints: str) -> None:
        """After a write: what was read before is not used any more, at once in this process and soon in all others.

        Reads under way still answer who already waits. `community_code` None drops those of all communities.
        """
        for endpoint in endpoints:
            self._events.publish(Event(READS_DROPPED, community_code, endpoint))

    def sweep(self) -> None:
        """Let go of what is of no more use: personal data does not stay because nobody asks any more."""
        now = self.clock()
        for flights in self._flights.values():
            for key in [key for key, flight in flights.items() if now >= flight.until]:
                del flights[key]

    def _hear(self, event: Event | Missed) -> None:
        if isinstance(event, Missed):
            self._flights.clear()
        elif event.topic == READS_DROPPED:
            flights = self._flights[event.record_id]
            for key in list(flights):
                if event.community_code is None or key[0] in (None, event.community_code):
                    del flights[key]

    def forget(self, flight: Flight) -> None:
        """Let go of it, unless another one has taken its place."""
        flights = self._flights[flight.endpoint]
        if flights.get(flight.key) is flight:
            del flights[flight.key]

    def _land(self, flight: Flight, outcome: Any) -> None:
        """A read has come to this: the flight is kept or forgotten, and who waited is told."""
        flight.read = None
        endpoint = flight.endpoint
        is_kept = False
        if not isinstance(outcome, BaseException):
            try:
                self._observe(endpoint, outcome)
                is_kept = endpoint in self._seconds and (outcome is not None or endpoint in self._telling_none)
            except Exception as error:  # noqa: BLE001 # it is the outcome then, for whoever waits must hear of it
                outcome = error
        elif not isinstance(outcome, Exception):  # cancelled from within
            flight.abandon()
            for group in flight.groups:
                group.woken.cancel()
            return
        flight.outcome = outcome
        flight.landed = True
        if is_kept:
            flight.until = flight.began + self._seconds[endpoint]
            is_kept = self.clock() < flight.until
        if not is_kept:
            self.forget(flight)
        elif not self._sweeping:
            self._sweep_later()
        for group in flight.groups:
            group.left -= 1
            if not group.left and not group.woken.done():
                group.woken.set_result(None)

    def _sweep_later(self) -> None:
        self._sweeping = True
        asyncio.get_running_loop().call_later(SWEEP_INTERVAL, self._sweep_again)

    def _sweep_again(self) -> None:
        self._sweeping = False
        self.sweep()
        if any(self._flights[endpoint] for endpoint in self._seconds):
            self._sweep_later()
