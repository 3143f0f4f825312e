"""The reconciler, where it is the journal that fails, and where nothing can be found out."""

import pytest
from write_cases import CASES

from gateway.errors import JournalError
from gateway.sandbox.faults import Fault, FaultKind

[SET] = [case for case in CASES if case.mutation == "setModule"]
[ORDER] = [case for case in CASES if case.name == "createOrder for a phone"]

OPERATION = "query ($id: ID!) { operation(id: $id) { outcome } }"
NEVER_ENDED = """
CREATE TRIGGER never_ended BEFORE UPDATE OF state ON operations WHEN old.community_code = '10002'
BEGIN SELECT raise(ABORT, 'never'); END
"""
NOT_NOW = """
CREATE TRIGGER not_now BEFORE UPDATE ON operations WHEN old.state = 'SENT'
BEGIN SELECT raise(ABORT, 'not now'); END
"""


async def test_a_write_whose_outcome_can_not_be_recorded_keeps_no_other_from_being_ended(
    environ, serve, clock, sandbox
):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        sandbox.faults.set("WJDH", "module", Fault(FaultKind.RESET))
        lost = [
            await SET.write(gateway, {"communityCode": code, "name": "COMPLAINTS", "enabled": False})
            for code in ("10002", "00001", "10002")
        ]
        sandbox.faults.clear()
        clock.advance(minutes=3)
        await gateway.parts.journal._database.write(lambda connection: connection.exec_driver_sql(NEVER_ENDED))
        with pytest.raises(JournalError, match="SQLITE_CONSTRAINT_TRIGGER"):
            await gateway.parts.reconciler.reconcile_due()
        ids = [payload["operation"]["id"] for payload in lost]
        outcomes = [(await gateway.ask(OPERATION, {"id": id_})).data["operation"]["outcome"] for id_ in ids]

    assert [payload["outcome"] for payload in lost] == ["UNKNOWN"] * 3
    assert outcomes == ["UNKNOWN", "REFUSED", "UNKNOWN"]


async def test_a_write_that_is_made_and_can_not_be_recorded_is_unknown_and_ended_later(environ, serve, clock, sandbox):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        database = gateway.parts.journal._database
        prepared = await SET.prepare(gateway)
        await database.write(lambda connection: connection.exec_driver_sql(NOT_NOW))
        payload = await SET.write(gateway, prepared)
        await database.write(lambda connection: connection.exec_driver_sql("DROP TRIGGER not_now"))
        clock.advance(minutes=3)
        await gateway.parts.reconciler.reconcile_due()
        later = (await gateway.ask(OPERATION, {"id": payload["operation"]["id"]})).data["operation"]

    assert (payload["outcome"], payload["userErrors"], later["outcome"]) == ("UNKNOWN", [], "CONFIRMED")
    assert sandbox.effects.count(SET.endpoint) == 1


async def test_what_can_not_be_cleared_up_is_looked_at_for_a_day_and_stays_unknown(environ, serve, clock, sandbox):
    """What was charged to a phone, nobody can look up again later."""
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.RESET), times=1)
        lost = await ORDER.write(gateway, ORDER.input)
        [operation] = (await gateway.parts.journal.operations.list(None, 0, 10)).items
        looks_again = []
        for hours in (1, 22.9, 0.2):
            clock.advance(hours=hours)
            await gateway.parts.reconciler.reconcile_due()
            now = await gateway.parts.journal.operations.get(operation.id)
            looks_again.append(now.check_at is not None)

    assert (lost["outcome"], now.outcome) == ("UNKNOWN", "UNKNOWN")
    assert looks_again == [True, True, False]
