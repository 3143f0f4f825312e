"""`/explorer/sandbox/...`: the demo's switches, and that nothing else has them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.sandbox.faults import FaultKind

ORDERS = {"query": '{ orders(communityCode: "10002", first: 1) { totalCount } }'}


@pytest.fixture
async def demo(environ, sandbox, serve) -> AsyncIterator[Any]:
    """A gateway with the sandbox's switches."""
    platforms = {"wjdh": sandbox.wjdh.url, "security": sandbox.security.url}
    async with serve(environ, sandbox=platforms) as gateway:
        yield gateway


async def switch(demo, path, json=None, method="POST", **headers):
    headers = {"origin": demo.url, **headers}
    return await demo.stranger.request(method, f"/explorer/sandbox/{path}", json=json or {}, headers=headers)


async def orders(demo):
    return (await demo.client.post("/graphql", json=ORDERS)).json()


async def test_switched_fault_fails_calls_until_off(demo):
    assert (await switch(demo, "wjdh/faults", {"kind": "wrong_shape"})).status_code == 200
    assert (await orders(demo))["errors"][0]["extensions"]["code"] == "UPSTREAM_PROTOCOL"

    assert (await switch(demo, "faults", method="DELETE")).status_code == 200
    assert "errors" not in await orders(demo)


async def test_expired_tokens_cost_another_login(demo, sandbox):
    await orders(demo)
    before = sandbox.count("WJDH", "secret")
    assert (await switch(demo, "wjdh/tokens/expire")).status_code == 200
    assert "errors" not in await orders(demo)
    assert sandbox.count("WJDH", "secret") == before + 1


async def test_paid_order_notifies_this_gateway(demo, sandbox):
    order = next(order for order in sandbox.world.orders_of["10002"] if order.shop_number is None)
    answer = await switch(demo, "pay", {"order_number": order.number, "callback_url": "http://attacker.example"})
    assert answer.json()["payment_answer"] == {"code": 0}

    payments = await demo.ask("{ payments { nodes { orderNumber } } }")
    assert payments.data["payments"]["nodes"] == [{"orderNumber": order.number}]


async def test_reset_undoes_writes_and_faults(demo, sandbox):
    order = next(order for order in sandbox.world.orders_of["10002"] if order.shop_number is None)
    sandbox.pay_unannounced(order.number)
    assert (await switch(demo, "reset")).status_code == 200
    assert sandbox.world.order_numbered[order.number].shop_number is None


async def test_wrong_switch_says_what_is_wrong(demo):
    for path, body in (
        ("wjdh/faults", {"kind": "unheard_of"}),
        ("wjdh/faults", {}),
        ("nowhere/faults", {"kind": "reset"}),
        ("pay", {"order_number": "1"}),
    ):
        response = await switch(demo, path, body)
        assert response.status_code == 400, (path, body)
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", (path, body)


async def test_switches_refuse_other_origins(demo):
    response = await switch(demo, "wjdh/faults", {"kind": "reset"}, origin="http://attacker.example")
    assert response.status_code == 403
    assert "errors" not in await orders(demo)


async def test_only_listed_switches_are_passed_on(demo):
    for path in ("wjdh/calls", "wjdh/effects", "wjdh/../../x"):
        assert (await switch(demo, path)).status_code in (404, 405)


async def test_switches_report_a_stopped_sandbox(demo, sandbox):
    await sandbox.wjdh.listener.stop()
    response = await switch(demo, "wjdh/tokens/expire")
    assert response.status_code == 503


async def test_served_gateway_has_no_switches(gateway):
    response = await gateway.stranger.post("/explorer/sandbox/reset", json={}, headers={"origin": gateway.url})
    assert response.status_code in (404, 405)
    assert 'data-sandbox-path=""' in (await gateway.stranger.get("/")).text


async def test_gateway_of_another_issuer_has_no_switches(environ, issuer, serve):
    settings = {name: value for name, value in issuer.settings().items() if name.startswith("GATEWAY_AUTH_")}
    async with serve(environ | settings, token="", sandbox={"wjdh": "http://127.0.0.1:1"}) as gateway:
        response = await gateway.stranger.post("/explorer/sandbox/reset", json={}, headers={"origin": gateway.url})
    assert response.status_code in (404, 405)


async def test_one_fault_is_switched_off_and_the_others_stay(demo):
    await switch(demo, "wjdh/faults", {"kind": "hang", "endpoint": "modules"})
    await switch(demo, "security/faults", {"kind": "latency", "seconds": 2})
    listed = (await switch(demo, "faults")).json()
    modules = {"platform": "WJDH", "endpoint": "modules", "kind": "hang", "seconds": 1.0, "times": None}
    security = {"platform": "SECURITY", "endpoint": None, "kind": "latency", "seconds": 2.0, "times": None}
    assert listed["on"] == [modules, security]
    assert {"platform": "WJDH", "name": "repair/update", "kind": "write"} in listed["endpoints"]
    assert [kind["name"] for kind in listed["kinds"]] == list(FaultKind)

    assert (await switch(demo, "wjdh/faults/off", {"endpoint": "modules"})).status_code == 200
    assert (await switch(demo, "faults")).json()["on"] == [security]


async def test_listing_faults_is_for_this_page_alone(demo):
    assert (await switch(demo, "faults", origin="http://attacker.example")).status_code == 403
    assert (await demo.stranger.get("/explorer/sandbox/faults")).status_code in (404, 405)
