"""The platform clients over a sandbox of both platforms; the transport on both event loops."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

import pytest
import uvloop
from self_signed import self_signed

from gateway.entities import ENDPOINTS
from gateway.ops.metrics import Metrics
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox
from gateway.settings import load_settings


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """uvloop, as in production; what the transport does is tried on asyncio's own loop as well."""
    if item.path.name.startswith("test_transport"):
        return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(self_signed("localhost"))
    return path


@pytest.fixture
def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def dialect() -> Dialect:
    return Dialect.EXAMPLES


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def platforms(sandbox: Sandbox, metrics: Metrics) -> AsyncIterator[Platforms]:
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": "2"})
    async with aclosing(make_platforms(settings, ENDPOINTS, metrics=metrics)) as opened:
        yield opened
