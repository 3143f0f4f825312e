"""Reads that are under way are shared: who asks for the same thing meanwhile waits for the same answer."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Coroutine, Hashable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

KeyT = TypeVar("KeyT")

Call: TypeAlias = Callable[[KeyT], Coroutine[Any, Any, Any]]
"""Reads one key from a platform."""


class ReadKey(NamedTuple):
    """What makes two reads of an endpoint the same: whose, what, and what the asking principal may see.

    `arguments` holds no personal data: what may be personal goes through `SharedReads.conceal` first.
    """

    community_code: str | None
    arguments: Hashable
    view: Hashable


class Flight:
    """One call of a platform. Once it has `landed`, `outcome` is its value, or the exception that it raised.

    It is `abandoned` when all who waited for it have given up: then it has no outcome, and nobody may join it.
    """

    __slots__ = ("abandoned", "groups", "landed", "outcome", "task")

    def __init__(self) -> None:
        self.landed = False
        self.abandoned = False
        self.outcome: Any = None
        self.groups: list[_Group] = []
        self.task: asyncio.Task[None] | None = None


class _Group:
    """Somebody who waits for several flights: woken when the last of them has landed."""

    __slots__ = ("left", "woken")

    def __init__(self, size: int) -> None:
        self.left = size
        self.woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def landed(self) -> None:
        self.left -= 1
        if not self.left and not self.woken.done():
            self.woken.set_result(None)


async def landed(flights: Sequence[Flight]) -> None:
    """Wait until all have landed. A caller that gives up leaves the other callers alone; the last to go ends the call.

    One task per call and one future per caller are all that this takes, however many calls there are.
    """
    awaited = [flight for flight in flights if not flight.landed]
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
            if not flight.groups and not flight.landed and flight.task is not None:
                flight.abandoned = True
                flight.task.cancel()
        raise


class SharedReads:
    """Joins equal reads in flight, across requests. Never used for writes, nor for reading a write back.

    `observe` is called with the endpoint and the value of each answer.
    """

    def __init__(self, observe: Callable[[str, object], None] = lambda _endpoint, _value: None) -> None:
        self._observe = observe
        self._flights: defaultdict[str, dict[ReadKey, Flight]] = defaultdict(dict)
        self._secret = secrets.token_bytes(32)

    def __len__(self) -> int:
        return sum(map(len, self._flights.values()))

    def begin(self, endpoint: str, key: ReadKey, call: Call[KeyT], of: KeyT) -> Flight:
        """The flight of this key: one that is under way, else a new one, whose call is `call(of)`."""
        flights = self._flights[endpoint]
        flight = flights.get(key)
        if flight is None or flight.abandoned:
            flight = flights[key] = Flight()
            flight.task = asyncio.create_task(self._fly(endpoint, key, flight, call, of))
        return flight

    def conceal(self, arguments: object) -> bytes:
        """A hash of the arguments, keyed with a secret of this process: equal for equal ones, and reveals nothing."""
        return blake2b(msgspec.msgpack.encode(arguments), key=self._secret, digest_size=20).digest()

    def drop(self, endpoint: str, community_code: str | None = None) -> None:
        """After a write: reads that began before it are not joined any more. They still answer who already waits."""
        flights = self._flights[endpoint]
        for key in list(flights):
            if community_code is None or key.community_code in (None, community_code):
                del flights[key]

    async def _fly(self, endpoint: str, key: ReadKey, flight: Flight, call: Call[KeyT], of: KeyT) -> None:
        try:
            flight.outcome = await self._outcome(endpoint, call, of)
        except BaseException:  # cancelled: by the last who left, or with the process
            flight.abandoned = True
            for group in flight.groups:
                group.woken.cancel()
            raise
        finally:
            if self._flights[endpoint].get(key) is flight:
                del self._flights[endpoint][key]
        flight.landed = True
        flight.task = None
        for group in flight.groups:
            group.landed()

    async def _outcome(self, endpoint: str, call: Call[KeyT], of: KeyT) -> Any:
        """Apart from the flight, so that an error's traceback does not hold on to who holds on to the error."""
        try:
            value = await call(of)
            self._observe(endpoint, value)
        except Exception as error:  # noqa: BLE001 # it is the outcome, and raised where it is used
            return error
        return value
