"""`POST /explorer/token`: who gets a token from the page's route, and who does not."""

import httpx
import pytest
from starlette.requests import Request

from gateway.errors import ForbiddenError
from gateway.http.explorer import require_local

PATH = "/explorer/token"
CLERK = {"scopes": ["order:read"], "communities": ["10002"], "subject": "clerk", "ttl": 60}


@pytest.fixture
async def gateway(environ, sandbox, serve):
    """As the demo serves it."""
    async with serve(environ, sandbox={"wjdh": sandbox.wjdh.url, "security": sandbox.security.url}) as gateway:
        yield gateway


def page_headers(gateway, **others):
    """As a browser sends them from the gateway's own page."""
    return {"origin": gateway.url, "sec-fetch-site": "same-origin", **others}


async def mint(gateway, json=CLERK, **headers):
    return await gateway.stranger.post(PATH, json=json, headers=page_headers(gateway, **headers))


async def test_page_mints_token_with_chosen_rights(gateway):
    response = await mint(gateway)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"

    answer = await gateway.ask("{ viewer { subject scopes communityCodes } }", token=response.json()["token"])
    assert answer.data["viewer"] == {"subject": "clerk", "scopes": ["order:read"], "communityCodes": ["10002"]}


async def test_token_request_from_elsewhere_is_refused(gateway):
    assert (await gateway.stranger.post(PATH, json=CLERK)).status_code == 403  # of no origin at all
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
        response = await mint(gateway, **headers)
        assert response.status_code == 403, headers
        assert response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN", headers
        assert "token" not in response.json(), headers


async def test_token_request_to_other_host_name_is_refused(environ, sandbox, serve):
    named = environ | {"GATEWAY_ALLOWED_HOSTS": "gateway.example"}
    async with serve(named, sandbox={"wjdh": sandbox.wjdh.url}) as gateway:
        headers = {"host": "gateway.example", "origin": "http://gateway.example"}
        assert (await mint(gateway, **headers)).status_code == 403


async def test_token_request_from_another_machine_is_refused(gateway):
    transport = httpx.ASGITransport(gateway.app, client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        response = await client.post(PATH, json=CLERK, headers={"origin": "http://localhost:8000"})
    assert response.status_code == 403


def test_user_before_a_local_name_is_refused():
    """The gateway's own hosts refuse such a name before; this is what the page's routes see behind them."""
    headers = {"host": "evil@localhost", "origin": "http://evil@localhost", "content-type": "application/json"}
    scope = {"type": "http", "path": PATH, "query_string": b"", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
    with pytest.raises(ForbiddenError):
        require_local(Request(scope | {"headers": [(name.encode(), text.encode()) for name, text in headers.items()]}))


async def test_token_of_the_demo_opens_no_other_gateway(environ, sandbox, serve):
    async with serve(environ, sandbox={"wjdh": sandbox.wjdh.url}) as demo:
        handed_out = (await mint(demo)).json()["token"]
        for token in (handed_out, demo.token):  # the other one is as `gateway token` makes it
            assert (await demo.ask("{ __typename }", token=token)).data
    async with serve(environ) as served:
        assert (await served.ask("{ __typename }", token=handed_out)).response.status_code == 401


async def test_token_route_refuses_get_and_preflight(gateway):
    for method in ("GET", "OPTIONS"):
        response = await gateway.stranger.request(method, PATH, headers=page_headers(gateway))
        assert response.status_code in (404, 405)
        assert "access-control-allow-origin" not in response.headers


async def test_token_request_with_wrong_claims_is_refused(gateway):
    wrong = ({"scopes": ["nothing:read"]}, {"ttl": 0}, {"ttl": 24 * 3600 + 1}, {"subject": ""}, {"issuer": "urn:other"})
    for body in (*(CLERK | change for change in wrong), {"scopes": "*"}, []):
        response = await mint(gateway, body)
        assert response.status_code == 400, body
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", body


async def test_large_token_request_is_refused(gateway):
    assert (await mint(gateway, {**CLERK, "subject": "x" * 20_000})).status_code == 413


async def test_plain_proxy_gets_no_token_from_development(environ, serve):
    """nginx's `proxy_pass` sends a stranger's request on from here, to a name of here, and says nothing of it."""
    async with serve(environ) as gateway:
        assert (await mint(gateway)).status_code in (404, 405)
        assert 'data-token-path=""' in (await gateway.stranger.get("/")).text
