"""Switching modules: by the platform's own word for those outside the nine; a synchronisation, call by call."""

from dataclasses import replace

import pytest
from platform_answers import send
from write_cases import BY_NAME

from gateway.modules import set_module
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.model import Module

LABEL = "智能门禁"
SHOWN = """outcome userErrors { code field } changes { label before: from to }
  module { name label enabled } operation { id }"""
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


async def test_unclear_switch_is_read_back_by_its_label(gateway, sandbox, module):
    for kind, outcome in ((FaultKind.HTTP_500, "UNKNOWN"), (FaultKind.APPLIED_THEN_RESET, "CONFIRMED")):
        sandbox.faults.set("WJDH", "module", Fault(kind), times=1)
        assert (await switch(gateway, label=LABEL))["outcome"] == outcome


async def test_unlisted_modules_of_a_profile_are_distinct(serve, environ, sandbox, module, tmp_path):
    """A profile that lists their words makes neither the other."""
    other = replace(module, id=901, name="智能门锁", enabled=True)
    sandbox.world.modules_of["10002"].append(other)
    profile = tmp_path / "profile.toml"
    profile.write_text(f'[modules]\nothers = ["{LABEL}", "{other.name}"]\n')
    sandbox.faults.set("WJDH", "module", Fault(FaultKind.APPLIED_THEN_RESET), times=1)

    async with serve(environ | {"GATEWAY_PROFILE": str(profile)}) as gateway:
        payload = await switch(gateway, label=other.name, enabled=False)
        modules = await gateway.read('{ modules(communityCode: "10002") { label history { id } } }')

    assert (payload["outcome"], other.enabled) == ("CONFIRMED", False)
    assert payload["module"] == {"name": "UNRECOGNIZED", "label": other.name, "enabled": False}
    assert payload["changes"] == [{"label": other.name, "before": True, "to": False}]
    assert [module["label"] for module in modules if module["history"]] == [other.name]


async def test_label_of_a_named_module_is_its_name(gateway, sandbox):
    by_name = await switch(gateway, name="COMPLAINTS", idempotencyKey="switch")
    by_label = await switch(gateway, label="投诉建议", idempotencyKey="switch")

    assert by_label == by_name
    assert sandbox.effects.count("module", module_name="投诉建议") == 1


SET, SYNC = BY_NAME["setModule"], BY_NAME["syncModules"]
NAMES = ["REPAIRS", "COMPLAINTS", "ANNOUNCEMENTS"]

MODULES = '{ community(code: "00001") { modules { name enabled } drift: moduleDrift { name } } }'


@pytest.fixture
async def prepared(gateway, sandbox):
    """The input of a synchronisation that has three modules to switch."""
    modules = (await gateway.ask(MODULES)).data["community"]["modules"]
    for module in modules:
        if module["name"] in NAMES and module["name"] != "COMPLAINTS":
            given = {"communityCode": "00001", "name": module["name"], "enabled": not module["enabled"]}
            await SET.write(gateway, given)
    given = await SYNC.prepare(gateway)
    assert await drift(gateway) == NAMES
    sandbox.effects.clear()
    return given


async def drift(gateway):
    """The modules that are still to be switched."""
    return [module["name"] for module in (await gateway.ask(MODULES)).data["community"]["drift"]]


def before_call(number, monkeypatch, prepare):
    """Have `prepare` called before the change of this number is sent."""
    calls = []

    async def counted(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            prepare()
        await set_module(*arguments)

    monkeypatch.setattr("gateway.modules.set_module", counted)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_refused_change_does_not_prevent_the_others(gateway, sandbox, monkeypatch, prepared, number):
    fault = Fault(FaultKind.REFUSED_BEFORE_COMMIT)
    before_call(number, monkeypatch, lambda: sandbox.faults.set("WJDH", "module", fault, times=1))

    payload = await SYNC.write(gateway, prepared)

    [error] = payload["userErrors"]
    refused = NAMES[number - 1]
    [label] = [change["label"] for change in payload["changes"] if change["name"] == refused]
    assert (payload["outcome"], error["code"]) == ("REFUSED", "UPSTREAM_REFUSED")
    assert error["upstreamMessage"]
    assert error["message"] == f"2 of 3 changes were made; the platform refused {label}."
    assert await drift(gateway) == [refused]


async def test_unrecognized_module_is_unchanged(gateway, sandbox, prepared):
    modules = sandbox.world.modules_of["00001"]
    modules.append(replace(modules[0], name="智慧门禁", enabled=True))
    sandbox.world.production_states["00001"]["智慧门禁"] = False
    payload = await SYNC.write(gateway, prepared)

    assert (payload["outcome"], [change["name"] for change in payload["changes"]]) == ("CONFIRMED", NAMES)
    assert modules[-1].enabled


@pytest.mark.parametrize(
    ("platform", "endpoint", "data"),
    [
        ("SECURITY", "modules-sync", {"00001": {"绑定房屋": "某状态", "生活缴费": "某状态"}}),
        ("WJDH", "modules", [{"module_name": "绑定房屋", "module_status": "某状态"}]),
    ],
)
async def test_sync_with_unreadable_states_is_refused(gateway, sandbox, prepared, platform, endpoint, data):
    send(sandbox, platform, endpoint, {"code": 0, "data": data})
    for dry_run in (True, False):
        payload = await SYNC.write(gateway, prepared | {"dryRun": dry_run})
        assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]
        assert payload["outcome"] == "REFUSED"
    assert sandbox.effects.count("module") == 0


async def test_dry_run_is_the_default_and_returns_the_plan(gateway, sandbox):
    await SYNC.prepare(gateway)
    sandbox.effects.clear()
    payload = await gateway.read(SYNC.document, {"input": {"communityCode": "00001"}})

    assert [change["name"] for change in payload["changes"]] == ["COMPLAINTS"]
    assert (payload["outcome"], payload["operation"]) == ("PLANNED", None)
    assert sandbox.effects.all() == []
    assert (await gateway.read("{ operations { totalCount } }"))["totalCount"] == 1


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.TOO_MANY_REQUESTS])
async def test_sync_failing_halfway_is_unknown_until_read_back(gateway, sandbox, settle, monkeypatch, prepared, kind):
    """Also where the failing change has never left: the one before it has."""
    before_call(2, monkeypatch, lambda: sandbox.faults.set("WJDH", "module", Fault(kind)))

    payload = await SYNC.write(gateway, prepared)
    sandbox.faults.clear()
    later = await settle(payload)

    assert (payload["outcome"], payload["userErrors"]) == ("UNKNOWN", [])
    assert later["outcome"] == "REFUSED"
    [error] = later["userErrors"]
    assert error["message"] == "1 of 3 changes were made; try again with a new key."
    assert await drift(gateway) == NAMES[1:]
    assert sandbox.effects.count("module") == 1
