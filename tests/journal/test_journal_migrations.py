"""A journal is made, migrated, or tried by `gateway check`, which changes nothing; what is unusable is explained."""

import asyncio
import stat
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from journal_fixtures import all_rows, on_database
from sqlalchemy import Connection, func, inspect, select, text
from throw_away import on_server

from gateway.errors import JournalError
from gateway.journal.database import migrate
from gateway.journal.journal import open_journal, try_journal
from gateway.journal.postgres import open_postgres
from gateway.journal.sqlite import FILE_NAME
from gateway.journal.tables import metadata, readiness
from gateway.settings import Settings


def differences(connection: Connection) -> list[object]:
    options: dict[str, Any] = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_opening_again_changes_nothing(settings: Settings) -> None:
    async with open_journal(settings) as journal:
        kept = (await journal.payments.receive("order", "shop", "weixin", subject="platform")).payment
    async with open_journal(settings) as journal:
        assert await journal.payments.get(kept.id) == kept
        assert await journal.database.read(differences) == []


@pytest.mark.postgres
async def test_simultaneous_starts_migrate_once(fresh_settings: Settings) -> None:
    async def start() -> None:
        async with open_journal(fresh_settings) as journal:
            await journal.ping()

    await asyncio.gather(*(start() for _ in range(5)))

    assert len((await on_database(fresh_settings, all_rows))["alembic_version"]) == 1


async def test_journal_ping_leaves_no_row_and_closing_no_task(settings: Settings) -> None:
    left = select(func.count()).select_from(readiness)
    async with open_journal(settings) as journal:
        await asyncio.gather(*(journal.ping() for _ in range(20)))
        assert await journal.database.read(lambda connection: connection.scalar(left)) == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.postgres
async def test_migration_outlasts_a_stall_of_the_machine(fresh_settings: Settings) -> None:
    def stall(connection: Connection) -> None:
        migrate(connection)
        time.sleep(1.5)  # longer than the server lets another transaction of the journal be idle
        assert connection.scalar(text("SELECT count(*) FROM operations")) == 0

    database = await open_postgres(fresh_settings.database_url, 1.0, stall)
    await database.close()


async def test_sqlite_file_is_private_synced_and_has_the_checks_of_the_tables(tmp_path: Path) -> None:
    def pragmas(connection: Connection) -> dict[str, object]:
        names = ("journal_mode", "locking_mode", "synchronous", "foreign_keys")
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}

    folder = tmp_path / "data"
    async with open_journal(Settings(data_dir=folder)) as journal:
        assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / FILE_NAME)] == [0o700, 0o600]
        assert await journal.database.read(pragmas) == {
            "journal_mode": "wal",
            "locking_mode": "exclusive",
            "synchronous": 2,
            "foreign_keys": 1,
        }
        tables = text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        made = await journal.database.read(lambda connection: dict(map(tuple, connection.execute(tables))))
    for table in metadata.sorted_tables:
        for check in (c for c in table.constraints if c.name and str(c.name).startswith("ck_")):
            assert str(check.name) in made[table.name]  # which `differences` do not see


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


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("postgres@127.0.0.1:1/s3cr3t", "Connection refused"),
        ("postgres@nowhere.invalid/s3cr3t", r".* \(gaierror\)"),
        ("n0body@{server}/s3cr3t", "Invalid"),
        ("{user}@{server}/s3cr3t", "InvalidCatalogNameError"),
        ("{user}@{server}{path}?conect_timeout=5", "UndefinedObjectError"),
        ("{user}@{server}{path}?target_session_attrs=standby", "TargetServerAttributeNotMatched"),
        ("u:x:s3cr3t@127.0.0.1:x/db", ""),
        ("u:s3cr3t@127.0.0.1/db?sslmode=x", "ClientConfigurationError"),
        ("u:s3cr3t@127.0.0.1/db?sslmode=verify-full", "ClientConfigurationError"),
        ("u@127.0.0.1/db?sslmode=verify-full&sslrootcert=/nowhere/s3cr3t.pem", "No such file or directory"),
    ],
)
async def test_unusable_database_is_explained_without_its_url(postgres_url, place, reason, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    known = urlsplit(postgres_url)
    user, _, server = known.netloc.rpartition("@")
    url = f"postgresql://{place.format(user=user, server=server, path=known.path)}"
    with pytest.raises(JournalError, match=f"^GATEWAY_DATABASE_URL: {reason}") as refused:
        async with open_journal(Settings(database_url=url)):
            pass
    assert "s3cr3t" not in str(refused.value)
    assert refused.value.__suppress_context__
