"""The weighed cost of mutations, compared with the platform calls that they make."""

import pytest
from write_cases import CASES, Case

from gateway.sandbox.faults import Fault, FaultKind

TOKENS = {("WJDH", "secret"), ("SECURITY", "token")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
async def test_write_costs_at_most_its_weight(gateway, sandbox, case: Case, lost: bool):
    prepared = await case.prepare(gateway)
    sandbox.reset_calls()
    if lost:
        sandbox.faults.set("WJDH", case.endpoint, Fault(FaultKind.APPLIED_THEN_RESET))

    answer = await gateway.ask(case.document, {"input": prepared})

    assert case.result(answer.data)["outcome"] in ("CONFIRMED", "UNKNOWN")
    asked = sum(count for endpoint, count in sandbox.counts().items() if endpoint not in TOKENS)
    assert 0 < asked <= answer.body["extensions"]["cost"]["requested"]
