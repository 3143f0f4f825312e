"""Work that ends in a callback, or is awaited.

Nearly all of a call's life is waiting for a socket. A coroutine that waits costs a task, a future and a frame for each
layer above the socket, most of what a call costs at all; a callback costs itself. So each layer here is an object that
calls the one above when the one below has called it (ADR 8). Whoever would rather await it can.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeAlias, TypeVar

ValueT = TypeVar("ValueT")

OnDone: TypeAlias = Callable[[Any], None]
"""Takes the outcome: a value, or the exception that came instead."""


class Pending(ABC, Generic[ValueT]):
    """What is begun once, and has one outcome, unless it is cancelled before.

    Subclasses have slots: each call makes one, and attributes that a class gives a default are slow to read.
    """

    __slots__ = ()

    @abstractmethod
    def begin(self, on_done: OnDone) -> None:
        """Begin. `on_done` is called with the outcome, by the event loop or before this returns. It must not raise."""

    @abstractmethod
    def cancel(self) -> None:
        """Nobody wants the outcome any more: `on_done` is not called. When it has ended, this does nothing."""

    def __await__(self) -> Generator[Any, None, ValueT]:
        """Begin, and wait for the value. Raises the exception that came instead; cancelled with the task that waits."""
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def on_done(value: Any) -> None:
            if not outcome.done():
                outcome.set_result(value)

        self.begin(on_done)
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
