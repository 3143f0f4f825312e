"""What anybody may have done by asking, and what may cost something: done once for all who ask."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.futures import join

KEPT = 1.0
"""Seconds for which what has succeeded is not done again."""


class Shared:
    """Work, of which who asks learns whether it has succeeded: now, or within the last `KEPT` seconds."""

    def __init__(self, work: Callable[[], Awaitable[bool]]) -> None:
        self._work = work
        self._result: asyncio.Task[bool] | None = None

    async def succeeds(self) -> bool:
        if self._result is None:
            self._result = asyncio.create_task(self._do())
        return await join(self._result)

    async def _do(self) -> bool:
        succeeded = False
        try:
            succeeded = await self._work()
        finally:
            asyncio.get_running_loop().call_later(KEPT if succeeded else 0, self._forget)
        return succeeded

    def _forget(self) -> None:
        self._result = None
