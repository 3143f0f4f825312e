"""The reconciler with failures of the journal and of read-backs."""

import pytest
from broken_journal import broken
from structlog.testing import capture_logs
from write_cases import CASES, HOUSE, OPERATION, order

from gateway.errors import JournalError
from gateway.journal.listing import OperationQuery
from gateway.journal.records import NewOperation
from gateway.modules import read_modules
from gateway.sandbox.faults import Fault, FaultKind

[SET] = [case for case in CASES if case.mutation == "setModule"]
ORDERS = [case for case in CASES if case.name in ("createOrder for a phone", "createOrder for a car")]
HOUSE_ORDER = order("", {"house": HOUSE})

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


async def test_failures_of_some_writes_do_not_block_others(gateway, sandbox, clock, monkeypatch):
    """One outcome cannot be recorded, and one read-back has a bug."""

    async def read_or_raise(wjdh, community_code):
        if community_code == "10003":
            raise ValueError("a mistake")
        return await read_modules(wjdh, community_code)

    lost = await lose_writes(gateway, sandbox, "10002", "10003", "00001", "10002")
    clock.advance(minutes=3)
    monkeypatch.setattr("gateway.modules.read_modules", read_or_raise)
    await gateway.parts.journal.database.write(lambda connection: connection.exec_driver_sql(NEVER_ENDED))
    with pytest.raises(JournalError, match="SQLITE_CONSTRAINT_TRIGGER"):
        await gateway.parts.reconciler.reconcile_due()

    assert [await outcome_of(gateway, id_) for id_ in lost] == ["UNKNOWN", "UNKNOWN", "REFUSED", "UNKNOWN"]


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


async def test_unresolvable_write_is_checked_for_a_day(gateway, sandbox, clock):
    """Charges of a phone or a car cannot be looked up later."""
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.RESET))
    lost = [await case.write(gateway, case.input | {"idempotencyKey": case.name}) for case in ORDERS]
    sandbox.faults.clear()
    operations = gateway.parts.journal.operations
    ids = {operation.id for operation in (await operations.list(OperationQuery(), 10)).items}
    looks_again = []
    for hours in (1, 22.9, 0.2):
        clock.advance(hours=hours)
        with capture_logs() as logs:
            await gateway.parts.reconciler.reconcile_due()
        now = [await operations.get(id_) for id_ in ids]
        logged = {log["operation"] for log in logs if log["log_level"] == "error"}
        looks_again.append(({each.check_at is not None for each in now}, logged))

    assert [each["outcome"] for each in lost] == [each.outcome for each in now] == ["UNKNOWN"] * 2
    assert looks_again == [({True}, set()), ({True}, set()), ({False}, ids)]


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
