"""Journals are brought back to an earlier version, with all that it knew of."""

import re
from pathlib import Path
from typing import Any

import pytest
from old_journal import ROWS, all_rows, create_old_journal, on_database
from sqlalchemy import Connection, inspect

from gateway.journal.journal import open_journal
from gateway.journal.migrate import OLDEST, downgrade, every_migration
from gateway.journal.postgres_indexes import SUPERSEDED

OLD = [version for version in ROWS if OLDEST <= version < max(ROWS)]


RUNBOOK = Path(__file__).parents[2] / "docs" / "operating.md"


def shape(connection: Connection) -> dict[str, Any]:
    """Columns and indexes of each table, but for the index that gateways drop when they start."""
    inspector = inspect(connection)
    return {
        table: (
            sorted(
                (column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
            ),
            sorted(
                (index["name"], index["column_names"])
                for index in inspector.get_indexes(table)
                if index["name"] not in SUPERSEDED
            ),
        )
        for table in inspector.get_table_names()
    }


@pytest.mark.parametrize("version", OLD)
async def test_downgrade_undoes_an_upgrade(new_settings, version):
    await create_old_journal(new_settings, version)
    before = await on_database(new_settings, shape), await on_database(new_settings, all_rows)
    async with open_journal(new_settings):
        pass

    await on_database(new_settings, lambda connection: downgrade(connection, version))

    assert (await on_database(new_settings, shape), await on_database(new_settings, all_rows)) == before


@pytest.mark.parametrize("version", OLD)
async def test_newest_rows_that_an_earlier_version_knows_stay(new_settings, version):
    await create_old_journal(new_settings, max(ROWS))
    before = await on_database(new_settings, all_rows)

    await on_database(new_settings, lambda connection: downgrade(connection, version))

    after = await on_database(new_settings, all_rows)
    for name in ("payments", "payment_conflicts", "announcements", "audit"):
        assert after[name] == before[name]
    columns = {column for row in after["operations"] for column in row}
    assert after["operations"] == sorted(
        [{name: value for name, value in row.items() if name in columns} for row in before["operations"]], key=repr
    )
    async with open_journal(new_settings):
        pass


@pytest.mark.parametrize("version", ["0004", max(ROWS), "9999", ""])
async def test_impossible_downgrade_changes_nothing(new_settings, version):
    await create_old_journal(new_settings, max(ROWS))
    before = await on_database(new_settings, all_rows)
    with pytest.raises(
        ValueError, match=r"^the journal is of \d+: it can be brought to 0005 or later ones below that$"
    ):
        await on_database(new_settings, lambda connection: downgrade(connection, version))
    assert await on_database(new_settings, all_rows) == before


def test_runbook_says_what_each_downgrade_drops():
    table = RUNBOOK.read_text(encoding="utf-8").split("| Back over | Is dropped |")[1].split("\n\n")[0]
    later = [migration.revision for migration in every_migration() if migration.revision > OLDEST]
    assert re.findall(r"^\| (\d{4}) \| .+ \|$", table, re.MULTILINE) == later[::-1]
