"""The wjdh client against the sandbox: what is sent, what comes back, one test per quirk of the client's side."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from scripted_server import ScriptedServer, Step, http, scripted
from standing_clock import Clock

from gateway.errors import PlatformAuthError, ProtocolError, RefusedError
from gateway.normalise.order import OrderQuery
from gateway.normalise.repair import RepairQuery
from gateway.normalise.requests import HousePayer, NewAnnouncement, NewOrder, NewOrderDetail
from gateway.normalise.shenhe import ShenheQuery
from gateway.normalise.states import Availability
from gateway.normalise.vocabulary import OrderStatus, PaymentStatus, RepairStatus, ShenheStatus
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.platforms.wjdh import Wjdh
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.log import LoggedCall
from gateway.sandbox.server import Sandbox
from gateway.settings import Settings

COMMUNITY = "10002"
ORDER = NewOrder(
    community_code=COMMUNITY,
    payer=HousePayer(1, 1, 1, 101),
    title="物业费",
    amount=Decimal("12.50"),
    details=(NewOrderDetail("单价", "100元/平方"),),
)
ANNOUNCEMENT = NewAnnouncement(
    community_code=COMMUNITY, title="停水", content="明天停水", images=("http://a/1.png", "http://a/2.png")
)
LOGIN = http(b'{"code":"0","access_token":"abc","token_type":"Bearer","expires_in":3600}')


@asynccontextmanager
async def wjdh_over(*script: Step, suffix: str = "") -> AsyncIterator[tuple[ScriptedServer, Wjdh]]:
    """The client over a server whose bytes the test chooses."""
    async with (
        scripted(*script) as upstream,
        aclosing(make_platforms(Settings(wjdh_url=f"http://127.0.0.1:{upstream.port}{suffix}"))) as platforms,
    ):
        yield upstream, platforms.wjdh


def answering(sandbox: Sandbox, endpoint: str, body: str, *, status: int | None = None) -> None:
    """Let an endpoint of wjdh answer this, once."""
    sandbox.faults.set("WJDH", endpoint, Fault(FaultKind.BODY, status=status, body=body.encode()), times=1)


def last_call(sandbox: Sandbox) -> LoggedCall:
    return sandbox.calls[-1]


async def test_page_below_one_is_never_asked_for(platforms: Platforms, sandbox: Sandbox) -> None:
    wjdh = platforms.wjdh
    reads: list[Callable[[], object]] = [
        lambda: wjdh.shenhes(COMMUNITY, ShenheQuery(), 0),
        lambda: wjdh.orders(COMMUNITY, OrderQuery(), 0),
        lambda: wjdh.repairs(COMMUNITY, RepairQuery(), 0),
    ]
    for read in reads:
        with pytest.raises(ValueError, match="page 0"):
            read()
    assert sandbox.counts() == {}


async def test_quirk_028_unknown_community_opens_no_circuit(platforms: Platforms, sandbox: Sandbox) -> None:
    for _ in range(20):
        with pytest.raises(RefusedError) as caught:
            await platforms.wjdh.shenhes("99999", ShenheQuery())
    assert not caught.value.retryable
    assert sandbox.count("WJDH", "shenheList") == 20
    assert platforms.wjdh.endpoints["shenheList"].healthy


async def test_quirk_036_038_token_is_sent_only_as_bearer_header(platforms: Platforms, sandbox: Sandbox) -> None:
    await platforms.wjdh.modules("00001")
    call = last_call(sandbox)
    assert call.headers["authorization"] == "Bearer wjdh.sandbox.1"
    assert call.form == {"xiaoqu": "00001"}


async def test_quirk_038_token_type_is_used_as_sent() -> None:
    login = http(b'{"code":"0","access_token":"abc","token_type":"JWT","expires_in":3600}')
    async with wjdh_over(login, http(b'{"code":0,"data":[]}')) as (upstream, wjdh):
        await wjdh.modules("1")
    assert b"\r\nAuthorization: JWT abc\r\n" in upstream.requests[1]


@pytest.mark.parametrize("scheme", ['""', "null", "1", '"Bearer <JWT>"', '"Bearer\\r\\nX: y"'])
async def test_quirk_038_invalid_token_type_becomes_bearer(scheme: str) -> None:
    login = http(f'{{"code":"0","access_token":"abc","token_type":{scheme},"expires_in":3600}}'.encode())
    async with wjdh_over(login, http(b'{"code":0,"data":[]}')) as (upstream, wjdh):
        await wjdh.modules("1")
    assert b"\r\nAuthorization: Bearer abc\r\n" in upstream.requests[1]


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [("600", 600), ('"600"', 600), ("600.0", 600), ('"soon"', 3600), ('"3600(秒)"', 3600), ("null", 3600), ("0", 3600)],
)
async def test_quirk_039_token_lifetime_defaults_to_an_hour(expires_in: str, seconds: int) -> None:
    login = http(f'{{"code":"0","access_token":"abc","expires_in":{expires_in}}}'.encode())
    async with wjdh_over(login, http(b'{"code":0,"data":[]}')) as (upstream, wjdh):
        clock = wjdh.session._clock = Clock()
        await wjdh.modules("1")
        clock.now += seconds - 61
        await wjdh.modules("1")
        assert len(upstream.requests) == 3
        clock.now += 61
        assert wjdh.session.current() is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":"0","msg":"ok"}',
        b'{"access_token":""}',
        b'{"access_token":12}',
        b'{"access_token":"a b"}',
        b'{"access_token":"a\\r\\nX: y"}',
    ],
)
async def test_quirk_025_login_without_token_is_an_error(body: bytes) -> None:
    async with wjdh_over(http(body)) as (upstream, wjdh):
        with pytest.raises(ProtocolError) as caught:
            await wjdh.create_order(ORDER)
    assert not caught.value.sent
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("status", [200, 401])
async def test_quirk_011_call_is_replayed_with_a_new_token(platforms: Platforms, sandbox: Sandbox, status: int) -> None:
    await platforms.wjdh.modules("00001")
    sandbox.reset_calls()
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.EXPIRED_TOKEN, status=status), times=1)
    assert len(await platforms.wjdh.modules("00001")) == 9
    assert sandbox.counts() == {("WJDH", "modules"): 2, ("WJDH", "secret"): 1}
    assert last_call(sandbox).headers["authorization"] == "Bearer wjdh.sandbox.2"


@pytest.mark.parametrize("data", ["null", '""', "[]"])
async def test_quirk_010_expired_token_is_not_a_missing_record(
    platforms: Platforms, sandbox: Sandbox, data: str
) -> None:
    body = f'{{"code": "1", "token_expired": "0", "msg": "请重新建立智慧平台鉴权连接", "data": {data}}}'
    answering(sandbox, "shenhe", body)
    assert await platforms.wjdh.shenhe(1) is not None
    answering(sandbox, "repair", body)
    assert await platforms.wjdh.repair(1) is not None
    assert sandbox.count("WJDH", "secret") == 3


async def test_quirk_011_token_expiring_again_is_an_auth_error(platforms: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.EXPIRED_TOKEN))
    for _ in range(10):
        with pytest.raises(PlatformAuthError) as caught:
            await platforms.wjdh.modules("00001")
    assert caught.value.endpoint == "modules"
    assert sandbox.count("WJDH", "secret") == 2
    assert len((await platforms.wjdh.orders(COMMUNITY, OrderQuery())).items) == 15


async def test_quirk_044_calls_are_forms_with_a_user_agent(platforms: Platforms, sandbox: Sandbox) -> None:
    await platforms.wjdh.modules("00001")
    await platforms.wjdh.set_module("00001", "投诉建议", True)
    for call in sandbox.calls:
        assert call.headers["content-type"] == "application/x-www-form-urlencoded"
        assert call.headers["user-agent"].startswith("wanjia-gateway/")
        assert call.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("suffix", ["", "/", "/api/v1", "/api/v1/"])
async def test_quirk_043_049_050_051_052_paths_and_methods_match(suffix: str) -> None:
    async with wjdh_over(LOGIN, http(b'{"code":0,"data":[]}'), suffix=suffix) as (upstream, wjdh):
        await wjdh.shenhes("1", ShenheQuery())
        await wjdh.shenhe(1)
        await wjdh.decide_shenhe(1, ShenheStatus.APPROVED)
        await wjdh.orders("1", OrderQuery())
        await wjdh.modules("1")
        await wjdh.set_module("1", "物业报修", True)
        await wjdh.repairs("1", RepairQuery(status=RepairStatus.OPEN))
        await wjdh.repair(1)
        await wjdh.update_repair(1, RepairStatus.OPEN)
        for write in (wjdh.create_order(ORDER), wjdh.create_announcement(ANNOUNCEMENT)):
            with pytest.raises(ProtocolError):
                await write
    assert [request.split(b" HTTP")[0].decode() for request in upstream.requests] == [
        "POST /api/v1/wjdh/secret",
        "POST /api/v1/wjdh/shenheList",
        "POST /api/v1/wjdh/shenhe",
        "PUT /api/v1/wjdh/shenhe",
        "POST /api/v1/order/list",
        "POST /api/v1/wjdh/modules",
        "PUT /api/v1/wjdh/module",
        "POST /api/v1/wjdh/repair/list",
        "POST /api/v1/repair",
        "PUT /api/v1/repair",
        "POST /api/v1/order/new",
        "POST /api/v1/announcement/new",
    ]


async def test_quirk_062_063_065_forms_send_digits_and_utf8() -> None:
    async with wjdh_over(LOGIN, http(b'{"code":0,"data":[],"pages":null}')) as (upstream, wjdh):
        await wjdh.orders(
            "00001",
            OrderQuery(building=1, name="李·明 &=+𠮷", status=OrderStatus.CLOSED, payment_status=PaymentStatus.PAID),
        )
    body = upstream.requests[1].partition(b"\r\n\r\n")[2].decode("ascii")
    assert dict(parse_qsl(body, strict_parsing=True)) == {
        "xiaoqu": "00001",
        "louhao": "1",
        "name": "李·明 &=+𠮷",
        "status": "0",
        "paied": "1",
        "page": "1",
    }


async def test_quirk_109_110_order_sends_exact_money_and_json(platforms: Platforms, sandbox: Sandbox) -> None:
    await platforms.wjdh.create_order(ORDER)
    form = last_call(sandbox).form
    assert form["amount"] == "12.50"
    assert json.loads(form["identifier"]) == {"louhao": "1", "danyuan": "1", "louceng": "1", "fangjian": "101"}
    assert json.loads(form["extra"]) == {"单价": "100元/平方"}


async def test_quirk_134_135_requests_name_page_and_size(platforms: Platforms, sandbox: Sandbox) -> None:
    await platforms.wjdh.shenhes(COMMUNITY, ShenheQuery(), page=2, per_page=7)
    assert last_call(sandbox).form == {"community_identifier": COMMUNITY, "page": "2", "per_page": "7"}
    await platforms.wjdh.repairs(COMMUNITY, RepairQuery(status=RepairStatus.RESOLVED), 3, 9)
    assert last_call(sandbox).form == {"xiaoqu": COMMUNITY, "status": "1", "page": "3", "per_page": "9"}
    await platforms.wjdh.orders(COMMUNITY, OrderQuery(), 2)
    assert last_call(sandbox).form == {"xiaoqu": COMMUNITY, "page": "2"}


async def test_quirk_144_145_decision_sends_only_a_given_reason(platforms: Platforms, sandbox: Sandbox) -> None:
    await platforms.wjdh.decide_shenhe(1, ShenheStatus.REJECTED)
    assert last_call(sandbox).form == {"id": "1", "status": "0"}
    await platforms.wjdh.decide_shenhe(1, ShenheStatus.REJECTED, content='{"people":{}}', reason="照片不清")
    assert last_call(sandbox).form == {
        "id": "1",
        "status": "0",
        "content": '{"people":{}}',
        "shenhe_refuse_reason": "照片不清",
    }


async def test_quirk_168_undeveloped_endpoints_are_not_offered(platforms: Platforms) -> None:
    endpoints = platforms.wjdh.endpoints
    assert endpoints["bill/list"].availability is Availability.NOT_OFFERED
    assert endpoints["complaint/list"].availability is Availability.NOT_OFFERED
    assert sum(state.availability is Availability.AVAILABLE for state in endpoints.values()) == 12


async def test_quirk_188_repr_hides_secrets_and_tokens(platforms: Platforms) -> None:
    await platforms.wjdh.modules("00001")
    for secret in ("sandbox-secret-key", "wjdh.sandbox.1"):
        assert secret not in repr(platforms)
        assert secret not in repr(platforms.wjdh.session)
