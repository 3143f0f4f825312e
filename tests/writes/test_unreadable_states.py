"""Unreadable states of records lead to no decision and to no outcome."""

import pytest
from write_cases import BY_NAME

from gateway.sandbox.dialects import module as module_rows
from gateway.sandbox.dialects import repair as repair_rows
from gateway.sandbox.dialects import shenhe as shenhe_rows
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.words import PENDING

REVIEW, REPAIR, MODULE = (shenhe_rows, "_row"), (repair_rows, "dated"), (module_rows, "_row")
STATUS = {"shenhe_status": "复审中"}


@pytest.mark.parametrize(
    ("name", "given", "reader", "unreadable", "is_sent"),
    [
        ("approveShenhe", {}, REVIEW, lambda _: STATUS, False),
        ("rejectShenhe", {}, REVIEW, lambda _: STATUS, False),
        ("rejectShenhe", {}, REVIEW, lambda review: {} if review.status == PENDING else STATUS, True),
        ("updateRepair", {"status": "OPEN", "reply": None}, REPAIR, lambda _: {"status": "处理中"}, True),
        ("updateRepair", {"status": "OPEN", "reply": "已修复"}, REPAIR, lambda _: {"reply": ["已修复"]}, True),
        ("setModule", {}, MODULE, lambda _: {"module_status": "维护中"}, True),
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
