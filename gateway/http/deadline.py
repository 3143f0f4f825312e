"""How long a request may take, and whether anybody still waits for its answer."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import ClientDisconnect
from starlette.types import Receive

FIRST_LOOK = 0.02
"""Seconds until a request is looked after at all: most answers are there by then, and need one timer and no task."""


class Deadline:
    """Cancels the block of its `with` after so many seconds, or when the client goes away.

    The block then ends with TimeoutError, or with starlette's ClientDisconnect. `expired` tells this TimeoutError from
    another.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._receive: Receive | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._looked = False
        self._disconnected = False
        self.expired = False

    def watch(self, receive: Receive) -> None:
        """From now on the client's leaving ends the block, too.

        To be called when the body has been read: what `receive` gives afterwards can only be the disconnect.
        """
        self._receive = receive
        if self._looked:
            self._start_watcher(receive)

    def __enter__(self) -> Self:
        if (task := asyncio.current_task()) is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._task = task
        self._cancelling = task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(min(FIRST_LOOK, self._seconds), self._look)
        return self

    def _look(self) -> None:
        self._looked = True
        self._timer = self._loop.call_later(max(0, self._seconds - FIRST_LOOK), self._expire)
        if self._receive is not None:
            self._start_watcher(self._receive)

    def _expire(self) -> None:
        if not self._disconnected:
            self.expired = True
            self._task.cancel()

    def _start_watcher(self, receive: Receive) -> None:
        self._watcher = self._loop.create_task(self._wait(receive))

    async def _wait(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if not self.expired:
            self._disconnected = True
            self._task.cancel()

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if not (self.expired or self._disconnected) or error_type is not asyncio.CancelledError:
            return
        if self._task.uncancel() <= self._cancelling:
            raise (ClientDisconnect if self._disconnected else TimeoutError) from None
