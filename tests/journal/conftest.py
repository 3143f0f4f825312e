import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete
from standing_clock import FrozenClock
from throw_away import blocking_database, on_server

from gateway.journal.journal import Journal, open_journal
from gateway.journal.tables import metadata
from gateway.settings import Settings

ENGINES = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: None) -> Iterator[str]:
    """One database for all tests; `postgres_settings` hands it out empty."""

    async def migrate() -> None:
        async with open_journal(Settings(database_url=url)):
            pass

    with blocking_database() as url:
        asyncio.run(migrate())
        yield url


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, journal_timeout=30.0)


@pytest.fixture
async def postgres_settings(postgres_url: str, tmp_path: Path) -> Settings:
    await on_server(";".join(str(delete(table)) for table in reversed(metadata.sorted_tables)), postgres_url)
    return Settings(database_url=postgres_url, data_dir=tmp_path, journal_timeout=10.0)


@pytest.fixture
def fresh_settings(postgres_server: None, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a PostgreSQL database that no gateway has seen."""
    with blocking_database() as url:
        yield Settings(database_url=url, data_dir=tmp_path, journal_timeout=2.0)


@pytest.fixture(params=ENGINES)
def new_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a journal that no gateway has seen, once for each engine."""
    if request.param == "sqlite":
        return Settings(data_dir=tmp_path / "data")
    fresh: Settings = request.getfixturevalue("fresh_settings")
    return fresh


@pytest.fixture(params=ENGINES)
def settings(request: pytest.FixtureRequest) -> Settings:
    """Settings of an empty journal, once for each engine."""
    settings: Settings = request.getfixturevalue(f"{request.param}_settings")
    return settings


@pytest.fixture
async def journal(settings: Settings, clock: FrozenClock) -> AsyncIterator[Journal]:
    async with open_journal(settings, clock) as journal:
        yield journal
