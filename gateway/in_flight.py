"""Request coalescing (single flight): one read of a platform, joined by all who want the same."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from math import inf
from typing import Any, Protocol, TypeAlias, TypeVar

import msgspec

from gateway.turn import give_way

KeyT = TypeVar("KeyT")

FEW = 4
"""Callers that go on in one turn of the loop when the read that they share is completed."""


class Read(Protocol):
    """A read of a platform, to be begun once. `size`: bytes of its answer, when it has come."""

    size: int

    def begin(self, on_done: Callable[[Any], None], /) -> None:
        """Begin. `on_done` is called with the value or the exception; it may be before this returns."""

    def join(self) -> None:
        """The operation that is under way waits for it as well."""

    def cancel(self) -> None:
        """Nobody wants the outcome any more: `on_done` is not called."""


ReadCall: TypeAlias = Callable[[KeyT], Read]
"""Makes the read of one key."""

ReadKey: TypeAlias = tuple[str | None, Hashable, Hashable]
"""What makes two reads of an endpoint the same: whose (a community code, if it is of one community), what, and what the
asking principal may see. The second holds no personal data: what may be personal goes through `SharedReads.conceal`
first. A tuple and no class of its own: each read makes one.
"""


class Cached(Protocol):
    """Where the answers of an endpoint's reads are kept."""

    def put(self, read: "InFlightRead", value: Any, call: Read | None) -> Any:
        """Cache the value of a read, or not. Returns the value to use."""

    def forget(self, read: "InFlightRead") -> None:
        """The read is not to be joined any more."""


class InFlightRead:
    """One read of a platform, joined by all who want the same (request coalescing), and cached afterwards.

    Once it is `completed`, `outcome` is its value, or the exception that came instead. It is `cancelled` when all who
    waited for it have given up, or when it was cancelled from within: then it has no outcome. `began` and `expires`
    are in seconds of the clock of `SharedReads`.
    """

    __slots__ = ("began", "call", "cancelled", "completed", "expires", "key", "outcome", "reads", "waiters")

    def __init__(self, reads: Cached, key: ReadKey, began: float) -> None:
        self.reads = reads
        self.key = key
        self.began = began
        self.expires = inf
        self.completed = False
        self.cancelled = False
        self.outcome: Any = None
        self.call: Read | None = None
        self.waiters: list[Waiter] = []

    def cancel(self) -> None:
        """It will not be completed: who wants the same needs another one."""
        self.cancelled = True
        self.reads.forget(self)
        call, self.call = self.call, None
        if call is not None:
            call.cancel()

    def complete(self, outcome: Any) -> None:
        """Take the outcome of the call: cache or forget it, and wake who waited for nothing else."""
        call, self.call = self.call, None
        if isinstance(outcome, BaseException):
            if not isinstance(outcome, Exception):  # cancelled from within
                self.cancel()
                for waiter in self.waiters:
                    waiter.woken.cancel()
                return
            self.reads.forget(self)
        else:
            outcome = self.reads.put(self, outcome, call)
        self.outcome = outcome
        self.completed = True
        are_many = len(self.waiters) > FEW
        for waiter in self.waiters:
            waiter.left -= 1
            if not waiter.left and not waiter.woken.done():
                waiter.woken.set_result(are_many)


class Waiter(Protocol):
    """A caller that is notified when reads are completed: `left` of them are not yet."""

    left: int
    woken: Any


class _Waiter(msgspec.Struct, eq=False):
    """A caller who waits for several reads: woken when the last of them is completed."""

    left: int
    woken: Any


async def wait_all(reads: Sequence[InFlightRead]) -> None:
    """Wait until all are completed. A caller that gives up leaves the others alone; the last to go cancels the call.

    One future per caller is all that this takes, however many calls there are.
    """
    awaited = {read for read in reads if not read.completed}
    if not awaited:
        return
    waiter = _Waiter(len(awaited), asyncio.get_running_loop().create_future())
    for read in awaited:
        read.waiters.append(waiter)
    try:
        if await waiter.woken:
            await give_way()
    except BaseException:
        for read in awaited:
            read.waiters.remove(waiter)
            if not read.completed and not any(isinstance(other, _Waiter) for other in read.waiters):
                read.cancel()
        raise
