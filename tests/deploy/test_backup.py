"""Backup and restore of the journal as docs/operating.md has them, with payments in flight."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from programs import run
from throw_away import database
from waiting import until

from gateway.journal.journal import utc_now
from gateway.journal.sqlite import FILE_NAME
from gateway.sandbox.faults import Fault, FaultKind

PAYMENTS = "{ payments(first: 50) { nodes { orderNumber state } } }"
HOUSE = {"building": 1, "unit": 1, "floor": 1, "room": 101}
ORDER = {"communityCode": "10002", "payer": {"house": HOUSE}, "title": "物业费", "amount": "12.30"}


async def back_up(settings: dict[str, str], copy: Path) -> None:
    """That of SQLite while the gateway is stopped, and PostgreSQL's while it serves."""
    if url := settings.get("GATEWAY_DATABASE_URL"):
        await asyncio.to_thread(run, "pg_dump", "--format=custom", f"--file={copy}", f"--dbname={url}")
    else:
        file = Path(settings["GATEWAY_DATA_DIR"], FILE_NAME)
        assert not file.with_name(FILE_NAME + "-wal").exists()
        shutil.copy(file, copy)


@asynccontextmanager
async def restored(settings, copy):
    """The settings with the journal that was backed up, PostgreSQL's in another database."""
    if "GATEWAY_DATABASE_URL" in settings:
        async with database() as url:
            options = ("--exit-on-error", "--no-owner")
            await asyncio.to_thread(run, "pg_restore", *options, f"--dbname={url}", copy)
            yield settings | {"GATEWAY_DATABASE_URL": url}
        return
    put_back(copy, Path(settings["GATEWAY_DATA_DIR"]))
    yield settings


def put_back(copy: Path, folder: Path) -> None:
    for file in folder.glob(FILE_NAME + "*"):
        file.unlink()
    shutil.copy(copy, folder / FILE_NAME)


async def states(gateway) -> dict[str, str]:
    return {node["orderNumber"]: node["state"] for node in (await gateway.read(PAYMENTS))["nodes"]}


async def until_delivered(gateway, *numbers: str) -> None:
    async def all_are() -> bool:
        known = await states(gateway)
        return {known.get(number) for number in numbers} == {"DELIVERED"}

    await until(all_are)


async def test_restored_journal_loses_nothing_silently(serve, environ, sandbox, engine, tmp_path):
    """What was acknowledged before the backup is delivered; what came later is unknown, and can be sent again."""
    everything = [order.number for order in sandbox.world.orders_of["10002"] if not order.is_paid][:10]
    delivered, waiting, in_flight, delivered_later, lost, *arriving = everything
    environ = environ | engine | {"GATEWAY_CALL_TIMEOUT": "1", "GATEWAY_ID_KEY": "k" * 32}
    copy = tmp_path / "journal.backup"
    late = timedelta()

    def clock():
        return utc_now() + late

    async def pay(gateway, *numbers, fault=None):
        sandbox.faults.clear()
        if fault:
            sandbox.faults.set("SECURITY", "callback", Fault(fault))
        notified = await asyncio.gather(*(sandbox.pay(number, gateway.url) for number in numbers))
        assert [notification.payment_answer for notification in notified] == [{"code": 0}] * len(numbers)

    async def create(gateway, key, **more):
        return (await gateway.write("createOrder", ORDER | {"idempotencyKey": key} | more))["outcome"]

    async def use_after_backup(gateway):
        nonlocal late
        late = timedelta(minutes=2)
        await pay(gateway, delivered_later)
        await until_delivered(gateway, delivered_later, waiting)
        await pay(gateway, lost, fault=FaultKind.HTTP_500)
        sandbox.faults.clear()
        assert await create(gateway, "since-the-backup") == "CONFIRMED"
        late = timedelta(hours=1)

    async with serve(environ, clock) as gateway:
        await pay(gateway, delivered)
        await until_delivered(gateway, delivered)
        await pay(gateway, waiting, fault=FaultKind.HTTP_500)
        await pay(gateway, in_flight, fault=FaultKind.HANG)
        if engine:
            await asyncio.gather(pay(gateway, *arriving, fault=FaultKind.HANG), back_up(environ, copy))
            await use_after_backup(gateway)
    if not engine:
        await back_up(environ, copy)
        async with serve(environ, clock) as gateway:
            await pay(gateway, *arriving, fault=FaultKind.HANG)
            await use_after_backup(gateway)

    async with restored(environ, copy) as settings, serve(settings, clock) as gateway:
        known = await states(gateway)
        assert {delivered, waiting, in_flight} <= set(known)
        assert not {delivered_later, lost} & set(known)
        await until_delivered(gateway, *known)

        await pay(gateway, *everything)
        await until_delivered(gateway, *everything)
        assert [sandbox.effects.count("callback", order_number=number) for number in everything] == [1] * 10
        sent = [call.form["order_number"] for call in sandbox.calls if call.endpoint == "callback"]
        assert sent.count(delivered) == 1, "what the journal knows is not sent again"

        before = sandbox.effects.count("order/new")
        outcomes = [await create(gateway, "since-the-backup"), await create(gateway, "once-more", allowRepeat=True)]
        assert outcomes == ["REFUSED", "CONFIRMED"]
        assert sandbox.effects.count("order/new") == before + 1, "its key is free again: an open order is in the way"
