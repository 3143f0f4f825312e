from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from graphql_server import Serve, Server, Watched, application, endpoint, running, without_header_blocks

WAYS = (application, without_header_blocks)


@pytest.fixture(params=WAYS)
def serve(request: pytest.FixtureRequest) -> Serve:
    """Starts a server of its own, for a test that needs other limits or watches what happens inside."""

    @contextmanager
    def start(**options: Any) -> Iterator[Server]:
        watched = Watched()
        with running(request.param(endpoint(watched, **options)), watched) as server:
            yield server

    return start


@pytest.fixture(scope="session", params=WAYS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    watched = Watched()
    with running(request.param(endpoint(watched)), watched) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client
