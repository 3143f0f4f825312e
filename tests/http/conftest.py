from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from graphql_server import Serve, Server, Watched, endpoint, running
from starlette.routing import Route


@pytest.fixture
def serve() -> Serve:
    """Starts a server of its own, for a test that needs other limits or watches what happens inside."""

    @contextmanager
    def start(**options: Any) -> Iterator[Server]:
        watched = Watched()
        with running([Route("/graphql", endpoint(watched, **options))], watched) as server:
            yield server

    return start


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    watched = Watched()
    with running([Route("/graphql", endpoint(watched))], watched) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client
