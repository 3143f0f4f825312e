"""Work that several callers wait for, and long work that gives way to others."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic, TypeVar

T = TypeVar("T")

FEW = 4  # callers that go on in one turn of the loop when what they share is completed


class Pending(ABC, Generic[T]):
    """Work that is begun once and has one outcome, for all who wait for it, unless all of them give up (ADR 8).

    A coroutine that waits costs a task, a future and a frame for each layer above the socket; this costs itself. Once
    it is `completed`, `outcome` is its value, or the exception that came instead. A `keeper`, which shares it, makes of
    an outcome what those who wait get (`accept`), and forgets it when it is cancelled; `key` and `began` are its own.
    """

    __slots__ = ("began", "completed", "keeper", "key", "outcome", "waiters")

    began: float
    key: Any
    outcome: Any

    def __init__(self) -> None:
        self.completed = False
        self.keeper: Any = None
        self.waiters: list[Any] = []

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes of what the outcome was made of, when it has come."""

    @abstractmethod
    def begin(self) -> None:
        """Begin. It may be completed before this returns."""

    def join(self) -> None:
        """The caller that is at work waits for it as well."""

    def cancel(self) -> None:
        """No caller waits for it any more: it will not be completed."""
        if self.keeper is not None:
            self.keeper.forget(self)

    def complete(self, outcome: Any) -> None:
        """Take the outcome, and wake those who waited for nothing else."""
        keeper, waiters = self.keeper, self.waiters
        self.outcome = outcome if keeper is None else keeper.accept(self, outcome)
        self.completed = True
        for waiter in waiters:
            waiter.left -= 1
            if not waiter.left and not waiter.woken.done():
                waiter.woken.set_result(len(waiters) > FEW)

    def __await__(self) -> Generator[Any, None, T]:
        """Begin, and wait for the value. Raises the exception that came instead."""
        self.begin()
        yield from wait_all((self,)).__await__()
        outcome = self.outcome
        if isinstance(outcome, BaseException):
            self.outcome = None  # its traceback holds this frame
            try:
                raise outcome
            finally:
                del outcome
        value: T = outcome
        return value


@dataclass(slots=True, eq=False)
class _Waiter:
    """A caller who waits for several pieces of work: woken when the last of them is completed."""

    left: int
    woken: asyncio.Future[bool]


async def wait_all(works: Sequence[Any]) -> None:
    """Wait until all are completed. A caller that gives up leaves the others alone; the last to go cancels the work."""
    awaited = [work for work in works if not work.completed]
    if not awaited:
        return
    waiter = _Waiter(len(awaited), asyncio.get_running_loop().create_future())
    for work in awaited:
        work.waiters.append(waiter)
    try:
        if await waiter.woken:
            await give_way()
    except BaseException:
        for work in awaited:
            work.waiters.remove(waiter)
            if not work.completed and not any(isinstance(other, _Waiter) for other in work.waiters):
                work.cancel()
        raise


async def join(shared: asyncio.Future[T]) -> T:
    """The outcome of work that goes on when this caller is cancelled: others may wait for it.

    As `asyncio.shield`, which since Python 3.14 reports the error of what a cancelled caller waited for to the event
    loop's handler, even if another caller has seen it.
    """
    try:
        await asyncio.wait((shared,))
    except asyncio.CancelledError:
        disregard(shared)
        raise
    return shared.result()


def disregard(future: asyncio.Future[Any]) -> None:
    """No caller waits for this future any more: asyncio is not to report its error as one that was forgotten."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())


async def wait_at_most(event: asyncio.Event, seconds: float | None) -> None:
    """Until it is set, or so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


LONGEST = 0.01  # seconds that all long work may hold the loop in one turn, and what was begun then to its end

_turn: tuple[asyncio.AbstractEventLoop, float] | None = None
"""The loop whose turn it is, and when the first part of work began in it."""


def is_spent(longest: float = LONGEST) -> bool:
    """Whether the turn has lasted too long for another part. Asked before each; 0: for one that takes a whole turn."""
    global _turn  # noqa: PLW0603 # the loop has one turn at a time
    loop, now = asyncio.get_running_loop(), perf_counter()
    if _turn is None or _turn[0] is not loop:
        _turn = loop, now
        loop.call_soon(_end)
        return False
    return now - _turn[1] > longest


async def give_way() -> None:
    """Wait for a turn that is not spent."""
    while is_spent():  # noqa: ASYNC110 # an event would wake all at once
        await asyncio.sleep(0)


def _end() -> None:
    global _turn  # noqa: PLW0603 # as above
    _turn = None
