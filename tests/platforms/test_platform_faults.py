"""What becomes of calls that fail, are slow or are cancelled: how they are counted and logged, and circuits."""

import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Iterator, MutableMapping
from contextlib import aclosing
from contextvars import Context
from decimal import Decimal
from typing import Any

import pytest
from exposed import by_labels, read, value
from standing_clock import Clock
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs
from waiting import until

from gateway.entities import ENDPOINTS
from gateway.errors import NotSentError, PlatformError, PlatformTimeoutError, ProtocolError, QueryTooComplexError
from gateway.modules import read_modules
from gateway.normalise.records import HouseKey
from gateway.normalise.vocabulary import CircuitState
from gateway.ops.calls import BUCKETS, CANCELLED, COOLDOWN, MIN_CALLS, OK, WINDOW, EndpointCalls
from gateway.ops.logs import QUIET_SECONDS
from gateway.ops.metrics import Metrics
from gateway.ops.trace import METER, Meter
from gateway.orders.record import NewOrder, OrderQuery, Payer
from gateway.orders.writes import create_order
from gateway.people import HouseOwner, read_house_owner
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.platforms.wjdh import Wjdh
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.settings import SettingsError, load_settings
from gateway.wording.faults import FaultWording

HOUSE = HouseKey("10002", 1, 1, 1, 101)
ORDER = NewOrder(
    community_code="10002", payer=Payer("phone", OrderQuery(phone="19900000001")), title="水费", amount=Decimal("0.01")
)


@pytest.fixture
async def short_timeout(sandbox: Sandbox, metrics: Metrics) -> AsyncIterator[Platforms]:
    """The clients with little time, for platforms that take much."""
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": "0.5"})
    async with aclosing(make_platforms(settings, ENDPOINTS, metrics=metrics)) as opened:
        yield opened


def read_owner(platforms: Platforms) -> Awaitable[HouseOwner | None]:
    return read_house_owner(platforms.security, HOUSE)


async def test_write_without_a_token_in_time_is_not_sent(short_timeout: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("WJDH", "secret", Fault(FaultKind.HANG))
    with pytest.raises(PlatformTimeoutError) as caught:
        await create_order(short_timeout.wjdh, ORDER)
    assert (caught.value.sent, caught.value.endpoint) == (False, "secret")
    assert sandbox.counts() == {("WJDH", "secret"): 1}


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
    kinds = (FaultKind.HTTP_500, FaultKind.GARBAGE, FaultKind.TOO_MANY_REQUESTS, FaultKind.GZIP_BOMB)
    refusal = Fault(FaultKind.BODY, body='{"code": 1, "msg": "没有权限"}'.encode())  # quirk 28
    for fault in (*map(Fault, kinds), refusal):
        sandbox.faults.set("SECURITY", "owner", fault)
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


async def test_circuit_trial_not_made_stays_free(
    platforms: Platforms, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ops.calls.COOLDOWN", 0.0)
    for _ in range(MIN_CALLS):
        platforms.security.routes["owner"].calls.end(UNKNOWN_NAME.code, 0.0, Context(), UNKNOWN_NAME, reached=False)
    assert not platforms.security.healthy

    await cancel_in_flight(platforms, sandbox)
    spent = METER.set(Meter(calls=1, limit=1))
    with pytest.raises(QueryTooComplexError):
        await read_owner(platforms)
    METER.reset(spent)

    assert await read_owner(platforms) is not None
    assert platforms.security.healthy


def test_unusable_proxy_is_refused_by_name_alone() -> None:
    for url in ("ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://u:sesame@h/path", "h:80"):
        with pytest.raises(SettingsError, match="GATEWAY_UPSTREAM_PROXY: must be") as caught:
            make_platforms(load_settings({"GATEWAY_UPSTREAM_PROXY": url}), ENDPOINTS)
        assert "sesame" not in str(caught.value)


OWNER = {"platform": "SECURITY", "endpoint": "owner"}


def counts(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """How many calls there were, by platform, endpoint and outcome."""
    return by_labels(read(metrics), "gateway_upstream_call_seconds_count", "platform", "endpoint", "outcome")


def test_calls_take_no_memory_while_nothing_scrapes(metrics: Metrics) -> None:
    calls = EndpointCalls("WJDH", "orders", 10, metrics)
    tracemalloc.start()
    try:
        for _ in range(20_000):
            calls.end(OK, time.monotonic(), Context())
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < 200_000
    assert counts(metrics) == {("WJDH", "orders", "OK"): 20_000}


async def test_slow_call_is_logged_without_arguments(
    short_timeout: Platforms, sandbox: Sandbox, metrics: Metrics
) -> None:
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
    with capture_logs([merge_contextvars]) as logs, bound_contextvars(request_id="asked"), pytest.raises(PlatformError):
        await read_owner(short_timeout)
    await cancel_in_flight(short_timeout, sandbox)

    outcomes = {outcome for _, endpoint, outcome in counts(metrics) if endpoint == "owner"}
    assert outcomes == {"UPSTREAM_TIMEOUT", "CANCELLED"}
    slow = [log for log in logs if log["event"] == "slow call to a platform"]
    (entry,) = (log for log in slow if log["endpoint"] == "owner")  # on a busy machine the login is slow as well
    assert 0.4 < entry.pop("seconds") < 60  # the loop counts its time in whole milliseconds
    about = {"log_level": "warning", **OWNER, "outcome": "UPSTREAM_TIMEOUT", "request_id": "asked"}
    assert entry == {"event": "slow call to a platform", **about}


@pytest.fixture
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as entries:
        yield entries


GARBLED = ProtocolError("SECURITY", "owner", FaultWording.NOT_IN_PROTOCOL(status=404))
UNKNOWN_NAME = NotSentError("SECURITY", "owner", FaultWording.NO_NAME())


def failures(logs: list[dict[str, object]]) -> list[tuple[object, object]]:
    """The code of each failing call that was logged, and how many were not since the one before."""
    return [(log["code"], log["left_out"]) for log in logs if log["event"] == "call to a platform failed"]


class Circuit(EndpointCalls):
    """The calls to an endpoint, which end at once."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        super().__init__("SECURITY", "owner", 8.0, metrics, clock)
        self.clock = clock

    def fail(self, times: int) -> None:
        for _ in range(times):
            assert self.allows()
            self.end(UNKNOWN_NAME.code, self.clock.now, Context(), UNKNOWN_NAME, reached=False)

    def succeed(self, times: int) -> None:
        for _ in range(times):
            self.end(OK, self.clock.now, Context())

    def cancel(self) -> None:
        self.end(CANCELLED, self.clock.now, Context(), reached=None)


@pytest.fixture
def circuit(metrics: Metrics) -> Circuit:
    return Circuit(metrics, Clock(0.0))


def test_failing_calls_are_logged_once_a_minute(circuit: Circuit, logs: list[dict[str, object]]) -> None:
    for _ in range(60):
        circuit.failed(GARBLED)
        circuit.failed(UNKNOWN_NAME)
    circuit.clock.now += QUIET_SECONDS
    circuit.failed(GARBLED)

    assert failures(logs) == [("UPSTREAM_PROTOCOL", 0), ("UPSTREAM_UNAVAILABLE", 0), ("UPSTREAM_PROTOCOL", 59)]


class TestCircuit:
    @pytest.mark.parametrize("calls", [MIN_CALLS, 2 * MIN_CALLS, 100])
    def test_opens_at_the_failure_rate(self, circuit: Circuit, calls: int) -> None:
        circuit.succeed(calls // 2)
        circuit.fail(calls // 2 - 1)
        assert circuit.circuit is CircuitState.CLOSED
        circuit.fail(1)
        assert circuit.circuit is CircuitState.OPEN
        assert not circuit.allows()

    def test_calls_out_of_the_window_do_not_count(self, circuit: Circuit) -> None:
        circuit.succeed(100)
        circuit.fail(MIN_CALLS - 1)
        circuit.clock.now += WINDOW + WINDOW / BUCKETS
        circuit.fail(MIN_CALLS - 1)
        assert circuit.circuit is CircuitState.CLOSED
        circuit.clock.now += WINDOW / 2
        circuit.fail(1)
        assert circuit.circuit is CircuitState.OPEN

    def test_admits_one_trial_after_the_cooldown(self, circuit: Circuit) -> None:
        circuit.fail(MIN_CALLS)
        circuit.clock.now += COOLDOWN
        assert circuit.circuit is CircuitState.HALF_OPEN
        assert [circuit.allows(), circuit.allows()] == [True, False]
        assert circuit.circuit is CircuitState.HALF_OPEN
        assert circuit.retry_after is None
        circuit.cancel()  # which frees its place
        circuit.fail(1)
        circuit.clock.now += COOLDOWN - 0.5
        circuit.cancel()  # of an earlier call
        assert not circuit.allows()
        assert circuit.retry_after == 0.5
        circuit.clock.now += 0.5
        assert circuit.allows()
        circuit.succeed(1)
        assert circuit.circuit is CircuitState.CLOSED
        assert circuit.allows()

    def test_is_logged_and_a_metric(self, circuit: Circuit, metrics: Metrics, logs: list[dict[str, object]]) -> None:
        def is_open() -> float | None:
            return value(read(metrics), "gateway_upstream_circuit_open", **OWNER)

        assert is_open() == 0
        circuit.fail(MIN_CALLS)
        circuit.clock.now += COOLDOWN
        circuit.fail(1)
        assert is_open() == 1
        circuit.succeed(2)
        assert is_open() == 0
        why = {"code": "UPSTREAM_UNAVAILABLE", "reason": "The name of the server cannot be resolved."}
        assert [line for line in logs if "circuit" in str(line["event"])] == [
            {"event": "circuit of a platform opened", "log_level": "error", **OWNER, **why},
            {"event": "circuit of a platform closed", "log_level": "warning", **OWNER},
        ]


async def test_calls_are_counted_and_failures_logged(
    platforms: Platforms, sandbox: Sandbox, metrics: Metrics, logs: list[dict[str, object]]
) -> None:
    for house in (HOUSE, HOUSE, HouseKey("10002", 99, 9, 9, 999)):
        await read_house_owner(platforms.security, house)
    assert failures(logs) == []

    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.GARBAGE), times=1)
    with pytest.raises(PlatformError):
        await read_modules(platforms.wjdh, "10002")
    assert counts(metrics) == {
        ("SECURITY", "token", "OK"): 1,
        ("SECURITY", "owner", "OK"): 2,
        ("SECURITY", "owner", "UPSTREAM_REFUSED"): 1,
        ("WJDH", "secret", "OK"): 1,
        ("WJDH", "modules", "UPSTREAM_PROTOCOL"): 1,
    }

    sandbox.expire_tokens()
    sandbox.faults.set("WJDH", "secret", Fault(FaultKind.BODY, body=b"Not found", status=404))
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.WRONG_SHAPE))
    for _ in range(25):
        with pytest.raises(PlatformError):
            await read_modules(platforms.wjdh, "10002")
        with pytest.raises(PlatformError):
            await read_owner(platforms)
    assert failures(logs) == [("UPSTREAM_PROTOCOL", 0)] * 3
    assert [log["endpoint"] for log in logs] == ["modules", "secret", "owner"]
    assert not platforms.wjdh.healthy
    sandbox.faults.clear()
    await read_modules(platforms.wjdh, "10002")
    assert platforms.wjdh.healthy
