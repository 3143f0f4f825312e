"""The error of each platform fault, for reads and writes of both platforms; limits, circuits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from contextvars import Context
from decimal import Decimal

import pytest
from scripted_server import http, scripted
from waiting import until

from gateway.entities import ENDPOINTS
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
from gateway.modules import read_modules
from gateway.normalise.records import HouseKey
from gateway.ops.trace import METER, Meter
from gateway.orders.record import NewOrder, PhonePayer
from gateway.orders.writes import create_order
from gateway.payments.writes import deliver_payment
from gateway.people import read_house_owner
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.platforms.wjdh import Wjdh
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.settings import Settings, SettingsError, load_settings
from gateway.wording.faults import FaultWording

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
    async with aclosing(make_platforms(settings, ENDPOINTS)) as opened:
        yield opened


async def call_outcome(platforms: Platforms, endpoint: str) -> tuple[type[PlatformError], bool] | None:
    """What a call to the endpoint becomes."""
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "modules": lambda: read_modules(platforms.wjdh, "10002"),
        "order/new": lambda: create_order(platforms.wjdh, ORDER),
        "owner": lambda: read_house_owner(platforms.security, HouseKey("10002", 1, 1, 1, 101)),
        "callback": lambda: deliver_payment(platforms.security, *PAYMENT),
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
        await read_modules(platforms.wjdh, "10002")
    assert caught.value.extensions()["retryAfter"] == 37.0
    assert caught.value.retryable


async def test_quirk_193_write_survives_a_closing_connection(platforms: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.CLOSED_AFTER))
    await read_modules(platforms.wjdh, "10002")
    for _ in range(5):
        await create_order(platforms.wjdh, ORDER)
    assert len(sandbox.effects.all()) == 5


@pytest.mark.parametrize(("platform", "endpoint"), [("WJDH", "order/new"), ("SECURITY", "callback")])
@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.HTTP_500, FaultKind.HANG, FaultKind.TRUNCATED])
async def test_write_without_a_token_is_not_sent(
    short_timeout: Platforms, sandbox: Sandbox, platform: str, endpoint: str, kind: FaultKind
) -> None:
    login = {"WJDH": "secret", "SECURITY": "token"}[platform]
    sandbox.faults.set(platform, login, Fault(kind))
    call = (
        create_order(short_timeout.wjdh, ORDER)
        if platform == "WJDH"
        else deliver_payment(short_timeout.security, *PAYMENT)
    )
    with pytest.raises(PlatformError) as caught:
        await call
    assert not caught.value.sent
    assert caught.value.endpoint == login
    assert sandbox.count(platform, endpoint) == 0


async def test_calls_to_a_platform_are_bounded(sandbox: Sandbox) -> None:
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.LATENCY, seconds=0.02))
    settings = load_settings({**sandbox.settings(), "GATEWAY_WJDH_CONCURRENCY": "3"})
    async with aclosing(make_platforms(settings, ENDPOINTS)) as platforms:
        answers = await asyncio.gather(*(read_modules(platforms.wjdh, "10002") for _ in range(12)))
    assert all(len(modules) == 9 for modules in answers)
    assert sandbox.wjdh.max_concurrent == 3
    assert sandbox.wjdh.connections_opened <= 3


async def test_write_without_slot_or_connection_is_not_sent(
    short_timeout: Platforms, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read_modules(short_timeout.wjdh, "10002")  # there is a token, so that the write itself is what waits
    slots = short_timeout.wjdh.slots
    limit, slots.limit = slots.limit, 0
    with pytest.raises(NotSentError, match="Too many calls"):
        await create_order(short_timeout.wjdh, ORDER)
    slots.limit = limit

    async def too_late(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", too_late)
    with pytest.raises(PlatformTimeoutError, match="No connection") as caught:
        await create_order(short_timeout.wjdh, ORDER)
    assert not caught.value.sent
    assert sandbox.effects.all() == []


async def test_internal_error_in_the_reader_is_raised_to_caller(
    platforms: Platforms, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_bug(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Wjdh, "accept", raise_bug)
    async with asyncio.timeout(60):
        with pytest.raises(ZeroDivisionError):
            await read_modules(platforms.wjdh, "10002")


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


@pytest.fixture
def half_open(platforms: Platforms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The circuit of `owner` lets one call through."""
    monkeypatch.setattr("gateway.ops.calls.COOLDOWN", 0.0)
    calls = platforms.security.routes["owner"].calls
    error = NotSentError("SECURITY", "owner", FaultWording.RESTING())
    for _ in range(8):
        calls.end(error.code, 0.0, Context(), error, reached=False)


@pytest.mark.usefixtures("half_open")
async def test_cancelled_circuit_trial_stays_free(platforms: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
    call = asyncio.create_task(call_outcome(platforms, "owner"))
    await until(lambda: sandbox.count("SECURITY", "owner") == 1)
    call.cancel()
    await asyncio.wait([call])
    sandbox.faults.clear()

    assert await call_outcome(platforms, "owner") is NO_ERROR
    assert platforms.security.healthy


@pytest.mark.usefixtures("half_open")
async def test_operation_at_its_limit_leaves_the_circuit_trial_free(platforms: Platforms) -> None:
    spent = METER.set(Meter(calls=1, limit=1))
    with pytest.raises(QueryTooComplexError):
        await call_outcome(platforms, "owner")
    METER.reset(spent)

    assert await call_outcome(platforms, "owner") is NO_ERROR


async def test_cookies_are_not_sent_back() -> None:
    cookie = http(b'{"code":0,"data":"2020"}', b"Set-Cookie: a=b")
    async with (
        scripted(http(b'{"code":"0","access_token":"abc"}', b"Set-Cookie: a=b"), cookie) as upstream,
        aclosing(make_platforms(Settings(wjdh_url=f"http://127.0.0.1:{upstream.port}"), ENDPOINTS)) as others,
    ):
        for _ in range(2):
            await create_order(others.wjdh, ORDER)
    assert len(upstream.requests) == 3
    assert not [request for request in upstream.requests if b"cookie" in request.lower()]


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://u:sesame@h/path", "h:80"]
)
def test_unusable_proxy_is_refused_by_name_alone(url: str) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_PROXY: must be") as caught:
        make_platforms(load_settings({"GATEWAY_UPSTREAM_PROXY": url}), ENDPOINTS)
    assert "sesame" not in str(caught.value)
