"""The platform clients over a sandbox of both platforms; the transport on both event loops."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from gateway.platforms.platforms import Platforms, open_platforms
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import load_settings


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as in production; what the transport does is tried on asyncio's own loop as well."""
    if item.path.name.startswith("test_transport"):
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxOptions(dialect=Dialect.EXAMPLES)) as running:
        yield running


@pytest.fixture
async def platforms(sandbox: Sandbox) -> AsyncIterator[Platforms]:
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": "2"})
    async with open_platforms(settings) as opened:
        yield opened
