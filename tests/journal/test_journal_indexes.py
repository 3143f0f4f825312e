"""The indexes of a journal that has rows: built at its upgrade, on PostgreSQL while others write."""

import asyncio

import asyncpg
import pytest
from old_journal import NOW, create_old_journal, on_database, operation
from sqlalchemy import Connection, inspect, text

from gateway.journal import postgres_indexes
from gateway.journal.journal import open_journal
from gateway.journal.queries import OperationQuery
from gateway.journal.tables import metadata

UNDER_WAY = "SELECT count(*) FROM pg_stat_progress_create_index"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_operations_mutation_id'::regclass"
INVALIDATE = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_operations_mutation_id'::regclass"


def names(connection: Connection) -> set[str]:
    return {str(index["name"]) for table in metadata.tables for index in inspect(connection).get_indexes(table)}


def declared(settings) -> set[str]:
    found = {str(index.name) for table in metadata.sorted_tables for index in table.indexes}
    return found if settings.database_url else found - {"ix_audit_record_ids"}


def insert(connection: Connection, key: str) -> None:
    row = operation(key, "RESERVED", NOW)
    columns = ("id", "idempotency_key", "subject", "mutation", "fingerprint", "state", "started_at", "user_errors")
    values = {name: row[name] for name in columns} | {"user_errors": "[]"}
    places = ", ".join(f":{name}" for name in columns)
    connection.execute(text(f"INSERT INTO operations ({', '.join(columns)}) VALUES ({places})"), values)  # noqa: S608 # of names


@pytest.mark.parametrize("version", ["0001", "0006"])
async def test_upgrade_builds_every_index(new_settings, version):
    await create_old_journal(new_settings, version)

    async with open_journal(new_settings):
        pass

    found = await on_database(new_settings, names)
    assert declared(new_settings) <= found
    assert "ix_operations_record" not in found


@pytest.mark.postgres
async def test_writes_go_on_while_indexes_are_built(fresh_settings):
    await create_old_journal(fresh_settings, "0006")
    other = await asyncpg.connect(fresh_settings.database_url)
    watching = await asyncpg.connect(fresh_settings.database_url)
    try:
        async with asyncio.timeout(20):
            async with other.transaction():
                await other.execute("UPDATE operations SET subject = subject")  # which an index waits for
                opening = asyncio.create_task(upgrade(fresh_settings))
                while not await watching.fetchval(UNDER_WAY):  # noqa: ASYNC110 # what another session does
                    await asyncio.sleep(0.005)
                await on_database(fresh_settings, lambda connection: insert(connection, "meanwhile"))
                assert not opening.done()
            await opening
    finally:
        await other.close()
        await watching.close()

    assert declared(fresh_settings) <= await on_database(fresh_settings, names)


async def upgrade(settings):
    async with open_journal(settings):
        pass


@pytest.mark.postgres
async def test_index_that_was_broken_off_is_built_anew(fresh_settings):
    await upgrade(fresh_settings)
    await on_database(fresh_settings, lambda connection: connection.execute(text(INVALIDATE)))

    await upgrade(fresh_settings)

    assert await on_database(fresh_settings, lambda connection: connection.scalar(text(VALID))) is True


@pytest.mark.postgres
async def test_unfinished_indexes_leave_the_gateway_serving(fresh_settings, monkeypatch, capsys):
    await create_old_journal(fresh_settings, "0006")
    other = await asyncpg.connect(fresh_settings.database_url)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(postgres_indexes, "LONGEST_BUILD", 0.2)
            async with other.transaction():
                await other.execute("UPDATE operations SET subject = subject")
                async with open_journal(fresh_settings) as journal:
                    assert await journal.operations.count(OperationQuery()) == 6 + 1
    finally:
        await other.close()
    assert "indexes not built" in capsys.readouterr().out

    await upgrade(fresh_settings)
    assert declared(fresh_settings) <= await on_database(fresh_settings, names)


@pytest.mark.postgres
async def test_gateway_does_not_wait_for_another_that_builds(fresh_settings):
    await create_old_journal(fresh_settings, "0006")
    builder = await asyncpg.connect(fresh_settings.database_url)
    try:
        await builder.fetchval("SELECT pg_advisory_lock($1)", postgres_indexes._LOCK)
        async with asyncio.timeout(10):
            await upgrade(fresh_settings)
        assert "ix_operations_mutation_id" not in await on_database(fresh_settings, names)
    finally:
        await builder.close()
