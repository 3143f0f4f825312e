"""The journal shared by several processes, some of which are killed."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from gateway.errors import JournalError
from gateway.journal.journal import open_journal
from gateway.journal.listing import OperationQuery
from gateway.settings import Settings

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("journal_process.py")


@asynccontextmanager
async def gateway(settings: Settings, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with the journal open; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, SCRIPT, settings.data_dir, settings.database_url, *command, stdout=subprocess.PIPE
    )
    try:
        assert await line(process) == "open"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


async def lines(process: asyncio.subprocess.Process) -> list[str]:
    """All it says from now on until it ends."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        said = (await process.stdout.read()).decode().split("\n")[:-1]
        await process.wait()
        return said


@pytest.mark.postgres
async def test_simultaneous_starts_migrate_once(fresh_settings: Settings) -> None:
    async def start() -> None:
        async with open_journal(fresh_settings) as journal:
            await journal.ping()

    await asyncio.gather(*(start() for _ in range(5)))

    async with open_journal(fresh_settings) as journal:
        versions = await journal.database.read(
            lambda connection: connection.scalars(text("SELECT version_num FROM alembic_version")).all()
        )
    assert len(versions) == 1


async def test_second_process_is_refused_the_sqlite_file(sqlite_settings: Settings) -> None:
    async with gateway(sqlite_settings, "begin") as other:
        assert await line(other) == "begun"
        impatient = msgspec.structs.replace(sqlite_settings, journal_timeout=0.1)
        with pytest.raises(JournalError, match="GATEWAY_DATABASE_URL"):
            async with open_journal(impatient):
                pass
        other.kill()
        await other.wait()

    async with open_journal(sqlite_settings) as journal:
        assert await journal.operations.count(OperationQuery()) == 1


async def test_full_disk_is_an_error_and_loses_no_row(sqlite_settings: Settings) -> None:
    async with gateway(sqlite_settings, "fill", str(1_000_000)) as process:
        error, unready, counts, with_room_again = await lines(process)

    assert error.startswith("The journal cannot be used now (SQLITE_")
    assert unready.startswith("The journal cannot be used now (SQLITE_")
    acknowledged, readable = map(int, counts.split())
    assert readable == acknowledged > 10
    assert int(with_room_again) == acknowledged + 1
    async with open_journal(sqlite_settings) as journal:
        assert set(await journal.payments.by_order_number(["order-first", "order-0", "order-last"])) == {
            "order-first",
            "order-0",
            "order-last",
        }
