"""CORS: listed origins may read answers, and no origin can act without a token."""

import httpx
import pytest
from graphql_socket import connected
from websockets import Origin
from websockets.exceptions import InvalidStatus

CONSOLE = "https://console.example"
LISTED = "https://wall.example:8443"
APP = "weapp://wxF00d0123456789ab"
UNLISTED = "https://stranger.example"

MODULES = {"query": '{ modules(communityCode: "10002") { name } }'}


pytestmark = pytest.mark.settings(ALLOWED_ORIGINS=f"{CONSOLE}, {LISTED} {APP}", ALLOWED_HEADERS="X-Tenant x-build")


async def preflight(client: httpx.AsyncClient, origin: str, path="/graphql", names="authorization,content-type"):
    headers = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": names}
    return await client.options(path, headers=headers)


def cors(response: httpx.Response) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in response.headers.items()
        if name.startswith("access-control-")
    }


async def test_pages_of_a_listed_origin_may_ask_and_read(gateway):
    readable = {"age", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id"}
    for origin in (CONSOLE, LISTED, APP):
        asked = await preflight(gateway.stranger, origin)
        assert asked.status_code == 200
        assert "origin" in asked.headers["vary"].lower().split(", ")
        allowed = cors(asked)
        assert allowed.keys() == {"allow-origin", "allow-methods", "allow-headers", "max-age"}
        assert (allowed["allow-origin"], allowed["allow-methods"]) == (origin, "GET, POST")
        assert {"authorization", "content-type", "x-request-id"} <= set(allowed["allow-headers"].lower().split(", "))
        assert int(allowed["max-age"]) > 0

        answer = await gateway.client.post("/graphql", json=MODULES, headers={"origin": origin})
        assert len(answer.json()["data"]["modules"]) == 9
        assert answer.headers["vary"] == "Origin"
        allowed = cors(answer)
        assert allowed.keys() == {"allow-origin", "expose-headers"}  # no credentials
        assert (allowed["allow-origin"], set(allowed["expose-headers"].split(", "))) == (origin, readable)


async def test_listed_origin_may_read_refusals(gateway):
    for refused in (
        await gateway.stranger.post("/graphql", json=MODULES, headers={"origin": CONSOLE}),
        await gateway.client.post("/graphql", content=b"{", headers={"origin": CONSOLE}),
        await gateway.client.put("/graphql", headers={"origin": CONSOLE}),
    ):
        assert refused.status_code in (400, 401, 405, 415)
        assert cors(refused)["allow-origin"] == CONSOLE


FOREIGN = [UNLISTED, "null", "", "*", CONSOLE.upper(), f"{CONSOLE}.evil.example", "http://console.example"]
FOREIGN += [f"{CONSOLE}:443", APP.lower(), APP.replace("weapp", "https")]


async def test_unlisted_origin_gets_no_cors_headers(gateway):
    for origin in FOREIGN:
        asked = await preflight(gateway.stranger, origin)
        assert (asked.status_code, cors(asked)) == (405, {}), origin
        answer = await gateway.client.post("/graphql", json=MODULES, headers={"origin": origin})
        assert answer.status_code == 200  # its browser throws it away; it had a token, so it was no browser at all
        assert (cors(answer), answer.headers["vary"]) == ({}, "Origin"), origin
    without = await gateway.client.post("/graphql", json=MODULES)
    assert (cors(without), "vary" in without.headers) == ({}, False)


async def test_cors_headers_are_sent_for_graphql_only(gateway):
    for path in ("/", "/metrics", "/healthz", "/callbacks/token"):
        for response in (
            await preflight(gateway.stranger, CONSOLE, path=path),
            await gateway.stranger.get(path, headers={"origin": CONSOLE}),
        ):
            assert cors(response) == {}, path


async def test_preflight_allows_tracing_and_listed_headers_alone(gateway):
    tracing = "authorization,baggage,content-type,sentry-trace,traceparent,tracestate"
    for names in (tracing, "x-build,x-tenant", "X-Tenant, baggage", "x-stranger"):
        asked = await preflight(gateway.stranger, CONSOLE, names=names)
        allowed = set(cors(asked)["allow-headers"].lower().split(", "))
        is_listed = {name.strip().lower() for name in names.split(",")} <= allowed
        assert (asked.status_code, is_listed) == ((400, False) if names == "x-stranger" else (200, True))


async def test_app_origin_may_open_a_websocket(gateway):
    async with connected(gateway.url, token=gateway.token, origin=Origin(APP)) as socket:
        await socket.settle()
    with pytest.raises(InvalidStatus) as refused:
        async with connected(gateway.url, origin=Origin(APP.lower())):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.settings(ALLOWED_ORIGINS="")
async def test_cors_headers_require_an_origin_list(gateway):
    assert cors(await preflight(gateway.stranger, CONSOLE)) == {}
    assert cors(await gateway.client.post("/graphql", json=MODULES, headers={"origin": CONSOLE})) == {}
