"""Guarantees of the writer for any action: after faults, and where the state of a record cannot be read."""

import pytest
from broken_journal import broken
from write_cases import BY_NAME

from gateway.actions.action import Action, RowUpdate
from gateway.auth.principal import Scope
from gateway.errors import JournalError
from gateway.modules import MODULE
from gateway.orders.reads import ORDERS
from gateway.sandbox.dialects import module as module_rows
from gateway.sandbox.dialects import repair as repair_rows
from gateway.sandbox.dialects import shenhe as shenhe_rows
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.words import PENDING
from gateway.wording.faults import FaultWording
from schema.build import executable_schema

SET = BY_NAME["setModule"]


async def test_fault_after_sending_is_read_back(gateway, monkeypatch, settle):
    sent = []

    async def fail(*given):
        sent.append(given)
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    monkeypatch.setattr("gateway.modules.set_module", fail)
    prepared = await SET.prepare(gateway) | {"idempotencyKey": "once"}
    written = [await SET.write(gateway, prepared) for _ in range(2)]

    assert [one["outcome"] for one in written] == ["UNKNOWN", "UNKNOWN"]
    assert (await settle(written[0]))["outcome"] == "REFUSED"
    assert len(sent) == 1


async def test_fault_before_sending_frees_the_key(gateway, sandbox):
    prepared = await SET.prepare(gateway) | {"idempotencyKey": "once"}
    with broken(gateway.parts.journal.operations, "mark_sent", times=1):
        assert (await gateway.ask(SET.document, {"input": prepared})).code == "INTERNAL"
    assert sandbox.count("WJDH", SET.endpoint) == 0

    assert (await SET.write(gateway, prepared))["outcome"] == "CONFIRMED"


def test_action_with_stale_reads_unsaid_cannot_be_made():
    with pytest.raises(TypeError, match="Silent does not declare its stale"):
        type("Silent", (Action,), {"mutation": "silence", "scope": Scope.ORDER_CREATE, "endpoint": MODULE})
    with pytest.raises(TypeError, match="the list of Order is not watched"):
        type("Pay", (RowUpdate,), {"mutation": "pay", "scope": Scope.ORDER_CREATE, "records": ORDERS})


async def test_every_mutation_writes_by_an_action(gateway):
    actions, mutations = gateway.parts.actions.by_mutation, executable_schema().mutation_type.fields
    assert {name if name in actions else name.removesuffix("s") for name in mutations} == set(actions)


REVIEW, REPAIR, SWITCH = (shenhe_rows, "_row"), (repair_rows, "dated"), (module_rows, "_row")
STATUS = {"shenhe_status": "复审中"}


@pytest.mark.parametrize(
    ("name", "given", "reader", "unreadable", "is_sent"),
    [
        ("approveShenhe", {}, REVIEW, lambda _: STATUS, False),
        ("rejectShenhe", {}, REVIEW, lambda _: STATUS, False),
        ("rejectShenhe", {}, REVIEW, lambda review: {} if review.status == PENDING else STATUS, True),
        ("updateRepair", {"status": "OPEN", "reply": None}, REPAIR, lambda _: {"status": "处理中"}, True),
        ("updateRepair", {"status": "OPEN", "reply": "已修复"}, REPAIR, lambda _: {"reply": ["已修复"]}, True),
        ("setModule", {}, SWITCH, lambda _: {"module_status": "维护中"}, True),
    ],
)
async def test_unreadable_state_decides_nothing(
    gateway, sandbox, monkeypatch, name, given, reader, unreadable, is_sent
):
    case = BY_NAME[name]
    prepared = await case.prepare(gateway) | given
    read = getattr(*reader)
    monkeypatch.setattr(*reader, lambda it, *more, **parts: read(it, *more, **parts) | unreadable(it))
    sandbox.faults.set("WJDH", case.endpoint, Fault(FaultKind.APPLIED_THEN_500), times=1)

    payload = await case.write(gateway, prepared)

    said = [(error["code"], error["field"]) for error in payload["userErrors"]]
    assert (payload["outcome"], said) == (("UNKNOWN", []) if is_sent else ("REFUSED", [("NOT_SUPPORTED", ["id"])]))
    assert sandbox.effects.count(case.endpoint) == is_sent
