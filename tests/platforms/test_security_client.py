"""The security client against the sandbox: one test per quirk of the client's side."""

import asyncio
from contextlib import aclosing

import pytest
from scripted_server import http, scripted

from gateway.entities import ENDPOINTS
from gateway.errors import NotConfiguredError, PlatformAuthError
from gateway.modules import read_module_states, read_modules
from gateway.normalise.records import HouseKey
from gateway.normalise.vocabulary import Availability
from gateway.normalise.wire import Profile
from gateway.payments.writes import deliver_payment
from gateway.people import read_house_owner, read_people
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.settings import Settings, load_settings

HOUSE = HouseKey("10002", 1, 1, 1, 101)
UNKNOWN_PERSON = ("无此人", "19900099999")
PAYMENT = ("20201213104759976889", "1900000109", "4200000000202012131047599768")
PATHS = {
    f"GATEWAY_SECURITY_{name}_PATH": f"/{name.lower()}" for name in ("TOKEN", "PEOPLE", "OWNER", "CALLBACK", "MODULES")
}


def answering(sandbox: Sandbox, endpoint: str, body: str, *, times: int = 1, status: int | None = None) -> None:
    sandbox.faults.set("SECURITY", endpoint, Fault(FaultKind.BODY, status=status, body=body.encode()), times=times)


async def test_quirk_021_callback_code_one_renews_the_token(platforms: Platforms, sandbox: Sandbox) -> None:
    await deliver_payment(platforms.security, *PAYMENT)
    sandbox.reset_calls()
    sandbox.expire_tokens()
    await deliver_payment(platforms.security, *PAYMENT)
    assert sandbox.counts() == {("SECURITY", "callback"): 2, ("SECURITY", "token"): 1}


@pytest.mark.parametrize(
    ("code", "msg"),
    [
        *((1, msg) for msg in ("token已失效", "Token invalid", "鉴权未通过", "令牌无效", "登录已过期")),
        (2, "令牌无效"),
        (3, "鉴权失败"),
        (401, "登录已过期"),
    ],
)
async def test_quirk_021_failure_about_the_token_renews_it(
    platforms: Platforms, sandbox: Sandbox, code: int, msg: str
) -> None:
    answering(sandbox, "people", f'{{"code": {code}, "msg": "{msg}", "data": ""}}')
    assert await read_people(platforms.security, "王芳", "19900000002") is not None
    assert sandbox.count("SECURITY", "token") == 2


async def test_quirk_025_login_needs_only_a_token(platforms: Platforms, sandbox: Sandbox) -> None:
    answering(sandbox, "token", '{"token": "made-up"}')
    await read_people(platforms.security, *UNKNOWN_PERSON)
    assert sandbox.calls[1].form["token"] == "made-up"


async def test_quirk_025_login_without_a_token_fails(platforms: Platforms, sandbox: Sandbox) -> None:
    answering(sandbox, "token", '{"code": "1", "msg": "token获取失败"}')
    with pytest.raises(PlatformAuthError) as caught:
        await read_people(platforms.security, *UNKNOWN_PERSON)
    assert caught.value.endpoint == "token"
    assert not platforms.security.healthy


async def test_quirk_036_037_token_is_a_form_field(platforms: Platforms, sandbox: Sandbox) -> None:
    await read_house_owner(platforms.security, HOUSE)
    login, call = sandbox.calls
    assert login.form == {"key_k": "sandbox-key-k", "key_d": "sandbox-key-d"}
    assert call.form == {
        "community_identifier": "10002",
        "building_number": "1",
        "unit_number": "1",
        "floor_number": "1",
        "house_number": "101",
        "token": "security.sandbox.1",
    }
    assert "authorization" not in call.headers


async def test_quirk_040_token_lifetime_is_in_the_profile(sandbox: Sandbox) -> None:
    profile = Profile(token_lifetimes={"SECURITY": 0.05})
    platforms = make_platforms(load_settings(sandbox.settings()), ENDPOINTS, profile)
    async with aclosing(platforms):
        await read_people(platforms.security, *UNKNOWN_PERSON)
        await asyncio.sleep(0.06)
        await read_people(platforms.security, *UNKNOWN_PERSON)
    assert sandbox.count("SECURITY", "token") == 2


async def test_quirk_056_unset_path_of_the_login_calls_nothing(sandbox: Sandbox) -> None:
    environment = sandbox.settings()
    del environment["GATEWAY_SECURITY_TOKEN_PATH"]
    async with aclosing(make_platforms(load_settings(environment), ENDPOINTS)) as platforms:
        with pytest.raises(NotConfiguredError) as caught:
            await read_house_owner(platforms.security, HOUSE)
    assert caught.value.endpoint == "token"
    assert sandbox.calls == []


async def test_quirk_056_path_may_have_its_own_query_and_host() -> None:
    async with scripted(http(b'{"token":"abc"}'), http(b'{"code":2}')) as one, scripted(http(b'{"code":2}')) as other:
        environment = {
            **PATHS,
            "GATEWAY_SECURITY_URL": f"http://127.0.0.1:{one.port}/anfang/",
            "GATEWAY_SECURITY_PEOPLE_PATH": "index.php?r=people",
            "GATEWAY_SECURITY_OWNER_PATH": f"http://127.0.0.1:{other.port}/owner",
        }
        async with aclosing(make_platforms(load_settings(environment), ENDPOINTS)) as platforms:
            assert await read_people(platforms.security, *UNKNOWN_PERSON) is None
            assert await read_house_owner(platforms.security, HOUSE) is None
    lines = [request.partition(b" HTTP")[0] for request in one.requests + other.requests]
    assert lines == [b"POST /anfang/token", b"POST /anfang/index.php?r=people", b"POST /owner"]


async def test_unset_platforms_are_not_configured() -> None:
    async with aclosing(make_platforms(Settings(), ENDPOINTS)) as platforms:
        for call in (read_modules(platforms.wjdh, "10002"), read_module_states(platforms.security)):
            with pytest.raises(NotConfiguredError):
                await call
        states = (*platforms.security.endpoints.values(), *platforms.wjdh.endpoints.values())
        assert {state.availability for state in states} == {Availability.NOT_CONFIGURED, Availability.NOT_OFFERED}
