"""Throw-away PostgreSQL databases, for whatever is tested or measured on one."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import uuid4

import asyncpg

SERVER = os.environ.get("GATEWAY_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@asynccontextmanager
async def database() -> AsyncIterator[str]:
    """The URL of a fresh, empty database. Raises OSError without a server."""
    name, url = _fresh()
    await on_server(f"CREATE DATABASE {name}")
    try:
        yield url
    finally:
        await on_server(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def blocking_database() -> Iterator[str]:
    """The same where no event loop runs yet."""
    name, url = _fresh()
    asyncio.run(on_server(f"CREATE DATABASE {name}"))
    try:
        yield url
    finally:
        asyncio.run(on_server(f"DROP DATABASE {name} WITH (FORCE)"))


async def on_server(statement: str, url: str = SERVER) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _fresh() -> tuple[str, str]:
    """A name that no database has, and its URL."""
    name = f"gateway_throw_away_{uuid4().hex[:12]}"
    base, _, query = SERVER.partition("?")
    return name, base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
