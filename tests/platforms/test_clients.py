"""The clients against the sandbox, or a server whose bytes a test chooses: what is sent, and what comes of tokens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal

import pytest
from platform_answers import send
from scripted_server import ScriptedServer, Step, http, scripted
from standing_clock import Clock

from gateway.entities import ENDPOINTS
from gateway.errors import NotConfiguredError, PlatformAuthError, ProtocolError
from gateway.modules import read_module_states, read_modules, set_module
from gateway.normalise.records import HouseKey
from gateway.normalise.vocabulary import Availability
from gateway.normalise.wire import Profile
from gateway.orders.reads import ORDERS
from gateway.orders.record import NewOrder, OrderQuery, Payer
from gateway.orders.writes import create_order
from gateway.payments.writes import deliver_payment
from gateway.people import read_house_owner, read_people
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.platforms.wjdh import Wjdh
from gateway.repairs import REPAIRS
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.settings import Settings, load_settings
from gateway.shenhe.record import SHENHES, ShenheQuery

ORDER = NewOrder(
    community_code="10002",
    payer=Payer("house", OrderQuery(building=1, unit=1, floor=1, room=101)),
    title="物业费",
    amount=Decimal("12.50"),
)
LOGIN = http(b'{"code":"0","access_token":"abc","token_type":"Bearer","expires_in":3600}')
NO_ROWS = http(b'{"code":0,"data":[]}')
HOUSE = HouseKey("10002", 1, 1, 1, 101)
UNKNOWN_PERSON = ("无此人", "19900099999")
PAYMENT = ("20201213104759976889", "1900000109", "4200000000202012131047599768")


def logins(sandbox: Sandbox) -> list[int]:
    return [sandbox.count("WJDH", "secret"), sandbox.count("SECURITY", "token")]


class TestWjdh:
    @staticmethod
    @asynccontextmanager
    async def over(*script: Step, suffix: str = "") -> AsyncIterator[tuple[ScriptedServer, Wjdh]]:
        """The client over a server whose bytes the test chooses."""
        async with scripted(*script) as upstream:
            settings = Settings(wjdh_url=f"http://127.0.0.1:{upstream.port}{suffix}")
            async with aclosing(make_platforms(settings, ENDPOINTS)) as platforms:
                yield upstream, platforms.wjdh

    @pytest.mark.parametrize(
        ("token_type", "scheme"),
        [
            ('"JWT"', b"JWT"),
            *((odd, b"Bearer") for odd in ('""', "null", "1", '"Bearer <JWT>"', '"Bearer\\r\\nX: y"')),
        ],
    )
    async def test_quirk_038_token_type_is_used_as_sent_if_valid(self, token_type: str, scheme: bytes) -> None:
        login = http(f'{{"code":"0","access_token":"abc","token_type":{token_type},"expires_in":3600}}'.encode())
        async with self.over(login, NO_ROWS) as (upstream, wjdh):
            await read_modules(wjdh, "1")
        assert b"\r\nAuthorization: %b abc\r\n" % scheme in upstream.requests[1]

    @pytest.mark.parametrize(
        ("expires_in", "seconds"),
        [
            *(("600", 600), ('"600"', 600), ("600.0", 600)),
            *(('"soon"', 3600), ('"3600(秒)"', 3600), ("null", 3600), ("0", 3600)),
        ],
    )
    async def test_quirk_039_token_lifetime_defaults_to_an_hour(self, expires_in: str, seconds: int) -> None:
        login = http(f'{{"code":"0","access_token":"abc","expires_in":{expires_in}}}'.encode())
        async with self.over(login, NO_ROWS) as (upstream, wjdh):
            clock = wjdh.session._clock = Clock()
            await read_modules(wjdh, "1")
            clock.now += seconds - 61
            await read_modules(wjdh, "1")
            assert len(upstream.requests) == 3
            clock.now += 61
            assert wjdh.session.current() is None

    @pytest.mark.parametrize(
        "body",
        [
            b'{"code":"0","msg":"ok"}',
            *(b'{"access_token":%b}' % odd for odd in (b'""', b"12", b'"a b"', b'"a\\r\\nX: y"')),
        ],
    )
    async def test_quirk_025_login_without_token_is_an_error(self, body: bytes) -> None:
        async with self.over(http(body)) as (upstream, wjdh):
            with pytest.raises(ProtocolError) as caught:
                await create_order(wjdh, ORDER)
        assert not caught.value.sent
        assert len(upstream.requests) == 1

    @pytest.mark.parametrize("status", [200, 401])
    async def test_quirk_011_036_call_is_replayed_with_a_new_token(
        self, platforms: Platforms, sandbox: Sandbox, status: int
    ) -> None:
        await read_modules(platforms.wjdh, "00001")
        sandbox.reset_calls()
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.EXPIRED_TOKEN, status=status), times=1)
        assert len(await read_modules(platforms.wjdh, "00001")) == 9
        assert sandbox.counts() == {("WJDH", "modules"): 2, ("WJDH", "secret"): 1}
        assert sandbox.calls[-1].headers["authorization"] == "Bearer wjdh.sandbox.2"
        assert sandbox.calls[-1].form == {"xiaoqu": "00001"}

    async def test_quirk_010_expired_token_is_no_missing_record(self, platforms: Platforms, sandbox: Sandbox) -> None:
        for endpoint, records in (("shenhe", SHENHES), ("repair", REPAIRS)):
            send(sandbox, "WJDH", endpoint, {"code": "1", "token_expired": "0", "msg": "没查找到", "data": []}, times=1)
            assert await records.read_record(platforms.wjdh, 1) is not None
        assert logins(sandbox) == [3, 0]

    async def test_quirk_011_token_expiring_again_is_an_auth_error(
        self, platforms: Platforms, sandbox: Sandbox
    ) -> None:
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.EXPIRED_TOKEN))
        for _ in range(10):
            with pytest.raises(PlatformAuthError) as caught:
                await read_modules(platforms.wjdh, "00001")
        assert caught.value.endpoint == "modules"
        assert logins(sandbox) == [2, 0]
        assert len((await ORDERS.read_page(platforms.wjdh, "10002", OrderQuery())).items) == 15

    @pytest.mark.parametrize("suffix", ["", "/", "/api/v1", "/api/v1/"])
    async def test_quirk_043_049_052_paths_and_methods_match(self, suffix: str) -> None:
        async with self.over(LOGIN, NO_ROWS, suffix=suffix) as (upstream, wjdh):
            await SHENHES.read_page(wjdh, "1", ShenheQuery())
            await ORDERS.read_page(wjdh, "1", OrderQuery())
            await set_module(wjdh, "1", "物业报修", True)
        assert [request.split(b" HTTP")[0].decode() for request in upstream.requests] == [
            "POST /api/v1/wjdh/secret",
            "POST /api/v1/wjdh/shenheList",
            "POST /api/v1/order/list",
            "PUT /api/v1/wjdh/module",
        ]

    async def test_page_below_one_is_never_asked_for(self, platforms: Platforms) -> None:
        with pytest.raises(ValueError, match="page 0"):
            SHENHES.read_page(platforms.wjdh, "10002", ShenheQuery(), 0)

    async def test_quirk_188_repr_hides_secrets_and_tokens(self, platforms: Platforms) -> None:
        await read_modules(platforms.wjdh, "00001")
        for secret in ("sandbox-secret-key", "wjdh.sandbox.1"):
            for holder in (platforms, platforms.wjdh.session, platforms.wjdh.session.current()):
                assert secret not in repr(holder)


class TestSecurity:
    async def test_quirk_021_failure_about_the_token_renews_it(self, platforms: Platforms, sandbox: Sandbox) -> None:
        await deliver_payment(platforms.security, *PAYMENT)
        sandbox.expire_tokens()
        sandbox.reset_calls()
        await deliver_payment(platforms.security, *PAYMENT)
        assert sandbox.counts() == {("SECURITY", "callback"): 2, ("SECURITY", "token"): 1}
        failures = [(1, msg) for msg in ("token已失效", "Token invalid", "鉴权未通过", "令牌无效", "登录已过期")]
        for times, (code, msg) in enumerate([*failures, (2, "令牌无效"), (3, "鉴权失败"), (401, "登录已过期")], 2):
            send(sandbox, "SECURITY", "people", {"code": code, "msg": msg, "data": ""}, times=1)
            assert await read_people(platforms.security, "王芳", "19900000002") is not None
            assert logins(sandbox) == [0, times], msg

    async def test_quirk_025_login_without_a_token_fails(self, platforms: Platforms, sandbox: Sandbox) -> None:
        send(sandbox, "SECURITY", "token", {"code": "1", "msg": "token获取失败"}, times=1)
        with pytest.raises(PlatformAuthError) as caught:
            await read_people(platforms.security, *UNKNOWN_PERSON)
        assert caught.value.endpoint == "token"
        assert not platforms.security.healthy

    async def test_quirk_025_036_037_token_is_a_form_field(self, platforms: Platforms, sandbox: Sandbox) -> None:
        send(sandbox, "SECURITY", "token", {"token": "made-up"}, times=1)
        send(sandbox, "SECURITY", "owner", {"code": 2})
        assert await read_house_owner(platforms.security, HOUSE) is None
        login, call = sandbox.calls
        assert login.form == {"key_k": "sandbox-key-k", "key_d": "sandbox-key-d"}
        numbers = {"building_number": "1", "unit_number": "1", "floor_number": "1", "house_number": "101"}
        assert call.form == {"community_identifier": "10002", **numbers, "token": "made-up"}
        assert "authorization" not in call.headers

    async def test_quirk_040_token_lifetime_is_in_the_profile(self, sandbox: Sandbox) -> None:
        profile = Profile(token_lifetimes={"SECURITY": 0.05})
        async with aclosing(make_platforms(load_settings(sandbox.settings()), ENDPOINTS, profile)) as platforms:
            await read_people(platforms.security, *UNKNOWN_PERSON)
            await asyncio.sleep(0.06)
            await read_people(platforms.security, *UNKNOWN_PERSON)
        assert logins(sandbox) == [0, 2]

    async def test_quirk_056_unset_path_of_the_login_calls_nothing(self, sandbox: Sandbox) -> None:
        settings = load_settings(sandbox.settings() | {"GATEWAY_SECURITY_TOKEN_PATH": ""})
        async with aclosing(make_platforms(settings, ENDPOINTS)) as platforms:
            with pytest.raises(NotConfiguredError) as caught:
                await read_house_owner(platforms.security, HOUSE)
        assert caught.value.endpoint == "token"
        assert sandbox.calls == []

    async def test_quirk_056_path_may_have_its_own_query_and_host(self) -> None:
        no_one = http(b'{"code":2}')
        async with scripted(http(b'{"token":"abc"}'), no_one) as one, scripted(no_one) as other:
            environment = {
                "GATEWAY_SECURITY_TOKEN_PATH": "/token",
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
