"""Work that somebody else finishes: begun with whom to tell, or awaited.

Nearly all of a call's life is waiting for a socket. A coroutine that waits costs a task, a future and a frame for each
layer above the socket, most of what a call costs at all; a function that is called when the answer is there costs
itself. So each layer here is an object that is told by the one below and tells the one above. Whoever would rather
await it can.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeAlias, TypeVar

ValueT = TypeVar("ValueT")

Tell: TypeAlias = Callable[[Any], None]
"""Takes the outcome: a value, or the exception that came instead."""


class Pending(ABC, Generic[ValueT]):
    """What is begun once, and has one outcome, unless it is cancelled before.

    Subclasses have slots: each call makes one, and attributes that a class gives a default are slow to read.
    """

    __slots__ = ()

    @abstractmethod
    def begin(self, tell: Tell) -> None:
        """Begin. `tell` is called with the outcome in the end, by the event loop or before this returns."""

    @abstractmethod
    def cancel(self) -> None:
        """Nobody wants the outcome any more, and nobody is told. When it has ended, this does nothing."""

    def __await__(self) -> Generator[Any, None, ValueT]:
        """Begin, and wait for the value. Raises the exception that came instead; cancelled with whoever waits."""
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def tell(value: Any) -> None:
            if not outcome.done():
                outcome.set_result(value)

        self.begin(tell)
        try:
            value: Any = yield from outcome
        except BaseException:
            self.cancel()
            raise
        if isinstance(value, BaseException):
            try:
                raise value
            finally:
                del value  # its traceback holds this frame
        result: ValueT = value
        return result
