"""Noticing that the client has gone while its query is still running."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import ClientDisconnect
from starlette.types import Receive

FIRST_LOOK = 0.02
"""Seconds until the first look at the connection: most answers are there by then and need no second task."""


class CancelOnDisconnect:
    """Cancels the block of its `with` when the client goes away; the block then ends with starlette's ClientDisconnect.

    To be entered when the body has been read: what `receive` gives afterwards can only be the disconnect.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None
        self._disconnected = False

    def __enter__(self) -> Self:
        if (task := asyncio.current_task()) is None:
            raise RuntimeError("CancelOnDisconnect needs a task to cancel")
        self._task = task
        self._cancelling = task.cancelling()
        self._first_look = asyncio.get_running_loop().call_later(FIRST_LOOK, self._watch)
        return self

    def _watch(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._disconnected = True
        self._task.cancel()

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._first_look.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._disconnected and error_type is asyncio.CancelledError and self._task.uncancel() <= self._cancelling:
            raise ClientDisconnect from None
