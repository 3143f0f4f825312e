"""Modules outside the nine are switched by the platform's own word for them."""

import pytest
from documents import write_document

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.model import Module

LABEL = "智能门禁"
SHOWN = "outcome userErrors { code field } module { name label enabled } operation { id }"
WRITTEN = "query Written($id: ID!) { operation(id: $id) { outcome result { ... on Module { label } } } }"


@pytest.fixture
def module(sandbox):
    module = Module(900, sandbox.world.communities["10002"], LABEL, enabled=False)
    sandbox.world.modules_of["10002"].append(module)
    return module


async def switch(gateway, **given):
    return await gateway.write("setModule", {"communityCode": "10002", "enabled": True} | given, SHOWN)


async def test_module_is_switched_by_its_label(gateway, sandbox, module):
    payload = await switch(gateway, label=f" {LABEL} ")

    assert (payload["outcome"], module.enabled) == ("CONFIRMED", True)
    assert payload["module"] == {"name": "UNRECOGNIZED", "label": LABEL, "enabled": True}
    assert sandbox.effects.count("module", module_name=LABEL) == 1
    written = (await gateway.ask(WRITTEN, {"id": payload["operation"]["id"]})).data["operation"]
    assert written == {"outcome": "CONFIRMED", "result": {"label": LABEL}}


@pytest.mark.parametrize(("kind", "outcome"), [("APPLIED_THEN_RESET", "CONFIRMED"), ("HTTP_500", "UNKNOWN")])
async def test_unclear_switch_is_read_back_by_its_label(gateway, sandbox, module, kind, outcome):
    sandbox.faults.set("WJDH", "module", Fault(FaultKind[kind]), times=1)

    assert (await switch(gateway, label=LABEL))["outcome"] == outcome


async def test_label_of_a_named_module_is_its_name(gateway, sandbox):
    by_name = await switch(gateway, name="COMPLAINTS", idempotencyKey="switch")
    by_label = await switch(gateway, label="投诉建议", idempotencyKey="switch")

    assert by_label == by_name
    assert sandbox.effects.count("module", module_name="投诉建议") == 1


async def test_unknown_label_is_refused(gateway, sandbox, module):
    for label in ("没有", "", "COMPLAINTS", "UNRECOGNIZED"):
        payload = await switch(gateway, label=label)
        assert (payload["outcome"], payload["userErrors"]) == ("REFUSED", [{"code": "NOT_FOUND", "field": ["label"]}])
    assert sandbox.effects.all() == []


@pytest.mark.parametrize("given", [{}, {"name": None}, {"name": "COMPLAINTS", "label": "投诉建议"}])
async def test_module_is_named_in_exactly_one_way(gateway, sandbox, given):
    given = {"communityCode": "10002", "enabled": True} | given
    answer = await gateway.ask(write_document("setModule"), {"input": given})

    assert (answer.code, answer.error["extensions"]["argument"]) == ("BAD_USER_INPUT", "input.name")
    assert sandbox.calls == []
