"""A clock that stands still, and a throw-away PostgreSQL database."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

SERVER = os.environ.get("GATEWAY_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


class FrozenClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


async def on_server(statement: str, url: str = SERVER) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def throw_away_database() -> Iterator[str]:
    """The URL of a fresh, empty database. Without a server: a skip on a desk, a failure in CI."""
    name = f"gateway_test_{uuid4().hex[:12]}"
    try:
        asyncio.run(on_server(f"CREATE DATABASE {name}"))
    except OSError:
        if os.environ.get("CI"):
            raise
        pytest.skip("no PostgreSQL server at GATEWAY_TEST_DATABASE_URL or on this machine")
    base, _, query = SERVER.partition("?")
    try:
        yield base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
    finally:
        asyncio.run(on_server(f"DROP DATABASE {name} WITH (FORCE)"))
