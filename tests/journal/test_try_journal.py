"""`gateway check` reports the state of the journal and changes nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec
import pytest
from journal_fixtures import all_rows, on_database
from sqlalchemy import Connection, inspect, text
from throw_away import on_server

from gateway.errors import JournalError
from gateway.journal.journal import open_journal, try_journal
from gateway.journal.sqlite import FILE_NAME
from gateway.settings import Settings


async def test_journal_is_to_be_made_then_ready_for_its_key(new_settings: Settings) -> None:
    assert await try_journal(new_settings) == "to be made"
    if new_settings.database_url:
        assert await on_database(new_settings, lambda connection: inspect(connection).get_table_names()) == []
    else:
        assert not new_settings.data_dir.exists()

    async with open_journal(new_settings) as journal:
        await journal.require_key("one", record=True)
        with pytest.raises(JournalError, match="GATEWAY_ID_KEY"):
            await journal.require_key("other", record=True)
    before = await on_database(new_settings, all_rows)
    assert [await try_journal(new_settings, key) for key in (None, "one")] == ["ready"] * 2
    with pytest.raises(JournalError, match="GATEWAY_ID_KEY"):
        await try_journal(new_settings, "other")
    assert await on_database(new_settings, all_rows) == before


async def test_newer_journal_is_refused(new_settings: Settings) -> None:
    def become_newer(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    async with open_journal(new_settings):
        pass
    await on_database(new_settings, become_newer)
    before = await on_database(new_settings, all_rows)

    with pytest.raises(JournalError) as refused:
        await try_journal(new_settings)
    with pytest.raises(JournalError, match="newer version"):
        async with open_journal(new_settings):
            pass
    assert refused.value.reason.endswith(": the journal was written by a newer version of the gateway.")
    assert await on_database(new_settings, all_rows) == before


@pytest.mark.postgres
async def test_read_only_database_is_refused(fresh_settings: Settings) -> None:
    """One with a journal, as of a standby, and one without."""
    database = urlsplit(fresh_settings.database_url).path[1:]
    for _ in range(2):
        await on_server(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        with pytest.raises(JournalError) as refused:
            await try_journal(fresh_settings)
        assert refused.value.reason == "GATEWAY_DATABASE_URL: ReadOnlySQLTransactionError (25006)."

        await on_server(f"ALTER DATABASE {database} SET default_transaction_read_only = off")
        async with open_journal(fresh_settings):
            pass


@pytest.fixture
async def guest(fresh_settings: Settings) -> AsyncIterator[Settings]:
    """Settings of the same database, for a user who may make nothing in it."""
    url = urlsplit(fresh_settings.database_url)
    name = f"guest_of_{url.path[1:]}"
    await on_server(f"CREATE ROLE {name} LOGIN PASSWORD 's3cr3t'")
    await on_server("REVOKE CREATE ON SCHEMA public FROM PUBLIC", fresh_settings.database_url)
    server = url.netloc.rpartition("@")[2]
    as_guest = urlunsplit(url._replace(netloc=f"{name}:s3cr3t@{server}"))
    yield msgspec.structs.replace(fresh_settings, database_url=as_guest)
    await on_server(f"DROP ROLE {name}")


@pytest.mark.postgres
async def test_missing_right_to_create_tables_is_reported(guest: Settings) -> None:
    with pytest.raises(JournalError) as refused:
        await try_journal(guest)
    assert refused.value.reason == "GATEWAY_DATABASE_URL: InsufficientPrivilegeError (42501)."


@pytest.mark.parametrize(
    ("place", "name", "tried", "opened"),
    [
        ("file/data", "file", "nothing can be made there", r"Not a directory \(NotADirectoryError\)"),
        (".", FILE_NAME, r"DatabaseError \(SQLITE_NOTADB\)", r"DatabaseError \(SQLITE_NOTADB\)"),
    ],
    ids=["under a file", "no database"],
)
async def test_unusable_file_is_refused(tmp_path: Path, place: str, name: str, tried: str, opened: str) -> None:
    (tmp_path / name).write_text("not a database" * 100)
    settings = Settings(data_dir=tmp_path / place)
    with pytest.raises(JournalError, match=rf"^GATEWAY_DATA_DIR: {tried}\.$"):
        await try_journal(settings)
    with pytest.raises(JournalError, match=rf"^GATEWAY_DATA_DIR: {opened}\.$"):
        async with open_journal(settings):
            pass
