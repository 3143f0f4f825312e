import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from documents import write_document
from resident import NOT_SAVED, Resident
from sqlalchemy import Connection, event, text

from gateway.errors import JournalError, JournalRefusedError
from gateway.journal.sqlite import FILE_NAME, LARGEST_BATCH, SqliteDatabase, open_sqlite
from gateway.sandbox.server import Sandbox

NUMBERS = "CREATE TABLE numbers (number INTEGER UNIQUE)"


@pytest.fixture
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """That waits so many seconds: a minute, where a test does not say."""
    database = await open_sqlite(tmp_path, getattr(request, "param", 60.0))
    await database.write(lambda connection: connection.execute(text(NUMBERS)))
    yield database
    await database.close()


def add(number: int, connection: Connection) -> int:
    connection.execute(text("INSERT INTO numbers VALUES (:number)"), {"number": number})
    return number


async def numbers(database: SqliteDatabase) -> list[int]:
    return list(await database.read(lambda c: c.scalars(text("SELECT number FROM numbers ORDER BY number")).all()))


@asynccontextmanager
async def held(database: SqliteDatabase) -> AsyncIterator["asyncio.Task[None]"]:
    """The work that keeps the database's thread busy until the block ends."""
    loop, begun, go = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def wait(_: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert go.wait(10)

    holding = asyncio.create_task(database.write(wait))
    await begun.wait()
    yield holding
    go.set()


async def test_waiting_writes_share_one_commit(database: SqliteDatabase) -> None:
    commits: list[Connection] = []
    event.listen(database._connection.engine, "commit", commits.append)
    async with held(database) as holding:
        writes = [asyncio.create_task(database.write(partial(add, n))) for n in range(LARGEST_BATCH)]
        await asyncio.sleep(0)
    await holding

    assert await asyncio.gather(*writes) == list(range(LARGEST_BATCH))
    assert len(commits) == 2


async def test_failed_work_affects_only_its_caller(database: SqliteDatabase) -> None:
    def broken(connection: Connection) -> None:
        add(50, connection)
        raise ZeroDivisionError

    ends = await asyncio.gather(
        *(database.write(partial(add, n)) for n in range(3)),
        database.write(broken),
        database.write(lambda c: add(1, c)),
        *(database.write(partial(add, n)) for n in range(3, 6)),
        return_exceptions=True,
    )

    assert [end for end in ends if isinstance(end, int)] == [0, 1, 2, 3, 4, 5]
    assert isinstance(ends[3], ZeroDivisionError)
    assert isinstance(ends[4], JournalRefusedError)
    assert ends[4].message == "The journal does not take this (SQLITE_CONSTRAINT_UNIQUE)."
    assert await numbers(database) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("database", [1.0], indirect=True)
async def test_write_that_times_out_or_is_cancelled_is_not_done_later(database: SqliteDatabase) -> None:
    async with held(database) as holding:
        leaving = asyncio.create_task(database.write(lambda c: add(0, c)))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(JournalError, match="within 1 seconds"):
            await database.write(lambda c: add(1, c))
        with pytest.raises(JournalError):
            await holding
        staying = asyncio.create_task(database.write(lambda c: add(2, c)))
        await asyncio.sleep(0)

    assert await staying == 2
    assert await numbers(database) == [2]


async def test_replaced_sqlite_file_refuses_commits(tmp_path: Path, database: SqliteDatabase) -> None:
    path, aside, other = tmp_path / FILE_NAME, tmp_path / "aside", tmp_path / "other"
    path.rename(aside)
    for _ in range(2):
        with pytest.raises(JournalError, match="removed or replaced"):
            await asyncio.gather(*(database.write(partial(add, n)) for n in range(3)))
        other.write_bytes(aside.read_bytes())
        other.rename(path)  # as one who brings a backup back

    aside.rename(path)
    assert await numbers(database) == []
    await database.write(lambda c: add(1, c))
    assert await numbers(database) == [1]


async def test_removed_wal_of_a_linked_file_refuses_commits(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    (tmp_path / FILE_NAME).symlink_to(elsewhere)
    database = await open_sqlite(tmp_path, 10.0)
    wal = tmp_path / "elsewhere-wal"
    wal.rename(tmp_path / "aside")
    with pytest.raises(JournalError, match="elsewhere-wal was removed"):
        await database.write(lambda connection: connection.execute(text(NUMBERS)))

    (tmp_path / "aside").rename(wal)
    await database.write(lambda connection: connection.execute(text(NUMBERS)))
    assert await numbers(database) == []
    await database.close()


async def test_removed_journal_refuses_callbacks_and_writes(gateway: Any, environ: Any, sandbox: Sandbox) -> None:
    for file in gateway.data_dir.glob(f"{FILE_NAME}*"):
        file.unlink()

    given = {"communityCode": "10002", "name": "COMPLAINTS", "enabled": False}
    assert await Resident(gateway.stranger, environ).pay() == NOT_SAVED
    written = await gateway.ask(write_document("setModule"), {"input": given})

    assert (written.code, written.error["extensions"]["retryable"]) == ("INTERNAL", True)
    assert (await gateway.stranger.get("/readyz")).status_code == 503
    assert await gateway.read('{ modules(communityCode: "10002") { name } }')
    assert sandbox.effects.all() == []
