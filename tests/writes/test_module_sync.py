"""A synchronisation makes one call per change, and reports how many were made."""

from dataclasses import replace

import pytest
from write_cases import CASES

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox, SandboxOptions

BY_MUTATION = {case.mutation: case for case in CASES}
SET, SYNC = BY_MUTATION["setModule"], BY_MUTATION["syncModules"]
NAMES = ["REPAIRS", "COMPLAINTS", "ANNOUNCEMENTS"]

MODULES = '{ community(code: "00001") { modules { name enabled } drift: moduleDrift { name } } }'
OPERATION = "query ($id: ID!) { operation(id: $id) { outcome userErrors { code message } } }"


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED)) as sandbox:
        yield sandbox


@pytest.fixture
async def gateway(environ, serve, clock):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as served:
        yield served


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


def before_call(number, gateway, monkeypatch, prepare):
    """Have `prepare` called before the change of this number is sent."""
    platform = gateway.parts.platforms.wjdh
    switch, calls = platform.set_module, []

    async def set_module(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            prepare()
        await switch(*arguments)

    monkeypatch.setattr(platform, "set_module", set_module)


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_refused_change_does_not_prevent_the_others(gateway, sandbox, monkeypatch, prepared, number):
    fault = Fault(FaultKind.REFUSED_BEFORE_COMMIT)
    before_call(number, gateway, monkeypatch, lambda: sandbox.faults.set("WJDH", "module", fault, times=1))

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


async def test_sync_with_unreadable_states_is_refused(gateway, sandbox, prepared):
    body = '{"code": 0, "data": {"00001": {"绑定房屋": "某状态", "生活缴费": "某状态"}}}'.encode()
    sandbox.faults.set("SECURITY", "modules-sync", Fault(FaultKind.BODY, body=body))
    for dry_run in (True, False):
        payload = await SYNC.write(gateway, prepared | {"dryRun": dry_run})
        assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]
        assert payload["outcome"] == "REFUSED"
    assert sandbox.effects.count("module") == 0


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.TOO_MANY_REQUESTS])
async def test_sync_failing_halfway_is_unknown_until_read_back(gateway, sandbox, clock, monkeypatch, prepared, kind):
    """Also where the failing change has never left: the one before it has."""
    before_call(2, gateway, monkeypatch, lambda: sandbox.faults.set("WJDH", "module", Fault(kind)))

    payload = await SYNC.write(gateway, prepared)
    sandbox.faults.clear()
    clock.advance(minutes=5)
    await gateway.parts.reconciler.reconcile_due()
    later = (await gateway.ask(OPERATION, {"id": payload["operation"]["id"]})).data["operation"]

    assert (payload["outcome"], payload["userErrors"]) == ("UNKNOWN", [])
    assert later["outcome"] == "REFUSED"
    [error] = later["userErrors"]
    assert error["message"] == "1 of 3 changes were made; try again with a new key."
    assert await drift(gateway) == NAMES[1:]
    assert sandbox.effects.count("module") == 1
