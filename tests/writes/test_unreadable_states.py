"""Unreadable states of records lead to no decision and to no outcome."""

import pytest
from write_cases import BY_NAME

from gateway.sandbox.dialects import module as module_rows
from gateway.sandbox.dialects import repair as repair_rows
from gateway.sandbox.dialects import shenhe as shenhe_rows
from gateway.sandbox.faults import Fault, FaultKind

REPAIR, MODULE = BY_NAME["updateRepair"], BY_NAME["setModule"]


@pytest.mark.parametrize("case", [BY_NAME["approveShenhe"], BY_NAME["rejectShenhe"]], ids=lambda case: case.name)
async def test_review_with_unreadable_status_is_not_decided(gateway, sandbox, monkeypatch, case):
    prepared = await case.prepare(gateway)
    row = shenhe_rows._row
    monkeypatch.setattr(shenhe_rows, "_row", lambda *given, **parts: row(*given, **parts) | {"shenhe_status": "复审中"})

    payload = await case.write(gateway, prepared)

    [error] = payload["userErrors"]
    assert (payload["outcome"], error["code"], error["field"]) == ("REFUSED", "NOT_SUPPORTED", ["id"])
    assert sandbox.effects.count(case.endpoint) == 0


@pytest.mark.parametrize("unreadable", [{"status": "处理中"}, {"reply": ["已修复"]}])
async def test_unreadable_repair_after_update_is_unknown(gateway, sandbox, monkeypatch, unreadable):
    dated = repair_rows.dated
    monkeypatch.setattr(repair_rows, "dated", lambda *given: dated(*given) | unreadable)
    prepared = await REPAIR.prepare(gateway) | {"status": "OPEN", "reply": None if "status" in unreadable else "已修复"}
    sandbox.faults.set("WJDH", REPAIR.endpoint, Fault(FaultKind.APPLIED_THEN_500), times=1)

    assert (await REPAIR.write(gateway, prepared))["outcome"] == "UNKNOWN"
    assert sandbox.effects.count(REPAIR.endpoint) == 1


async def test_unreadable_module_after_switch_is_unknown(gateway, sandbox, monkeypatch):
    row = module_rows._row
    prepared = await MODULE.prepare(gateway)
    monkeypatch.setattr(module_rows, "_row", lambda module: row(module) | {"module_status": "维护中"})
    sandbox.faults.set("WJDH", MODULE.endpoint, Fault(FaultKind.APPLIED_THEN_500), times=1)

    assert (await MODULE.write(gateway, prepared))["outcome"] == "UNKNOWN"
    assert sandbox.effects.count(MODULE.endpoint) == 1
