"""The server's tests run on both event loops: that of the command line, and that of a program that embeds it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop
from raw_http import Connection, Echo, RawServer, serving

from gateway.settings import Settings


def pytest_asyncio_loop_factories(config, item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    of_both = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    # Its transports are of no event loop.
    return {"asyncio": asyncio.new_event_loop} if item.path.name == "test_any_bytes.py" else of_both


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def times() -> dict[str, float]:
    """Of `ServerLimits`, where they are not as always."""
    return {}


@pytest.fixture
async def server(settings: Settings, times: dict[str, float]) -> AsyncIterator[RawServer]:
    async with serving(Echo(), settings, times) as server:
        yield server


@pytest.fixture
async def connection(server: RawServer) -> AsyncIterator[Connection]:
    async with server.connect() as connection:
        yield connection
