"""Waiting for what no event announces: it is beyond a socket, or in another program."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 # there is no event to wait for
            await asyncio.sleep(0.001)
