"""The security client against the sandbox: one test per quirk of the client's side."""

import asyncio
from contextlib import aclosing

import pytest
from scripted_server import http, scripted

from gateway.errors import NotConfiguredError, PlatformAuthError, ProtocolError, RefusedError
from gateway.normalise.profile import Profile
from gateway.normalise.records import HouseKey
from gateway.normalise.states import Availability
from gateway.normalise.vocabulary import ResidentRole
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


async def test_every_read_gives_records(platforms: Platforms) -> None:
    people = await platforms.security.people("王芳", "19900000002")
    assert people is not None
    assert people.residencies
    owner = await platforms.security.house_owner(HOUSE)
    assert owner is not None
    assert owner.role is ResidentRole.OWNER
    states = await platforms.security.module_states()
    assert len(states["00001"] or ()) == 9


async def test_payment_delivered_twice_has_one_effect(platforms: Platforms, sandbox: Sandbox) -> None:
    for _ in range(2):
        await platforms.security.deliver_payment(*PAYMENT)
    assert len(sandbox.effects.all()) == 1


async def test_quirk_003_acknowledgement_may_have_trailing_comma(platforms: Platforms, sandbox: Sandbox) -> None:
    answering(sandbox, "callback", '{\n    "code": 0,\n}')
    await platforms.security.deliver_payment(*PAYMENT)


@pytest.mark.parametrize("body", ["{}", '{"msg": "ok"}', '{"data": 0}', "<html>ok</html>", ""])
async def test_quirk_003_acknowledgement_requires_code_zero(platforms: Platforms, sandbox: Sandbox, body: str) -> None:
    answering(sandbox, "callback", body)
    with pytest.raises(ProtocolError) as caught:
        await platforms.security.deliver_payment(*PAYMENT)
    assert caught.value.sent


@pytest.mark.parametrize("status", [302, 404, 405, 500])
async def test_quirk_014_error_page_is_no_acknowledgement(platforms: Platforms, sandbox: Sandbox, status: int) -> None:
    answering(sandbox, "callback", '{"code": 0, "message": "页面错误！请稍后再试～"}', status=status)
    with pytest.raises(ProtocolError):
        await platforms.security.deliver_payment(*PAYMENT)


async def test_quirk_020_missing_owner_is_none(platforms: Platforms, sandbox: Sandbox) -> None:
    for body in ('{"code": 2, "data": ""}', '{"code": "2"}', '{"code": 0, "data": null}', '{"code": 0, "data": {}}'):
        answering(sandbox, "owner", body)
        assert await platforms.security.house_owner(HOUSE) is None
    assert await platforms.security.house_owner(HouseKey("10002", 99, 1, 1, 101)) is None


async def test_quirk_020_owner_lookup_error_is_not_none(platforms: Platforms, sandbox: Sandbox) -> None:
    answering(sandbox, "owner", '{"code": 1, "msg": "出错了", "data": ""}')
    with pytest.raises(RefusedError) as caught:
        await platforms.security.house_owner(HOUSE)
    assert (caught.value.upstream_code, caught.value.upstream_message) == (1, "出错了")


async def test_quirk_021_callback_code_one_renews_the_token(platforms: Platforms, sandbox: Sandbox) -> None:
    await platforms.security.deliver_payment(*PAYMENT)
    sandbox.reset_calls()
    sandbox.expire_tokens()
    await platforms.security.deliver_payment(*PAYMENT)
    assert sandbox.counts() == {("SECURITY", "callback"): 2, ("SECURITY", "token"): 1}


async def test_quirk_021_callback_refusing_tokens_is_auth_error(platforms: Platforms, sandbox: Sandbox) -> None:
    answering(sandbox, "callback", '{"code": 1}', times=2)
    with pytest.raises(PlatformAuthError):
        await platforms.security.deliver_payment(*PAYMENT)


async def test_quirk_021_callback_code_two_is_a_refusal(platforms: Platforms, sandbox: Sandbox) -> None:
    answering(sandbox, "callback", '{"code": 2}')
    with pytest.raises(RefusedError) as caught:
        await platforms.security.deliver_payment(*PAYMENT)
    assert (caught.value.upstream_code, caught.value.upstream_message) == (2, None)


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
    assert await platforms.security.people("王芳", "19900000002") is not None
    assert sandbox.count("SECURITY", "token") == 2


@pytest.mark.parametrize(
    "body",
    [
        '{"code": 2, "msg": "没查找到", "data": null}',
        '{"code": 2, "msg": "未登录小程序", "data": null}',
        '{"code": "1", "msg": "没查找到", "data": ""}',
        '{"code": 1}',
        '{"code": 0, "data": []}',
        '{"code": 0, "data": ""}',
    ],
)
async def test_quirk_023_missing_person_is_none(platforms: Platforms, sandbox: Sandbox, body: str) -> None:
    answering(sandbox, "people", body)
    assert await platforms.security.people(*UNKNOWN_PERSON) is None


@pytest.mark.parametrize(
    "msg",
    [
        "查询出错",
        "服务器开小差，请重试",
        "缺少参数",
        "查询失败",
        "您没有权限",
        "没有授权",
        "系统繁忙",
        "请稍后再试",
        "连接超时",
        "Server Error",
        "SQLSTATE[HY000]",
    ],
)
async def test_quirk_023_people_lookup_error_is_not_none(platforms: Platforms, sandbox: Sandbox, msg: str) -> None:
    answering(sandbox, "people", f'{{"code": 1, "msg": "{msg}", "data": ""}}')
    with pytest.raises(RefusedError) as caught:
        await platforms.security.people(*UNKNOWN_PERSON)
    assert caught.value.upstream_message == msg


@pytest.mark.parametrize("code", [1, 2])
async def test_quirk_020_023_failure_with_data_is_not_none(platforms: Platforms, sandbox: Sandbox, code: int) -> None:
    answering(sandbox, "people", f'{{"code": {code}, "data": {{"people_name": "王芳"}}}}')
    with pytest.raises(RefusedError):
        await platforms.security.people(*UNKNOWN_PERSON)
    answering(sandbox, "owner", f'{{"code": {code}, "data": {{"people_phone": "19900000001"}}}}')
    with pytest.raises(RefusedError):
        await platforms.security.house_owner(HOUSE)


@pytest.mark.parametrize("code", [1, 2])
async def test_quirk_023_failure_with_status_500_is_not_none(platforms: Platforms, sandbox: Sandbox, code: int) -> None:
    answering(sandbox, "people", f'{{"code": {code}}}', status=500)
    with pytest.raises(RefusedError):
        await platforms.security.people(*UNKNOWN_PERSON)
    answering(sandbox, "owner", f'{{"code": {code}}}', status=500)
    with pytest.raises(RefusedError):
        await platforms.security.house_owner(HouseKey("10002", 1, 1, 1, 101))


async def test_quirk_025_login_needs_only_a_token(platforms: Platforms, sandbox: Sandbox) -> None:
    answering(sandbox, "token", '{"token": "made-up"}')
    await platforms.security.people(*UNKNOWN_PERSON)
    assert sandbox.calls[1].form["token"] == "made-up"


async def test_quirk_025_login_without_a_token_fails(platforms: Platforms, sandbox: Sandbox) -> None:
    answering(sandbox, "token", '{"code": "1", "msg": "token获取失败"}')
    with pytest.raises(PlatformAuthError) as caught:
        await platforms.security.people(*UNKNOWN_PERSON)
    assert caught.value.endpoint == "token"
    assert not platforms.security.healthy


async def test_quirk_036_037_token_is_a_form_field(platforms: Platforms, sandbox: Sandbox) -> None:
    await platforms.security.house_owner(HOUSE)
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
    platforms = make_platforms(load_settings(sandbox.settings()), Profile(security_token_lifetime=0.05))
    async with aclosing(platforms):
        await platforms.security.people(*UNKNOWN_PERSON)
        await asyncio.sleep(0.06)
        await platforms.security.people(*UNKNOWN_PERSON)
    assert sandbox.count("SECURITY", "token") == 2


async def test_quirk_056_unset_path_calls_nothing(sandbox: Sandbox) -> None:
    environment = sandbox.settings()
    del environment["GATEWAY_SECURITY_PEOPLE_PATH"]
    async with aclosing(make_platforms(load_settings(environment))) as platforms:
        with pytest.raises(NotConfiguredError):
            await platforms.security.people(*UNKNOWN_PERSON)
        assert sandbox.calls == []
        assert await platforms.security.house_owner(HOUSE) is not None
        assert platforms.security.endpoints["people"].availability is Availability.NOT_CONFIGURED
        assert platforms.security.healthy


async def test_quirk_056_missing_token_path_calls_nothing(sandbox: Sandbox) -> None:
    environment = sandbox.settings()
    del environment["GATEWAY_SECURITY_TOKEN_PATH"]
    async with aclosing(make_platforms(load_settings(environment))) as platforms:
        with pytest.raises(NotConfiguredError) as caught:
            await platforms.security.house_owner(HOUSE)
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
        async with aclosing(make_platforms(load_settings(environment))) as platforms:
            assert await platforms.security.people(*UNKNOWN_PERSON) is None
            assert await platforms.security.house_owner(HOUSE) is None
    lines = [request.partition(b" HTTP")[0] for request in one.requests + other.requests]
    assert lines == [b"POST /anfang/token", b"POST /anfang/index.php?r=people", b"POST /owner"]


async def test_quirk_077_payment_numbers_are_sent_exactly(platforms: Platforms, sandbox: Sandbox) -> None:
    await platforms.security.deliver_payment(*PAYMENT)
    form = sandbox.calls[-1].form
    assert (form["order_number"], form["shop_number"], form["weixin_number"]) == PAYMENT


async def test_quirk_188_errors_hide_the_token(platforms: Platforms, sandbox: Sandbox) -> None:
    answering(sandbox, "people", "<html>security.sandbox.1 19900099999</html>")
    with pytest.raises(ProtocolError) as caught:
        await platforms.security.people(*UNKNOWN_PERSON)
    for personal in ("security.sandbox", *UNKNOWN_PERSON):
        assert personal not in f"{caught.value!r} {caught.value.extensions()}"


async def test_unset_platforms_are_not_configured() -> None:
    async with aclosing(make_platforms(Settings())) as platforms:
        with pytest.raises(NotConfiguredError):
            await platforms.wjdh.modules("10002")
        with pytest.raises(NotConfiguredError):
            await platforms.security.module_states()
        states = (*platforms.security.endpoints.values(), *platforms.wjdh.endpoints.values())
        assert {state.availability for state in states} == {Availability.NOT_CONFIGURED, Availability.NOT_OFFERED}
