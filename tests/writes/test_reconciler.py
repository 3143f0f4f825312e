"""The reconciler with failures of the journal and of read-backs."""

import asyncio
from contextlib import suppress

import pytest
from broken_journal import broken
from structlog.testing import capture_logs
from write_cases import CASES, HOUSE, order

from gateway.actions import writer as reconcile
from gateway.errors import JournalError
from gateway.journal.listing import OperationQuery
from gateway.journal.records import NewOperation
from gateway.modules import read_modules
from gateway.sandbox.faults import Fault, FaultKind
from gateway.wording.faults import FaultWording

[SET] = [case for case in CASES if case.mutation == "setModule"]
ORDERS = [case for case in CASES if case.name in ("createOrder for a phone", "createOrder for a car")]
HOUSE_ORDER = order("", {"house": HOUSE})

OPERATION = "query ($id: ID!) { operation(id: $id) { outcome } }"
NEVER_ENDED = """
CREATE TRIGGER never_ended BEFORE UPDATE OF state ON operations WHEN old.community_code = '10002'
BEGIN SELECT raise(ABORT, 'never'); END
"""
BLOCK_UPDATES = """
CREATE TRIGGER not_now BEFORE UPDATE ON operations WHEN old.state = 'SENT'
BEGIN SELECT raise(ABORT, 'not now'); END
"""


async def lose_writes(gateway, sandbox, *community_codes):
    """The ids of operations that were lost on the way, one for each community."""
    sandbox.faults.set("WJDH", SET.endpoint, Fault(FaultKind.RESET))
    given = {"name": "COMPLAINTS", "enabled": False}
    lost = [await SET.write(gateway, given | {"communityCode": code}) for code in community_codes]
    sandbox.faults.clear()
    return [payload["operation"]["id"] for payload in lost]


async def outcome_of(gateway, id_):
    return (await gateway.ask(OPERATION, {"id": id_})).data["operation"]["outcome"]


async def test_unrecordable_outcome_does_not_block_other_writes(gateway, sandbox, clock):
    lost = await lose_writes(gateway, sandbox, "10002", "00001", "10002")
    clock.advance(minutes=3)
    await gateway.parts.journal.database.write(lambda connection: connection.exec_driver_sql(NEVER_ENDED))
    with pytest.raises(JournalError, match="SQLITE_CONSTRAINT_TRIGGER"):
        await gateway.parts.reconciler.reconcile_due()

    assert [await outcome_of(gateway, id_) for id_ in lost] == ["UNKNOWN", "REFUSED", "UNKNOWN"]


async def test_unrecorded_write_is_unknown_and_resolved_later(gateway, sandbox, clock):
    database = gateway.parts.journal.database
    prepared = await SET.prepare(gateway)
    await database.write(lambda connection: connection.exec_driver_sql(BLOCK_UPDATES))
    payload = await SET.write(gateway, prepared)
    await database.write(lambda connection: connection.exec_driver_sql("DROP TRIGGER not_now"))
    clock.advance(minutes=3)
    await gateway.parts.reconciler.reconcile_due()

    assert (payload["outcome"], payload["userErrors"]) == ("UNKNOWN", [])
    assert await outcome_of(gateway, payload["operation"]["id"]) == "CONFIRMED"
    assert sandbox.effects.count(SET.endpoint) == 1


@pytest.mark.parametrize("case", ORDERS, ids=lambda case: case.name)
async def test_unresolvable_write_is_checked_for_a_day(gateway, sandbox, clock, case):
    """Charges of a phone or a car cannot be looked up later."""
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.RESET), times=1)
    lost = await case.write(gateway, case.input)
    [operation] = (await gateway.parts.journal.operations.list(OperationQuery(), 10)).items
    looks_again = []
    for hours in (1, 22.9, 0.2):
        clock.advance(hours=hours)
        with capture_logs() as logs:
            await gateway.parts.reconciler.reconcile_due()
        now = await gateway.parts.journal.operations.get(operation.id)
        logged = [log["operation"] for log in logs if log["log_level"] == "error"]
        looks_again.append((now.check_at is not None, logged))

    assert (lost["outcome"], now.outcome) == ("UNKNOWN", "UNKNOWN")
    assert looks_again == [(True, []), (True, []), (False, [operation.id])]


async def test_failed_read_back_is_repeated_later(gateway, sandbox, clock):
    [lost] = await lose_writes(gateway, sandbox, "10002")
    for seconds, looked_at in ((0, 0), (20, 0), (15, 1)):  # the request may still run at the platform, at first
        clock.advance(seconds=seconds)
        assert await gateway.parts.reconciler.reconcile_due() == looked_at

    clock.advance(minutes=3)
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HTTP_500))
    with capture_logs() as logs:
        await gateway.parts.reconciler.reconcile_due()
    meanwhile = await outcome_of(gateway, lost)

    sandbox.faults.clear()
    clock.advance(minutes=2)
    await gateway.parts.reconciler.reconcile_due()

    assert [entry["log_level"] for entry in logs if entry["event"] == "read-back failed"] == ["info"]
    assert not [entry for entry in logs if entry["log_level"] == "error"]
    assert (meanwhile, await outcome_of(gateway, lost)) == ("UNKNOWN", "REFUSED")


async def test_read_back_error_does_not_block_other_writes(gateway, sandbox, clock, monkeypatch):
    first, second = await lose_writes(gateway, sandbox, "10002", "00001")
    clock.advance(minutes=3)

    async def raise_bug(wjdh, community_code):
        if community_code == "10002":
            raise ValueError("a mistake")
        return await read_modules(wjdh, community_code)

    monkeypatch.setattr("gateway.modules.read_modules", raise_bug)
    await gateway.parts.reconciler.reconcile_due()

    assert [await outcome_of(gateway, id_) for id_ in (first, second)] == ["UNKNOWN", "REFUSED"]


async def test_journal_failure_during_read_back_is_raised(gateway, sandbox, clock):
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.RESET), times=1)
    lost = await HOUSE_ORDER.write(gateway, HOUSE_ORDER.input)
    clock.advance(minutes=5)
    with broken(gateway.parts.journal.operations, "recorded"), pytest.raises(JournalError):
        await gateway.parts.reconciler.reconcile_due()
    assert await outcome_of(gateway, lost["operation"]["id"]) == "UNKNOWN"


async def test_unknown_kind_of_write_is_not_checked_again(gateway, clock):
    operations = gateway.parts.journal.operations
    new = NewOperation(
        idempotency_key=None, subject="test", mutation="renameCommunity", fingerprint="", community_code="10002"
    )
    reserved, _ = await operations.reserve(new)
    await operations.mark_sent(reserved)
    clock.advance(minutes=5)

    with capture_logs() as logs:
        looked_at = [await gateway.parts.reconciler.reconcile_due() for _ in range(2)]

    operation = await operations.get(reserved.id)
    assert (looked_at, [log["operation"] for log in logs]) == ([1, 0], [operation.id])
    assert (operation.outcome, operation.check_at) == ("UNKNOWN", None)


async def test_reconciler_survives_a_journal_failure(gateway, monkeypatch):
    monkeypatch.setattr(reconcile, "INTERVAL", 0.0)
    fails, looked_again = iter([True]), asyncio.Event()

    async def reconcile_due():
        if next(fails, False):
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))
        looked_again.set()

    monkeypatch.setattr(gateway.parts.reconciler, "reconcile_due", reconcile_due)
    running = asyncio.create_task(gateway.parts.reconciler.run())
    async with asyncio.timeout(60):
        await looked_again.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
