"""A clock that stands still, a throw-away PostgreSQL database, and what is in a database."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine
from throw_away import blocking_database

from gateway.journal.sqlite import FILE_NAME
from gateway.settings import Settings

ValueT = TypeVar("ValueT")


class FrozenClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


@contextmanager
def throw_away_database() -> Iterator[str]:
    """The URL of a fresh, empty database. Without a server: a skip on a desk, a failure in CI."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(blocking_database())
        except OSError:
            if os.environ.get("CI"):
                raise
            pytest.skip("no PostgreSQL server at GATEWAY_TEST_DATABASE_URL or on this machine")
        yield url


async def on_database(settings: Settings, work: Callable[[Connection], ValueT]) -> ValueT:
    """Do this in a transaction in the journal's database, past the gateway."""
    if settings.database_url:
        engine = create_async_engine(settings.database_url.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.begin() as connection:
            value = await connection.run_sync(work)
        await engine.dispose()
        return value

    def in_file() -> ValueT:
        settings.data_dir.mkdir(mode=0o700, exist_ok=True)
        engine = create_engine(f"sqlite:///{settings.data_dir / FILE_NAME}")
        with engine.begin() as connection:
            value = work(connection)
        engine.dispose()
        return value

    return await asyncio.to_thread(in_file)


def all_rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Of all tables that have any, as the database itself has them, but for what is null."""
    found = {}
    for name in inspect(connection).get_table_names():
        rows = connection.execute(text(f"SELECT * FROM {name}")).mappings()  # noqa: S608 # of its own
        held = [{column: value for column, value in row.items() if value is not None} for row in rows]
        if held:
            found[name] = sorted(held, key=repr)
    return found
