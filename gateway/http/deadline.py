"""How long a request may take, and whether anybody still waits for its answer."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import ClientDisconnect
from starlette.types import Receive

FIRST_LOOK = 0.02
"""Seconds until a request is looked after at all: most answers are there by then, and need neither timer nor task."""


class Deadlines:
    """The deadlines of many requests, each `seconds` after its start, and at most `FIRST_LOOK` late.

    One timer goes through those that have begun: what is there still when it comes the second time, after `FIRST_LOOK`
    or twice that, gets a timer of its own.
    """

    def __init__(self, seconds: float) -> None:
        self._interval = min(FIRST_LOOK, seconds)
        self._left = max(0, seconds - FIRST_LOOK)
        self.new: list[Deadline] = []
        self._seen: list[Deadline] = []
        self.timer: asyncio.TimerHandle | None = None

    def wait(self) -> None:
        """Until it is time to look."""
        self.timer = asyncio.get_running_loop().call_later(self._interval, self._look)

    def _look(self) -> None:
        for deadline in self._seen:
            deadline.look_after(self._left)
        self._seen, self.new, self.timer = self.new, [], None
        if self._seen:
            self.wait()


class ExpiredError(TimeoutError):
    """A deadline's own."""


class Deadline:
    """Cancels the block of its `with` after the seconds that all have, or when the client goes away.

    The block then ends with ExpiredError, or with starlette's ClientDisconnect.
    """

    __slots__ = ("_cancelling", "_disconnected", "_expired", "_receive", "_task", "_timer", "_watcher")

    def __init__(self, deadlines: Deadlines) -> None:
        """They count from here."""
        if (task := asyncio.current_task()) is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._task: asyncio.Task[object] | None = task
        self._cancelling = task.cancelling()
        self._expired = False
        self._disconnected = False
        self._receive: Receive | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        deadlines.new.append(self)
        if deadlines.timer is None:
            deadlines.wait()

    def watch(self, receive: Receive) -> None:
        """From now on the client's leaving ends the block, too.

        To be called when the body has been read: what `receive` gives afterwards can only be the disconnect.
        """
        self._receive = receive
        if self._timer is not None:
            self._start_watcher(receive)

    def look_after(self, seconds: float) -> None:
        """It takes longer than most, and has so many seconds left."""
        if self._task is None:
            return
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)
        if self._receive is not None:
            self._start_watcher(self._receive)

    def __enter__(self) -> Self:
        return self

    def _expire(self) -> None:
        if not self._disconnected and self._task is not None:
            self._expired = True
            self._task.cancel()

    def _start_watcher(self, receive: Receive) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._wait(receive))

    async def _wait(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if not self._expired and self._task is not None:
            self._disconnected = True
            self._task.cancel()

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        self._receive = None
        if self._timer is None or task is None:
            return
        self._timer.cancel()
        watcher, self._watcher = self._watcher, None  # or the two would hold each other: a reference cycle
        if watcher is not None:
            watcher.cancel()
        if not (self._expired or self._disconnected) or error_type is not asyncio.CancelledError:
            return
        if task.uncancel() <= self._cancelling:
            raise (ClientDisconnect if self._disconnected else ExpiredError) from None
