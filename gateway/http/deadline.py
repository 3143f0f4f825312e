"""How long a request may take, and whether anybody still waits for its answer."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import ClientDisconnect
from starlette.types import Receive

LOOK_AFTER = 0.02
"""Seconds until requests are looked after: most answers are there by then, and need neither timer nor task."""


class Deadlines:
    """Looks after the requests that have begun, all with one timer.

    `asyncio.timeout` and a timer for each request would do the same for 5 µs of some 90 (docs/adr/0006-connections.md).
    """

    def __init__(self) -> None:
        self._begun: set[Deadline] = set()  # since the last look
        self._earlier: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, deadline: "Deadline") -> "set[Deadline]":
        """The set to discard it from when it ends."""
        self._begun.add(deadline)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_AFTER, self._look)
        return self._begun

    def _look(self) -> None:
        self._timer = None
        for deadline in self._earlier:
            deadline.look_after()
        self._earlier, self._begun = self._begun, set()
        if self._earlier:
            self._timer = asyncio.get_running_loop().call_later(LOOK_AFTER, self._look)


class ExpiredError(TimeoutError):
    """A deadline's own."""


class Deadline:
    """Cancels the block of its `with` after some seconds, or when the client goes away; at most `LOOK_AFTER` late.

    The block then ends with ExpiredError, or with starlette's ClientDisconnect.
    """

    __slots__ = ("_among", "_cancelling", "_deadlines", "_error", "_receive", "_seconds", "_task", "_timer", "_watcher")

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        if (task := asyncio.current_task()) is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._task = task
        self._cancelling = task.cancelling()
        self._deadlines = deadlines
        self._seconds = seconds
        self._error: type[ClientDisconnect | ExpiredError] | None = None
        self._receive: Receive | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    def watch(self, receive: Receive) -> None:
        """From now on the client's leaving ends the block, too.

        To be called when the body has been read: what `receive` gives afterwards can only be the disconnect.
        """
        self._receive = receive
        if self._timer is not None:
            self._start_watcher(receive)

    def look_after(self) -> None:
        """It takes longer than most: at least `LOOK_AFTER`, and less than twice that, have passed."""
        self._timer = asyncio.get_running_loop().call_later(self._seconds - LOOK_AFTER, self._end, ExpiredError)
        if self._receive is not None:
            self._start_watcher(self._receive)

    def __enter__(self) -> Self:
        self._among = self._deadlines.add(self)
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._among.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        watcher, self._watcher = self._watcher, None  # or the two would hold each other: a reference cycle
        if watcher is not None:
            watcher.cancel()
        if self._error is None:
            return
        if self._task.uncancel() <= self._cancelling and error_type is asyncio.CancelledError:
            raise self._error from None

    def _end(self, error: type[ClientDisconnect | ExpiredError]) -> None:
        if self._error is None:
            self._error = error
            self._task.cancel()

    def _start_watcher(self, receive: Receive) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch(receive))

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._end(ClientDisconnect)
