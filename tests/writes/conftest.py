"""What the tests of the write side share: a clock that is moved, and a gateway in its own process."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from standing_clock import MovedClock

Condition = Callable[[], Awaitable[object]]
Until = Callable[[Condition], Awaitable[object]]


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def until() -> Until:
    """`await until(condition)`: what the condition returns, once that is true."""

    async def until(condition: Condition) -> object:
        async with asyncio.timeout(60):
            while not (value := await condition()):  # noqa: ASYNC110 # what is watched is another program, or HTTP
                await asyncio.sleep(0.005)
            return value

    return until
