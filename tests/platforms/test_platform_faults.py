"""The error of each platform fault, for reads and writes of both platforms; limits, circuits, probes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from decimal import Decimal

import httpx
import pytest
from scripted_server import closed_port, http, scripted
from waiting import until

from gateway.errors import (
    ConnectionLostError,
    NotSentError,
    PlatformAuthError,
    PlatformBusyError,
    PlatformError,
    PlatformTimeoutError,
    ProtocolError,
    QueryTooComplexError,
)
from gateway.normalise.records import HouseKey
from gateway.normalise.requests import NewOrder, PhonePayer
from gateway.normalise.states import Availability
from gateway.ops.trace import METER, Meter
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.platforms.wjdh import Wjdh
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.settings import Settings, SettingsError, load_settings

TIMEOUT = 0.5
ORDER = NewOrder(community_code="10002", payer=PhonePayer("19900000001"), title="水费", amount=Decimal("0.01"))
PAYMENT = ("20201213104759976889", "1900000109", "4200000000202012131047599768")

READS = ("modules", "owner")
TIMED_OUT = (PlatformTimeoutError, True)
UNREADABLE = (ProtocolError, True)
NO_ERROR = None

TABLE = [
    # the fault, and what a call becomes: its error and whether the platform may have carried it out
    (FaultKind.RESET, (ConnectionLostError, True)),
    (FaultKind.HTTP_500, UNREADABLE),
    (FaultKind.TOO_MANY_REQUESTS, (PlatformBusyError, False)),
    (FaultKind.EXPIRED_TOKEN, (PlatformAuthError, False)),
    (FaultKind.HANG, TIMED_OUT),
    (FaultKind.LATENCY, TIMED_OUT),
    (FaultKind.SLOW_DRIP, TIMED_OUT),
    (FaultKind.TRUNCATED, (ConnectionLostError, True)),
    (FaultKind.CLOSED_AFTER, NO_ERROR),
    (FaultKind.GZIP_BOMB, UNREADABLE),
    (FaultKind.GARBAGE, UNREADABLE),
    (FaultKind.EMPTY_BODY, UNREADABLE),
    (FaultKind.DEEP_NESTING, UNREADABLE),
    (FaultKind.PHP_NOTICE, NO_ERROR),
    (FaultKind.BOM, NO_ERROR),
    (FaultKind.GBK, NO_ERROR),
    (FaultKind.TRAILING_COMMA, NO_ERROR),
]


@pytest.fixture
async def short_timeout(sandbox: Sandbox) -> AsyncIterator[Platforms]:
    """The clients with little time, for platforms that take much."""
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": str(TIMEOUT)})
    async with aclosing(make_platforms(settings)) as opened:
        yield opened


async def call_outcome(platforms: Platforms, endpoint: str) -> tuple[type[PlatformError], bool] | None:
    """What a call to the endpoint becomes."""
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "modules": lambda: platforms.wjdh.modules("10002"),
        "order/new": lambda: platforms.wjdh.create_order(ORDER),
        "owner": lambda: platforms.security.house_owner(HouseKey("10002", 1, 1, 1, 101)),
        "callback": lambda: platforms.security.deliver_payment(*PAYMENT),
    }
    try:
        await calls[endpoint]()
    except PlatformError as error:
        return type(error), error.sent
    return NO_ERROR


@pytest.mark.parametrize(
    ("platform", "endpoint"),
    [("WJDH", "modules"), ("WJDH", "order/new"), ("SECURITY", "owner"), ("SECURITY", "callback")],
)
async def test_fault_becomes_its_error_and_passes(
    platforms: Platforms, short_timeout: Platforms, sandbox: Sandbox, platform: str, endpoint: str
) -> None:
    for kind, outcome in TABLE:
        seconds = TIMEOUT * (1.2 if kind is FaultKind.LATENCY else 0.25)
        sandbox.reset_calls()
        sandbox.faults.set(platform, endpoint, Fault(kind, seconds=seconds))
        client = short_timeout if outcome == TIMED_OUT else platforms
        assert await call_outcome(client, endpoint) == outcome, kind
        # A read is repeated when a keep-alive connection ends without an answer: it may have been closing (quirk 193).
        is_asked_again = kind is FaultKind.EXPIRED_TOKEN or (kind is FaultKind.RESET and endpoint in READS)
        assert sandbox.count(platform, endpoint) == (2 if is_asked_again else 1), kind
        sandbox.faults.clear()
        assert await call_outcome(platforms, endpoint) is NO_ERROR, kind


async def test_quirk_191_busy_platform_has_retry_after(platforms: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.TOO_MANY_REQUESTS, seconds=37))
    with pytest.raises(PlatformBusyError) as caught:
        await platforms.wjdh.modules("10002")
    assert caught.value.extensions()["retryAfter"] == 37.0
    assert caught.value.retryable


async def test_quirk_193_write_survives_a_closing_connection(platforms: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.CLOSED_AFTER))
    await platforms.wjdh.modules("10002")
    for _ in range(5):
        await platforms.wjdh.create_order(ORDER)
    assert len(sandbox.effects.all()) == 5


@pytest.mark.parametrize(("platform", "endpoint"), [("WJDH", "order/new"), ("SECURITY", "callback")])
@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.HTTP_500, FaultKind.HANG, FaultKind.TRUNCATED])
async def test_write_without_a_token_is_not_sent(
    short_timeout: Platforms, sandbox: Sandbox, platform: str, endpoint: str, kind: FaultKind
) -> None:
    login = {"WJDH": "secret", "SECURITY": "token"}[platform]
    sandbox.faults.set(platform, login, Fault(kind))
    call = (
        short_timeout.wjdh.create_order(ORDER)
        if platform == "WJDH"
        else short_timeout.security.deliver_payment(*PAYMENT)
    )
    with pytest.raises(PlatformError) as caught:
        await call
    assert not caught.value.sent
    assert caught.value.endpoint == login
    assert sandbox.count(platform, endpoint) == 0


async def test_unreachable_platform_means_not_sent() -> None:
    async with (
        closed_port() as port,
        aclosing(make_platforms(Settings(wjdh_url=f"http://127.0.0.1:{port}"))) as platforms,
    ):
        with pytest.raises(NotSentError, match="Connection refused") as caught:
            await platforms.wjdh.create_order(ORDER)
    assert str(port) not in f"{caught.value!r}"


async def test_calls_to_a_platform_are_bounded(sandbox: Sandbox) -> None:
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.LATENCY, seconds=0.02))
    settings = load_settings({**sandbox.settings(), "GATEWAY_WJDH_CONCURRENCY": "3"})
    async with aclosing(make_platforms(settings)) as platforms:
        answers = await asyncio.gather(*(platforms.wjdh.modules("10002") for _ in range(12)))
    assert all(len(modules) == 9 for modules in answers)
    assert sandbox.wjdh.max_concurrent == 3
    assert sandbox.wjdh.connections_opened <= 3


async def test_write_without_slot_or_connection_is_not_sent(
    short_timeout: Platforms, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await short_timeout.wjdh.modules("10002")  # there is a token, so that the write itself is what waits
    slots = short_timeout.wjdh.slots
    unused = slots.free, slots.spare
    slots.free = slots.spare = 0
    with pytest.raises(NotSentError, match="Too many calls"):
        await short_timeout.wjdh.create_order(ORDER)
    slots.free, slots.spare = unused

    async def too_late(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", too_late)
    with pytest.raises(PlatformTimeoutError, match="No connection") as caught:
        await short_timeout.wjdh.create_order(ORDER)
    assert not caught.value.sent
    assert sandbox.effects.all() == []


async def test_internal_error_in_the_reader_is_raised_to_caller(
    platforms: Platforms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_bug(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Wjdh, "_accept", raise_bug)
    async with asyncio.timeout(60):
        with pytest.raises(ZeroDivisionError):
            await platforms.wjdh.modules("10002")


async def test_garbled_answers_and_refusals_open_no_circuit(platforms: Platforms, sandbox: Sandbox) -> None:
    for kind in (FaultKind.HTTP_500, FaultKind.GARBAGE, FaultKind.TOO_MANY_REQUESTS, FaultKind.GZIP_BOMB):
        sandbox.faults.set("SECURITY", "owner", Fault(kind))
        for _ in range(10):
            assert await call_outcome(platforms, "owner") is not NO_ERROR
    assert platforms.security.healthy


async def test_cancelled_caller_frees_slot_and_circuit(platforms: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
    for _ in range(40):
        call = asyncio.create_task(call_outcome(platforms, "owner"))
        await until(lambda: sandbox.security.max_concurrent > 0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        sandbox.reset_calls()
    sandbox.faults.clear()
    assert await call_outcome(platforms, "owner") is NO_ERROR
    assert platforms.security.healthy


async def test_cancelled_circuit_trial_stays_free(platforms: Platforms, sandbox: Sandbox) -> None:
    breaker = platforms.security.routes["owner"].breaker
    for _ in range(8):
        breaker.failed()
    breaker._cooldown = 0.0
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
    call = asyncio.create_task(call_outcome(platforms, "owner"))
    await until(lambda: sandbox.count("SECURITY", "owner") == 1)
    call.cancel()
    await asyncio.wait([call])
    sandbox.faults.clear()

    assert await call_outcome(platforms, "owner") is NO_ERROR
    assert platforms.security.healthy


async def test_operation_at_its_limit_leaves_the_circuit_trial_free(platforms: Platforms) -> None:
    breaker = platforms.security.routes["owner"].breaker
    for _ in range(8):
        breaker.failed()
    breaker._cooldown = 0.0
    spent = METER.set(Meter(calls=1, limit=1))
    with pytest.raises(QueryTooComplexError):
        await call_outcome(platforms, "owner")
    METER.reset(spent)

    assert await call_outcome(platforms, "owner") is NO_ERROR


async def test_probes_try_every_read_and_no_write(platforms: Platforms, sandbox: Sandbox) -> None:
    clients = platforms.wjdh, platforms.security
    probes = {name: await client.probe(name) for client in clients for name in client.endpoints}
    tried = {name for name, probe in probes.items() if probe.seconds is not None}
    assert tried == {
        *("secret", "shenheList", "shenhe", "order/list", "modules", "repair/list", "repair"),
        *("token", "people", "owner", "modules-sync"),
    }
    assert all(probes[name].reachable and probes[name].token for name in tried)
    assert (probes["shenhe"].answer, probes["order/list"].answer) == ("OK", "code 1")
    assert probes["bill/list"].answer == Availability.NOT_OFFERED
    assert sandbox.effects.all() == []


@pytest.mark.parametrize(
    ("kind", "reachable", "token", "answer"),
    [
        (FaultKind.HANG, False, None, "UPSTREAM_TIMEOUT"),
        (FaultKind.RESET, False, None, "UPSTREAM_UNAVAILABLE"),
        (FaultKind.GARBAGE, True, None, "UPSTREAM_PROTOCOL"),
        (FaultKind.TOO_MANY_REQUESTS, True, None, "UPSTREAM_UNAVAILABLE"),
        (FaultKind.EXPIRED_TOKEN, True, False, "UPSTREAM_AUTH"),
    ],
)
async def test_probe_reports_each_step(
    short_timeout: Platforms, sandbox: Sandbox, kind: FaultKind, reachable: bool, token: bool | None, answer: str
) -> None:
    sandbox.faults.set("SECURITY", "modules-sync", Fault(kind))
    probe = await short_timeout.security.probe("modules-sync")
    assert (probe.reachable, probe.token, probe.answer) == (reachable, token, answer)


async def test_probe_without_a_token_reports_its_failure(platforms: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("SECURITY", "token", Fault(FaultKind.RESET))
    probe = await platforms.security.probe("modules-sync")
    assert (probe.reachable, probe.token, probe.answer) == (None, False, "UPSTREAM_UNAVAILABLE")
    with pytest.raises(KeyError):
        await platforms.security.probe("nothing")


async def test_short_code_without_orders_may_lack_zeros() -> None:
    login, empty = http(b'{"code":"0","access_token":"abc"}'), http(b'{"code":"0","data":[]}')
    async with (
        scripted(login, empty) as upstream,
        aclosing(make_platforms(Settings(wjdh_url=f"http://127.0.0.1:{upstream.port}"))) as others,
    ):
        probes = [await probe for probe in others.wjdh.probe_communities(["10002", "1"])]
    what = "order/list: community 1 has no orders: is it the account's, with all its leading zeros?"
    assert [probe.problem for probe in probes] == [None, what]


@pytest.fixture
def sent_by_httpx(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of the requests that httpx clients send."""
    sent: list[str] = []
    send = httpx.AsyncClient.send

    async def note(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        return await send(client, request)

    monkeypatch.setattr(httpx.AsyncClient, "send", note)
    return sent


async def test_logins_and_writes_are_httpx_calls(
    platforms: Platforms, sandbox: Sandbox, sent_by_httpx: list[str]
) -> None:
    await platforms.wjdh.modules("10002")
    await platforms.wjdh.create_order(ORDER)
    by_httpx = ["/api/v1/wjdh/secret", "/api/v1/order/new"]
    if "GATEWAY_UPSTREAM_PROXY" in sandbox.settings():
        by_httpx.insert(1, "/api/v1/wjdh/modules")
    assert sent_by_httpx == by_httpx


async def test_check_makes_httpx_calls_alone(sandbox: Sandbox, sent_by_httpx: list[str]) -> None:
    async with aclosing(make_platforms(load_settings(sandbox.settings()), reads_by_engine=False)) as platforms:
        for client in (platforms.wjdh, platforms.security):
            for name in client.endpoints:
                await client.probe(name)
    assert len(sent_by_httpx) == len(sandbox.calls) > 10


async def test_cookies_are_not_sent_back() -> None:
    cookie = http(b'{"code":0,"data":"2020"}', b"Set-Cookie: a=b")
    async with (
        scripted(http(b'{"code":"0","access_token":"abc"}', b"Set-Cookie: a=b"), cookie) as upstream,
        aclosing(make_platforms(Settings(wjdh_url=f"http://127.0.0.1:{upstream.port}"))) as others,
    ):
        for _ in range(2):
            await others.wjdh.create_order(ORDER)
    assert len(upstream.requests) == 3
    assert not [request for request in upstream.requests if b"cookie" in request.lower()]


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://127.0.0.1", "http://", "http://[::1"])
async def test_invalid_platform_url_is_refused_at_start(url: str) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_WJDH_URL"):
        async with aclosing(make_platforms(Settings(wjdh_url=url))):
            pass
    with pytest.raises(SettingsError, match="GATEWAY_SECURITY_URL"):
        async with aclosing(make_platforms(Settings(security_url=url, security_token_path="/token"))):
            pass


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://u:sesame@h/path", "h:80"]
)
def test_unusable_proxy_is_refused_by_name_alone(url: str) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_PROXY: must be") as caught:
        make_platforms(load_settings({"GATEWAY_UPSTREAM_PROXY": url}))
    assert "sesame" not in str(caught.value)
