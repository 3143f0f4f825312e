"""Work that ends in a callback, or is awaited (ADR 8).

Nearly all of a call's life is waiting for a socket. A coroutine that waits costs a task, a future and a frame for each
layer above the socket, most of what a call costs; a callback costs itself.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeAlias, TypeVar

ValueT = TypeVar("ValueT")

OnDone: TypeAlias = Callable[[Any], None]
"""Takes the outcome: a value, or the exception that came instead. It must not raise."""


class Pending(ABC, Generic[ValueT]):
    """Work that is begun once, and has one outcome unless it is cancelled before.

    Subclasses have slots: each call makes one, and attributes that a class gives a default are slow to read.
    """

    __slots__ = ()

    @abstractmethod
    def begin(self, on_done: OnDone) -> None:
        """Begin. `on_done` is called with the outcome, by the event loop or before this returns."""

    @abstractmethod
    def cancel(self) -> None:
        """Nobody wants the outcome any more: `on_done` is not called. After the end this does nothing."""

    def __await__(self) -> Generator[Any, None, ValueT]:
        """Begin, and wait for the value. Raises the exception that came instead; is cancelled with its caller."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def on_done(outcome: Any) -> None:
            if not future.done():
                future.set_result(outcome)

        self.begin(on_done)
        try:
            outcome: Any = yield from future
        except BaseException:
            self.cancel()
            raise
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                del outcome  # its traceback holds this frame
        value: ValueT = outcome
        return value
