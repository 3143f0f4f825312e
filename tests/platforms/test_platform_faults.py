"""What becomes of calls that fail or are cancelled; their bound, and circuits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from contextvars import Context
from decimal import Decimal

import pytest
from waiting import until

from gateway.entities import ENDPOINTS
from gateway.errors import NotSentError, PlatformError, PlatformTimeoutError, QueryTooComplexError
from gateway.modules import read_modules
from gateway.normalise.records import HouseKey
from gateway.ops.trace import METER, Meter
from gateway.orders.record import NewOrder, OrderQuery, Payer
from gateway.orders.writes import create_order
from gateway.payments.writes import deliver_payment
from gateway.people import HouseOwner, read_house_owner
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.platforms.wjdh import Wjdh
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.settings import SettingsError, load_settings
from gateway.wording.faults import FaultWording

ORDER = NewOrder(
    community_code="10002", payer=Payer("phone", OrderQuery(phone="19900000001")), title="水费", amount=Decimal("0.01")
)


@pytest.fixture
async def short_timeout(sandbox: Sandbox) -> AsyncIterator[Platforms]:
    """The clients with little time, for platforms that take much."""
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": "0.5"})
    async with aclosing(make_platforms(settings, ENDPOINTS)) as opened:
        yield opened


def read_owner(platforms: Platforms) -> Awaitable[HouseOwner | None]:
    return read_house_owner(platforms.security, HouseKey("10002", 1, 1, 1, 101))


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.HTTP_500, FaultKind.HANG, FaultKind.TRUNCATED])
async def test_write_without_a_token_is_not_sent(short_timeout: Platforms, sandbox: Sandbox, kind: FaultKind) -> None:
    async def deliver() -> None:
        await deliver_payment(short_timeout.security, "20201213104759976889", "1900000109", "42")

    for platform, login, call in (
        ("WJDH", "secret", lambda: create_order(short_timeout.wjdh, ORDER)),
        ("SECURITY", "token", deliver),
    ):
        sandbox.faults.set(platform, login, Fault(kind))
        with pytest.raises(PlatformError) as caught:
            await call()
        assert (caught.value.sent, caught.value.endpoint) == (False, login)
    assert {endpoint for _, endpoint in sandbox.counts()} == {"secret", "token"}


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
            with pytest.raises(PlatformError):
                await read_owner(platforms)
    assert platforms.security.healthy


async def cancel_in_flight(platforms: Platforms, sandbox: Sandbox) -> None:
    """Cancel a call that the platform does not answer."""
    sandbox.reset_calls()
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
    call = asyncio.ensure_future(read_owner(platforms))
    await until(lambda: sandbox.count("SECURITY", "owner") == 1)
    call.cancel()
    await asyncio.wait([call])
    sandbox.faults.clear()


async def test_cancelled_calls_open_no_circuit(platforms: Platforms, sandbox: Sandbox) -> None:
    for _ in range(10):
        await cancel_in_flight(platforms, sandbox)
    assert await read_owner(platforms) is not None
    assert platforms.security.healthy
    assert platforms.security.slots.taken == 0


@pytest.fixture
def half_open(platforms: Platforms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The circuit of `owner` lets one call through."""
    monkeypatch.setattr("gateway.ops.calls.COOLDOWN", 0.0)
    calls = platforms.security.routes["owner"].calls
    error = NotSentError("SECURITY", "owner", FaultWording.RESTING())
    for _ in range(8):
        calls.end(error.code, 0.0, Context(), error, reached=False)


@pytest.mark.usefixtures("half_open")
async def test_circuit_trial_that_is_cancelled_or_beyond_the_limit_stays_free(
    platforms: Platforms, sandbox: Sandbox
) -> None:
    await cancel_in_flight(platforms, sandbox)
    spent = METER.set(Meter(calls=1, limit=1))
    with pytest.raises(QueryTooComplexError):
        await read_owner(platforms)
    METER.reset(spent)

    assert await read_owner(platforms) is not None
    assert platforms.security.healthy


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://u:sesame@h/path", "h:80"]
)
def test_unusable_proxy_is_refused_by_name_alone(url: str) -> None:
    with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_PROXY: must be") as caught:
        make_platforms(load_settings({"GATEWAY_UPSTREAM_PROXY": url}), ENDPOINTS)
    assert "sesame" not in str(caught.value)
