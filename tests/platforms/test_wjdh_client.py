"""The wjdh client against the sandbox: what is sent, what comes back, one test per quirk of the client's side."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal

import pytest
from scripted_server import ScriptedServer, Step, http, scripted
from standing_clock import Clock

from gateway.entities import ENDPOINTS
from gateway.errors import PlatformAuthError, ProtocolError, RefusedError
from gateway.modules import read_modules, set_module
from gateway.orders.reads import ORDERS
from gateway.orders.record import NewOrder, OrderQuery, Payer
from gateway.orders.writes import create_order
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.platforms.wjdh import Wjdh
from gateway.repairs import REPAIRS, RepairQuery, RepairStatus
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.log import LoggedCall
from gateway.sandbox.server import Sandbox
from gateway.settings import Settings
from gateway.shenhe.record import SHENHES, ShenheQuery

COMMUNITY = "10002"
ORDER = NewOrder(
    community_code=COMMUNITY,
    payer=Payer("house", OrderQuery(building=1, unit=1, floor=1, room=101)),
    title="物业费",
    amount=Decimal("12.50"),
)
LOGIN = http(b'{"code":"0","access_token":"abc","token_type":"Bearer","expires_in":3600}')


@asynccontextmanager
async def wjdh_over(*script: Step, suffix: str = "") -> AsyncIterator[tuple[ScriptedServer, Wjdh]]:
    """The client over a server whose bytes the test chooses."""
    async with (
        scripted(*script) as upstream,
        aclosing(
            make_platforms(Settings(wjdh_url=f"http://127.0.0.1:{upstream.port}{suffix}"), ENDPOINTS)
        ) as platforms,
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
        lambda: SHENHES.read_page(wjdh, COMMUNITY, ShenheQuery(), 0),
        lambda: ORDERS.read_page(wjdh, COMMUNITY, OrderQuery(), 0),
        lambda: REPAIRS.read_page(wjdh, COMMUNITY, RepairQuery(), 0),
    ]
    for read in reads:
        with pytest.raises(ValueError, match="page 0"):
            read()
    assert sandbox.counts() == {}


async def test_quirk_028_unknown_community_opens_no_circuit(platforms: Platforms, sandbox: Sandbox) -> None:
    for _ in range(20):
        with pytest.raises(RefusedError) as caught:
            await SHENHES.read_page(platforms.wjdh, "99999", ShenheQuery())
    assert not caught.value.retryable
    assert sandbox.count("WJDH", "shenheList") == 20
    assert platforms.wjdh.healthy


async def test_quirk_036_038_token_is_sent_only_as_bearer_header(platforms: Platforms, sandbox: Sandbox) -> None:
    await read_modules(platforms.wjdh, "00001")
    call = last_call(sandbox)
    assert call.headers["authorization"] == "Bearer wjdh.sandbox.1"
    assert call.form == {"xiaoqu": "00001"}


@pytest.mark.parametrize(
    ("token_type", "scheme"),
    [
        ('"JWT"', b"JWT"),
        *((odd, b"Bearer") for odd in ('""', "null", "1", '"Bearer <JWT>"', '"Bearer\\r\\nX: y"')),
    ],
)
async def test_quirk_038_token_type_is_used_as_sent_if_valid(token_type: str, scheme: bytes) -> None:
    login = http(f'{{"code":"0","access_token":"abc","token_type":{token_type},"expires_in":3600}}'.encode())
    async with wjdh_over(login, http(b'{"code":0,"data":[]}')) as (upstream, wjdh):
        await read_modules(wjdh, "1")
    assert b"\r\nAuthorization: %b abc\r\n" % scheme in upstream.requests[1]


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [("600", 600), ('"600"', 600), ("600.0", 600), ('"soon"', 3600), ('"3600(秒)"', 3600), ("null", 3600), ("0", 3600)],
)
async def test_quirk_039_token_lifetime_defaults_to_an_hour(expires_in: str, seconds: int) -> None:
    login = http(f'{{"code":"0","access_token":"abc","expires_in":{expires_in}}}'.encode())
    async with wjdh_over(login, http(b'{"code":0,"data":[]}')) as (upstream, wjdh):
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
        b'{"access_token":""}',
        b'{"access_token":12}',
        b'{"access_token":"a b"}',
        b'{"access_token":"a\\r\\nX: y"}',
    ],
)
async def test_quirk_025_login_without_token_is_an_error(body: bytes) -> None:
    async with wjdh_over(http(body)) as (upstream, wjdh):
        with pytest.raises(ProtocolError) as caught:
            await create_order(wjdh, ORDER)
    assert not caught.value.sent
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("status", [200, 401])
async def test_quirk_011_call_is_replayed_with_a_new_token(platforms: Platforms, sandbox: Sandbox, status: int) -> None:
    await read_modules(platforms.wjdh, "00001")
    sandbox.reset_calls()
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.EXPIRED_TOKEN, status=status), times=1)
    assert len(await read_modules(platforms.wjdh, "00001")) == 9
    assert sandbox.counts() == {("WJDH", "modules"): 2, ("WJDH", "secret"): 1}
    assert last_call(sandbox).headers["authorization"] == "Bearer wjdh.sandbox.2"


@pytest.mark.parametrize("data", ["null", '""', "[]"])
async def test_quirk_010_expired_token_is_not_a_missing_record(
    platforms: Platforms, sandbox: Sandbox, data: str
) -> None:
    body = f'{{"code": "1", "token_expired": "0", "msg": "请重新建立智慧平台鉴权连接", "data": {data}}}'
    answering(sandbox, "shenhe", body)
    assert await SHENHES.read_record(platforms.wjdh, 1) is not None
    answering(sandbox, "repair", body)
    assert await REPAIRS.read_record(platforms.wjdh, 1) is not None
    assert sandbox.count("WJDH", "secret") == 3


async def test_quirk_011_token_expiring_again_is_an_auth_error(platforms: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.EXPIRED_TOKEN))
    for _ in range(10):
        with pytest.raises(PlatformAuthError) as caught:
            await read_modules(platforms.wjdh, "00001")
    assert caught.value.endpoint == "modules"
    assert sandbox.count("WJDH", "secret") == 2
    assert len((await ORDERS.read_page(platforms.wjdh, COMMUNITY, OrderQuery())).items) == 15


@pytest.mark.parametrize("suffix", ["", "/", "/api/v1", "/api/v1/"])
async def test_quirk_043_049_052_paths_and_methods_match(suffix: str) -> None:
    async with wjdh_over(LOGIN, http(b'{"code":0,"data":[]}'), suffix=suffix) as (upstream, wjdh):
        await SHENHES.read_page(wjdh, "1", ShenheQuery())
        await ORDERS.read_page(wjdh, "1", OrderQuery())
        await set_module(wjdh, "1", "物业报修", True)
    assert [request.split(b" HTTP")[0].decode() for request in upstream.requests] == [
        "POST /api/v1/wjdh/secret",
        "POST /api/v1/wjdh/shenheList",
        "POST /api/v1/order/list",
        "PUT /api/v1/wjdh/module",
    ]


async def test_quirk_134_135_requests_name_page_and_size(platforms: Platforms, sandbox: Sandbox) -> None:
    await SHENHES.read_page(platforms.wjdh, COMMUNITY, ShenheQuery(), page=2, per_page=7)
    assert last_call(sandbox).form == {"community_identifier": COMMUNITY, "page": "2", "per_page": "7"}
    await REPAIRS.read_page(platforms.wjdh, COMMUNITY, RepairQuery(status=RepairStatus.RESOLVED), 3, 9)
    assert last_call(sandbox).form == {"xiaoqu": COMMUNITY, "status": "1", "page": "3", "per_page": "9"}
    await ORDERS.read_page(platforms.wjdh, COMMUNITY, OrderQuery(), 2)
    assert last_call(sandbox).form == {"xiaoqu": COMMUNITY, "page": "2"}


async def test_quirk_188_repr_hides_secrets_and_tokens(platforms: Platforms) -> None:
    await read_modules(platforms.wjdh, "00001")
    for secret in ("sandbox-secret-key", "wjdh.sandbox.1"):
        assert secret not in repr(platforms)
        assert secret not in repr(platforms.wjdh.session)
