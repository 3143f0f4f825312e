"""`/explorer/sandbox/...`: the demo's switches, and that nothing else has them."""

from collections.abc import AsyncIterator

import pytest

from gateway.sandbox.server import Sandbox

ORDERS = {"query": '{ orders(communityCode: "10002", first: 1) { totalCount } }'}


class Demo:
    """A gateway with the sandbox's switches, and the sandbox."""

    def __init__(self, gateway, sandbox: Sandbox) -> None:
        self.gateway = gateway
        self.sandbox = sandbox

    async def switch(self, path, json=None, method="POST", **headers):
        own = {"origin": self.gateway.url, **headers}
        return await self.gateway.stranger.request(method, f"/explorer/sandbox/{path}", json=json or {}, headers=own)

    async def orders(self):
        return (await self.gateway.client.post("/graphql", json=ORDERS)).json()


@pytest.fixture
async def demo(environ, sandbox, serve) -> AsyncIterator[Demo]:
    platforms = {"wjdh": sandbox.wjdh.url, "security": sandbox.security.url}
    async with serve(environ, sandbox=platforms) as gateway:
        yield Demo(gateway, sandbox)


async def test_switched_fault_fails_calls_until_off(demo):
    assert (await demo.switch("wjdh/faults", {"kind": "wrong_shape"})).status_code == 200
    assert (await demo.orders())["errors"][0]["extensions"]["code"] == "UPSTREAM_PROTOCOL"

    assert (await demo.switch("faults", method="DELETE")).status_code == 200
    assert "errors" not in await demo.orders()


async def test_expired_tokens_cost_another_login(demo):
    await demo.orders()
    before = demo.sandbox.count("WJDH", "secret")
    assert (await demo.switch("wjdh/tokens/expire")).status_code == 200
    assert "errors" not in await demo.orders()
    assert demo.sandbox.count("WJDH", "secret") == before + 1


async def test_paid_order_notifies_this_gateway(demo):
    order = next(order for order in demo.sandbox.world.orders_of["10002"] if order.shop_number is None)
    answer = await demo.switch("pay", {"order_number": order.number, "callback_url": "http://attacker.example"})
    assert answer.json()["payment_answer"] == {"code": 0}

    payments = await demo.gateway.ask("{ payments { nodes { orderNumber } } }")
    assert payments.data["payments"]["nodes"] == [{"orderNumber": order.number}]


async def test_reset_undoes_writes_and_faults(demo):
    order = next(order for order in demo.sandbox.world.orders_of["10002"] if order.shop_number is None)
    demo.sandbox.pay_unannounced(order.number)
    assert (await demo.switch("reset")).status_code == 200
    assert demo.sandbox.world.order_numbered[order.number].shop_number is None


async def test_wrong_switch_says_what_is_wrong(demo):
    for path, body in (
        ("wjdh/faults", {"kind": "unheard_of"}),
        ("wjdh/faults", {}),
        ("nowhere/faults", {"kind": "reset"}),
        ("pay", {"order_number": "1"}),
    ):
        response = await demo.switch(path, body)
        assert response.status_code == 400, (path, body)
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", (path, body)


async def test_switches_refuse_other_origins(demo):
    response = await demo.switch("wjdh/faults", {"kind": "reset"}, origin="http://attacker.example")
    assert response.status_code == 403
    assert "errors" not in await demo.orders()


async def test_only_listed_switches_are_passed_on(demo):
    for path in ("wjdh/calls", "wjdh/effects", "wjdh/../../x"):
        assert (await demo.switch(path)).status_code in (404, 405)


async def test_switches_report_a_stopped_sandbox(demo):
    await demo.sandbox.wjdh.listener.stop()
    response = await demo.switch("wjdh/tokens/expire")
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
