"""Backup and restore of the journal as docs/operating.md has them, with payments in flight."""

import asyncio
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from throw_away import database

from gateway.journal.journal import utc_now
from gateway.journal.sqlite import FILE_NAME
from gateway.sandbox.faults import Fault, FaultKind

PAYMENTS = "{ payments(first: 50) { nodes { orderNumber state } } }"
CREATE = """mutation ($input: CreateOrderInput!) {
  createOrder(input: $input) { outcome orderNumber }
}"""
NEW_ORDER = {
    "communityCode": "10002",
    "payer": {"house": {"building": 1, "unit": 1, "floor": 1, "room": 101}},
    "title": "物业费",
    "amount": "12.30",
}
SAVED = {"code": 0}


class SqliteFile:
    """Backed up while the gateway is stopped."""

    while_it_serves = False

    def __init__(self, folder: Path) -> None:
        self.settings = {"GATEWAY_DATA_DIR": str(folder)}
        self._file = folder / FILE_NAME
        self._copy = folder / "journal.backup"

    async def back_up(self) -> None:
        assert not self._file.with_name(FILE_NAME + "-wal").exists()
        shutil.copy(self._file, self._copy)

    async def lose(self) -> None:
        for file in self._file.parent.glob(FILE_NAME + "*"):
            file.unlink()

    async def restore(self) -> dict[str, str]:
        shutil.copy(self._copy, self._file)
        return self.settings


class PostgresDump:
    """Backed up while the gateway serves, restored into another database."""

    while_it_serves = True

    def __init__(self, folder: Path, urls: tuple[str, str]) -> None:
        self._old, self._new = urls
        self.settings = {"GATEWAY_DATA_DIR": str(folder), "GATEWAY_DATABASE_URL": self._old}
        self._dump = folder / "journal.dump"

    async def back_up(self) -> None:
        await self._run("pg_dump", "--format=custom", f"--file={self._dump}", f"--dbname={self._old}")

    async def lose(self) -> None:
        """The old database is not used any more."""

    async def restore(self) -> dict[str, str]:
        await self._run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={self._new}", str(self._dump))
        return self.settings | {"GATEWAY_DATABASE_URL": self._new}

    async def _run(self, *command: str) -> None:
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=60)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def journal(request, tmp_path, in_ci):
    if request.param == "sqlite":
        yield SqliteFile(tmp_path)
        return
    try:
        async with database() as old, database() as new:
            yield PostgresDump(tmp_path, (old, new))
    except OSError:
        if in_ci:
            raise
        pytest.skip("no PostgreSQL server")


async def states(gateway) -> dict[str, str]:
    nodes = (await gateway.ask(PAYMENTS)).data["payments"]["nodes"]
    return {node["orderNumber"]: node["state"] for node in nodes}


async def until_delivered(gateway, *numbers: str) -> None:
    async with asyncio.timeout(20):
        while {(await states(gateway)).get(number) for number in numbers} != {"DELIVERED"}:  # noqa: ASYNC110 # the relay
            await asyncio.sleep(0.01)


async def test_restored_journal_loses_nothing_silently(serve, environ, sandbox, journal):
    """What was acknowledged before the backup is delivered; what came later is unknown, and can be sent again."""
    unpaid = [order.number for order in sandbox.world.orders_of["10002"] if not order.is_paid]
    delivered, waiting, in_flight, delivered_later, lost, *arriving = unpaid[:10]
    environ = environ | journal.settings | {"GATEWAY_CALL_TIMEOUT": "1", "GATEWAY_ID_KEY": "k" * 32}
    order = {"input": NEW_ORDER | {"idempotencyKey": "since-the-backup"}}
    late = timedelta()

    def clock():
        return utc_now() + late

    async def pay(gateway, *numbers):
        notified = await asyncio.gather(*(sandbox.pay(number, gateway.url) for number in numbers))
        assert [notification.payment_answer for notification in notified] == [SAVED] * len(numbers)

    async def use_before_backup(gateway):
        await pay(gateway, delivered)
        await until_delivered(gateway, delivered)
        sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
        await pay(gateway, waiting)
        sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HANG))
        await pay(gateway, in_flight)

    async def use_after_backup(gateway):
        nonlocal late
        sandbox.faults.clear()
        late = timedelta(minutes=2)
        await pay(gateway, delivered_later)
        await until_delivered(gateway, delivered_later, waiting)
        sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
        await pay(gateway, lost)
        sandbox.faults.clear()
        assert (await gateway.ask(CREATE, order)).data["createOrder"]["outcome"] == "CONFIRMED"
        late = timedelta(hours=1)

    async with serve(environ, clock) as gateway:
        await use_before_backup(gateway)
        if journal.while_it_serves:
            await asyncio.gather(pay(gateway, *arriving), journal.back_up())
            await use_after_backup(gateway)
    if not journal.while_it_serves:
        await journal.back_up()
        async with serve(environ, clock) as gateway:
            await pay(gateway, *arriving)
            await use_after_backup(gateway)
    await journal.lose()
    environ |= await journal.restore()

    async with serve(environ, clock) as gateway:
        known = await states(gateway)
        assert {delivered, waiting, in_flight} <= set(known)
        assert not {delivered_later, lost} & set(known)
        await until_delivered(gateway, *known)

        everything = unpaid[:10]
        await pay(gateway, *everything)
        await until_delivered(gateway, *everything)
        assert [sandbox.effects.count("callback", order_number=number) for number in everything] == [1] * 10
        sent = [call.form["order_number"] for call in sandbox.calls if call.endpoint == "callback"]
        assert sent.count(delivered) == 1, "what the journal knows is not sent again"

        before = sandbox.effects.count("order/new")
        repeat = {"input": order["input"] | {"allowRepeat": True, "idempotencyKey": "once-more"}}
        answers = [await gateway.ask(CREATE, given) for given in (order, repeat)]
        assert [answer.data["createOrder"]["outcome"] for answer in answers] == ["REFUSED", "CONFIRMED"]
        assert sandbox.effects.count("order/new") == before + 1, "its key is free again: an open order is in the way"
