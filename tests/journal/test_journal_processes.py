"""The journal shared by several processes, some of which are killed."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from journal_fixtures import FrozenClock
from sqlalchemy import text

from gateway.errors import JournalError
from gateway.journal.journal import open_journal, utc_now
from gateway.journal.listing import Cut, OperationQuery
from gateway.journal.records import ReservationKind
from gateway.journal.sqlite import FILE_NAME
from gateway.normalise.states import OperationState
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
async def test_one_reservation_of_three_gateways_is_new(postgres_settings: Settings) -> None:
    async with (
        gateway(postgres_settings, "reserve", "50") as one,
        gateway(postgres_settings, "reserve", "50") as two,
        gateway(postgres_settings, "reserve", "50") as three,
    ):
        answers = [(await line(process)).split() for process in (one, two, three)]

    assert sum(int(news) for news, *_ in answers) == 1
    assert len({operation for _, *operations in answers for operation in operations}) == 1


@pytest.mark.postgres
async def test_gateways_claim_disjoint_payments(postgres_settings: Settings) -> None:
    async with open_journal(postgres_settings) as journal:
        for number in range(60):
            await journal.payments.receive(f"order-{number}", "shop", f"weixin-{number}", subject="platform")

    async with (
        gateway(postgres_settings, "claim", "one", "20") as one,
        gateway(postgres_settings, "claim", "two", "20") as two,
    ):
        claimed = [*await lines(one), *await lines(two)]

    assert sorted(claimed) == sorted(f"order-{number}" for number in range(60))


@pytest.mark.postgres
async def test_simultaneous_starts_migrate_once(fresh_settings: Settings) -> None:
    async def start() -> None:
        async with open_journal(fresh_settings) as journal:
            await journal.ping()

    await asyncio.gather(*(start() for _ in range(5)))

    async with open_journal(fresh_settings) as journal:
        versions = await journal._database.read(
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
        assert await journal.operations.count(OperationQuery()) == 3


async def test_acknowledged_payments_survive_kill_nine(settings: Settings) -> None:
    acknowledged: list[str] = []
    for killed_after in (1, 60):
        async with gateway(settings, "receive") as process:
            for _ in range(killed_after):
                acknowledged.append(await line(process))
            process.send_signal(signal.SIGKILL)
            acknowledged += await lines(process)

    async with open_journal(settings) as journal:
        kept = await journal.payments.by_order_number(set(acknowledged))
        assert len(kept) == len(set(acknowledged))
    if not settings.database_url:
        with closing(sqlite3.connect(settings.data_dir / FILE_NAME)) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_each_step_of_a_write_survives_kill_nine(settings: Settings, clock: FrozenClock) -> None:
    async with gateway(settings, "begin") as process:
        assert await line(process) == "begun"
        process.send_signal(signal.SIGKILL)

    clock.now = utc_now() + timedelta(minutes=5)
    async with open_journal(settings, clock) as journal:
        states = {o.idempotency_key: o.state for o in (await journal.operations.list(OperationQuery(), Cut(10))).items}
        assert states == {
            "reserved": OperationState.RESERVED,
            "sent": OperationState.SENT,
            "finished": OperationState.CONFIRMED,
        }
        taken = await journal.operations.take_over(older_than=timedelta(minutes=1), lease=timedelta(minutes=1))
        assert [(o.idempotency_key, o.state) for o in taken] == [("sent", OperationState.UNKNOWN)]
        kinds = {
            key: (
                await journal.operations.reserve(
                    key=key, subject="officer", mutation="approveShenhe", fingerprint="f", community_code="10002"
                )
            ).kind
            for key in states
        }
        assert kinds == {
            "reserved": ReservationKind.NEW,
            "sent": ReservationKind.REPLAY,
            "finished": ReservationKind.REPLAY,
        }


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
