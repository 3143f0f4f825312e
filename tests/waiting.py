"""Waiting for what no event announces: it is beyond a socket, or in another program."""

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any


async def until(condition: Callable[[], Any]) -> Any:
    """Let the loop run until the condition, or what it awaits, is true; returns that."""
    async with asyncio.timeout(60):
        while True:
            found = condition()
            if isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.002)
