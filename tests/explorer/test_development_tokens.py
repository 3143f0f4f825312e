"""The routes of the demo's page: who gets a token and the sandbox's switches there, and who does not."""

import httpx
import pytest
from starlette.requests import Request

from gateway.errors import ForbiddenError
from gateway.http.explorer import require_local
from gateway.sandbox.faults import FaultKind

TOKEN = "token"
CLERK = {"scopes": ["order:read"], "communities": ["10002"], "subject": "clerk", "ttl": 60}
ORDERS = '{ orders(communityCode: "10002", first: 1) { totalCount } }'


@pytest.fixture
async def demo(environ, sandbox, serve):
    """A gateway as the demo serves it."""
    async with serve(environ, sandbox={"wjdh": sandbox.wjdh.url, "security": sandbox.security.url}) as gateway:
        yield gateway


async def send(gateway, path, json=None, method="POST", **headers):
    """As the gateway's own page asks in a browser, but for these headers."""
    own = {"origin": gateway.url, "sec-fetch-site": "same-origin"}
    return await gateway.stranger.request(method, f"/explorer/{path}", json=json or {}, headers=own | headers)


def code(response):
    return response.json()["errors"][0]["extensions"]["code"]


def unpaid(sandbox):
    return next(order for order in sandbox.world.orders_of["10002"] if order.shop_number is None)


async def test_page_mints_token_with_chosen_rights(demo):
    response = await send(demo, TOKEN, CLERK)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"

    viewer = await demo.read("{ viewer { subject scopes communityCodes } }", token=response.json()["token"])
    assert viewer == {"subject": "clerk", "scopes": ["order:read"], "communityCodes": ["10002"]}


async def test_request_from_elsewhere_is_refused(demo, sandbox):
    assert (await demo.stranger.post("/explorer/token", json=CLERK)).status_code == 403  # of no origin at all
    for headers in (
        {"origin": "http://attacker.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"x-forwarded-for": "203.0.113.7"},
        {"forwarded": "for=203.0.113.7"},
        {"via": "1.1 proxy"},
        {"x-real-ip": "203.0.113.7"},
    ):
        for path, body in ((TOKEN, CLERK), ("sandbox/wjdh/faults", {"kind": "reset"}), ("sandbox/faults", {})):
            response = await send(demo, path, body, **headers)
            assert (response.status_code, code(response)) == (403, "FORBIDDEN"), (path, headers)
            assert response.json().keys() == {"errors"}, (path, headers)
    assert "errors" not in (await demo.ask(ORDERS)).body


async def test_request_to_other_host_name_is_refused(environ, sandbox, serve):
    named = environ | {"GATEWAY_ALLOWED_HOSTS": "gateway.example"}
    async with serve(named, sandbox={"wjdh": sandbox.wjdh.url}) as gateway:
        response = await send(gateway, TOKEN, CLERK, host="gateway.example", origin="http://gateway.example")
    assert response.status_code == 403


async def test_request_from_another_machine_is_refused(demo):
    for machine, status in (("127.0.0.1", 200), ("192.0.2.7", 403)):
        transport = httpx.ASGITransport(demo.app, client=(machine, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
            response = await client.post("/explorer/token", json=CLERK, headers={"origin": "http://localhost:8000"})
        assert response.status_code == status


def test_user_before_a_local_name_is_refused():
    """The gateway's own hosts refuse such a name before; this is what the page's routes see behind them."""
    headers = {b"host": b"evil@localhost", b"origin": b"http://evil@localhost", b"content-type": b"application/json"}
    scope = {"type": "http", "path": "/", "query_string": b"", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
    with pytest.raises(ForbiddenError):
        require_local(Request(scope | {"headers": [*headers.items()]}))


async def test_token_of_the_demo_opens_no_other_gateway(environ, sandbox, serve):
    async with serve(environ, sandbox={"wjdh": sandbox.wjdh.url}) as demo:
        handed_out = (await send(demo, TOKEN, CLERK)).json()["token"]
        for token in (handed_out, demo.token):  # the other one is as `gateway token` makes it
            assert (await demo.ask("{ __typename }", token=token)).data
    async with serve(environ) as served:
        assert (await served.ask("{ __typename }", token=handed_out)).response.status_code == 401


async def test_only_listed_methods_and_switches_exist(demo):
    switches = [("POST", f"sandbox/wjdh/{name}") for name in ("calls", "effects", "../../x")]
    for method, path in (("GET", TOKEN), ("OPTIONS", TOKEN), ("GET", "sandbox/faults"), *switches):
        response = await send(demo, path, CLERK, method)
        assert response.status_code in (404, 405), path
        assert "access-control-allow-origin" not in response.headers


async def test_wrong_or_large_request_is_refused(demo):
    wrong = ({"scopes": ["nothing:read"]}, {"ttl": 0}, {"ttl": 24 * 3600 + 1}, {"subject": ""}, {"issuer": "urn:other"})
    for path, body in (
        *((TOKEN, CLERK | change) for change in wrong),
        *((TOKEN, {"scopes": "*"}), (TOKEN, [1])),
        *(("sandbox/wjdh/faults", {"kind": "unheard_of"}), ("sandbox/wjdh/faults", {})),
        *(("sandbox/nowhere/faults", {"kind": "reset"}), ("sandbox/pay", {"order_number": "1"})),
    ):
        response = await send(demo, path, body)
        assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT"), (path, body)
    assert (await send(demo, TOKEN, CLERK | {"subject": "x" * 20_000})).status_code == 413


async def test_other_gateways_have_no_tokens_and_switches(environ, issuer, serve):
    """One that is served, where nginx's `proxy_pass` sends a stranger's request on from here, to a name of here, and
    says nothing of it; and a demo whose tokens another issuer makes.
    """
    by_issuer = {name: value for name, value in issuer.settings().items() if name.startswith("GATEWAY_AUTH_")}
    for settings, sandbox in ((environ, {}), (environ | by_issuer, {"wjdh": "http://127.0.0.1:1"})):
        async with serve(settings, token="", sandbox=sandbox) as gateway:
            for path in (TOKEN, "sandbox/reset"):
                assert (await send(gateway, path, CLERK)).status_code in (404, 405)
            page = (await gateway.stranger.get("/")).text
            assert 'data-token-path=""' in page
            assert 'data-sandbox-path=""' in page


async def test_expired_tokens_cost_another_login(demo, sandbox):
    await demo.ask(ORDERS)
    before = sandbox.count("WJDH", "secret")
    assert (await send(demo, "sandbox/wjdh/tokens/expire")).status_code == 200
    assert "errors" not in (await demo.ask(ORDERS)).body
    assert sandbox.count("WJDH", "secret") == before + 1


async def test_paid_order_notifies_this_gateway(demo, sandbox):
    order = {"order_number": unpaid(sandbox).number}
    answer = await send(demo, "sandbox/pay", order | {"callback_url": "http://attacker.example"})
    assert answer.json()["payment_answer"] == {"code": 0}
    assert (await demo.read("{ payments { nodes { orderNumber } } }"))["nodes"] == [
        {"orderNumber": order["order_number"]}
    ]


async def test_reset_undoes_writes_and_faults(demo, sandbox):
    order = unpaid(sandbox)
    sandbox.pay_unannounced(order.number)
    assert (await send(demo, "sandbox/wjdh/faults", {"kind": "wrong_shape"})).status_code == 200
    assert (await demo.ask(ORDERS)).code == "UPSTREAM_PROTOCOL"
    assert (await send(demo, "sandbox/reset")).status_code == 200
    assert sandbox.world.order_numbered[order.number].shop_number is None
    assert "errors" not in (await demo.ask(ORDERS)).body


async def test_one_fault_is_switched_off_and_the_others_stay(demo, sandbox):
    await send(demo, "sandbox/wjdh/faults", {"kind": "hang", "endpoint": "modules"})
    await send(demo, "sandbox/security/faults", {"kind": "latency", "seconds": 2})
    listed = (await send(demo, "sandbox/faults")).json()
    modules = {"platform": "WJDH", "endpoint": "modules", "kind": "hang", "seconds": 1.0, "times": None}
    security = {"platform": "SECURITY", "endpoint": None, "kind": "latency", "seconds": 2.0, "times": None}
    assert listed["on"] == [modules, security]
    assert {"platform": "WJDH", "name": "repair/update", "kind": "write"} in listed["endpoints"]
    assert [kind["name"] for kind in listed["kinds"]] == list(FaultKind)

    assert (await send(demo, "sandbox/wjdh/faults/off", {"endpoint": "modules"})).status_code == 200
    assert (await send(demo, "sandbox/faults")).json()["on"] == [security]
    await sandbox.wjdh.listener.stop()
    assert (await send(demo, "sandbox/wjdh/tokens/expire")).status_code == 503
