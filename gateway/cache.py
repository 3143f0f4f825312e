"""Reads that are under way are shared: who asks for the same thing meanwhile waits for the same answer."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Hashable
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

import msgspec

ValueT = TypeVar("ValueT")


class ReadKey(NamedTuple):
    """What makes two reads the same: where, whose, what, and what the asking principal may see.

    `arguments` holds no personal data: what may be personal goes through `SharedReads.conceal` first.
    """

    endpoint: str
    community_code: str | None
    arguments: Hashable
    view: Hashable


class _Flight:
    """One call under way and how many wait for it."""

    __slots__ = ("task", "waiting")

    def __init__(self, task: "asyncio.Task[Any]") -> None:
        self.task = task
        self.waiting = 0


class SharedReads:
    """Joins equal reads in flight, across requests. Never used for writes, nor for reading a write back.

    A caller that gives up leaves the others alone; when the last one gives up, the call is cancelled.
    """

    def __init__(self) -> None:
        self._flights: dict[ReadKey, _Flight] = {}
        self._secret = secrets.token_bytes(32)

    def __len__(self) -> int:
        return len(self._flights)

    async def read(self, key: ReadKey, call: Callable[[], Coroutine[Any, Any, ValueT]]) -> ValueT:
        """Join the flight of this key, or start it. Raises what the call raises."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._start(key, call)
        flight.waiting += 1
        try:
            value: ValueT = await asyncio.shield(flight.task)
            return value
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._forget(key, flight)
                flight.task.cancel()

    def conceal(self, arguments: object) -> bytes:
        """A hash of the arguments, keyed with a secret of this process: equal for equal ones, and reveals nothing."""
        return blake2b(msgspec.msgpack.encode(arguments), key=self._secret, digest_size=20).digest()

    def drop(self, endpoint: str, community_code: str | None = None) -> None:
        """After a write: reads that began before it are not joined any more. They still answer who already waits."""
        for key in [key for key in self._flights if key.endpoint == endpoint]:
            if community_code is None or key.community_code in (None, community_code):
                del self._flights[key]

    def _start(self, key: ReadKey, call: Callable[[], Coroutine[Any, Any, Any]]) -> _Flight:
        flight = _Flight(asyncio.create_task(call()))
        self._flights[key] = flight
        flight.task.add_done_callback(lambda _: self._forget(key, flight))
        return flight

    def _forget(self, key: ReadKey, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # retrieved: nobody may be left to do it
