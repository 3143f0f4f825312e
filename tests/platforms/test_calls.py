"""Every call to a platform is counted and timed by how it ended, and a slow one is logged."""

import asyncio
import contextlib
import time
import tracemalloc
from collections.abc import Iterator, MutableMapping
from contextlib import aclosing
from contextvars import Context
from typing import Any

import pytest
from exposed import by_labels, read, value
from standing_clock import Clock
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs
from waiting import until

from gateway.entities import ENDPOINTS
from gateway.errors import NotSentError, PlatformError, ProtocolError
from gateway.modules import read_modules
from gateway.normalise.records import HouseKey
from gateway.normalise.vocabulary import CircuitState
from gateway.ops.calls import BUCKETS, CANCELLED, COOLDOWN, MIN_CALLS, OK, WINDOW, EndpointCalls
from gateway.ops.logs import QUIET_SECONDS
from gateway.ops.metrics import Metrics
from gateway.people import read_house_owner
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.settings import load_settings
from gateway.wording.faults import FaultWording

HOUSE = HouseKey("10002", 1, 1, 1, 101)
UNKNOWN_HOUSE = HouseKey("10002", 99, 9, 9, 999)


def counts(metrics: Metrics, suffix: str = "_count") -> dict[tuple[str, ...], float]:
    """How many calls there were, by platform, endpoint and outcome."""
    return by_labels(read(metrics), f"gateway_upstream_call_seconds{suffix}", "platform", "endpoint", "outcome")


async def test_calls_are_counted_by_endpoint_and_outcome(
    platforms: Platforms, sandbox: Sandbox, metrics: Metrics
) -> None:
    await read_house_owner(platforms.security, HOUSE)
    await read_house_owner(platforms.security, HOUSE)
    await read_house_owner(platforms.security, UNKNOWN_HOUSE)
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.GARBAGE))
    with pytest.raises(PlatformError):
        await read_modules(platforms.wjdh, "10002")

    assert counts(metrics) == {
        ("SECURITY", "token", "OK"): 1,
        ("SECURITY", "owner", "OK"): 2,
        ("SECURITY", "owner", "UPSTREAM_REFUSED"): 1,
        ("WJDH", "secret", "OK"): 1,
        ("WJDH", "modules", "UPSTREAM_PROTOCOL"): 1,
    }


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


async def test_cancellation_and_timeout_are_distinct_outcomes(sandbox: Sandbox, metrics: Metrics) -> None:
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": "0.2"})
    async with aclosing(make_platforms(settings, ENDPOINTS, metrics=metrics)) as platforms:
        with contextlib.suppress(PlatformError):
            await read_house_owner(platforms.security, HOUSE)
        call = asyncio.ensure_future(read_house_owner(platforms.security, HOUSE))
        await until(lambda: sandbox.count("SECURITY", "owner") == 2)
        call.cancel()
        await asyncio.wait([call])

        outcomes = {outcome for _, endpoint, outcome in counts(metrics) if endpoint == "owner"}
        assert outcomes == {"UPSTREAM_TIMEOUT", "CANCELLED"}


async def test_slow_call_is_logged_without_arguments(sandbox: Sandbox) -> None:
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": "0.2"})
    async with aclosing(make_platforms(settings, ENDPOINTS)) as platforms:
        with (
            capture_logs([merge_contextvars]) as logs,
            bound_contextvars(request_id="asked"),
            pytest.raises(PlatformError),
        ):
            await read_house_owner(platforms.security, HOUSE)

    slow = [log for log in logs if log["event"] == "slow call to a platform"]
    (entry,) = (log for log in slow if log["endpoint"] == "owner")  # on a busy machine the login is slow as well
    assert 0.1 < entry.pop("seconds") < 60  # the loop counts its time in whole milliseconds
    assert entry == {
        "event": "slow call to a platform",
        "log_level": "warning",
        "platform": "SECURITY",
        "endpoint": "owner",
        "outcome": "UPSTREAM_TIMEOUT",
        "request_id": "asked",
    }


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def owner(metrics: Metrics, clock: Clock) -> EndpointCalls:
    """The calls to an endpoint."""
    return EndpointCalls("SECURITY", "owner", 8.0, metrics, clock)


@pytest.fixture
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as entries:
        yield entries


GARBLED = ProtocolError("SECURITY", "owner", FaultWording.NOT_IN_PROTOCOL(status=404))
UNKNOWN_NAME = NotSentError("SECURITY", "owner", FaultWording.NO_NAME())


def failures(logs: list[dict[str, object]]) -> list[tuple[object, object]]:
    """The code of each failing call that was logged, and how many were not since the one before."""
    return [(log["code"], log["left_out"]) for log in logs if log["event"] == "call to a platform failed"]


def test_failing_calls_are_logged_once_a_minute(
    owner: EndpointCalls, clock: Clock, logs: list[dict[str, object]]
) -> None:
    for _ in range(60):
        owner.failed(GARBLED)
        owner.failed(UNKNOWN_NAME)
    clock.now += QUIET_SECONDS
    owner.failed(GARBLED)

    assert failures(logs) == [("UPSTREAM_PROTOCOL", 0), ("UPSTREAM_UNAVAILABLE", 0), ("UPSTREAM_PROTOCOL", 59)]


class Circuit:
    """That of `owner`, and calls that end at once."""

    def __init__(self, owner: EndpointCalls, clock: Clock) -> None:
        self.owner = owner
        self._clock = clock

    @property
    def state(self) -> str:
        return self.owner.circuit.value

    def fail(self, times: int) -> None:
        for _ in range(times):
            assert self.owner.allows()
            self.owner.end(UNKNOWN_NAME.code, self._clock.now, Context(), UNKNOWN_NAME, reached=False)

    def succeed(self, times: int) -> None:
        for _ in range(times):
            self.owner.end(OK, self._clock.now, Context())

    def cancel(self) -> None:
        self.owner.end(CANCELLED, self._clock.now, Context(), reached=None)


@pytest.fixture
def circuit(owner: EndpointCalls, clock: Clock) -> Circuit:
    return Circuit(owner, clock)


class TestCircuit:
    def test_opens_at_the_failure_rate(self, circuit: Circuit) -> None:
        circuit.succeed(8)
        circuit.fail(7)
        assert circuit.state == CircuitState.CLOSED
        circuit.fail(1)
        assert circuit.state == CircuitState.OPEN
        assert not circuit.owner.allows()

    def test_failures_out_of_the_window_do_not_count(self, circuit: Circuit, clock: Clock) -> None:
        circuit.fail(MIN_CALLS - 1)
        clock.now += WINDOW + WINDOW / BUCKETS
        circuit.fail(MIN_CALLS - 1)
        assert circuit.state == CircuitState.CLOSED
        clock.now += WINDOW / 2
        circuit.fail(1)
        assert circuit.state == CircuitState.OPEN

    def test_successes_out_of_the_window_do_not_count(self, circuit: Circuit, clock: Clock) -> None:
        circuit.succeed(100)
        circuit.fail(1)
        clock.now += WINDOW + WINDOW / BUCKETS
        circuit.fail(MIN_CALLS)
        assert circuit.state == CircuitState.OPEN

    def test_admits_one_trial_after_the_cooldown(self, circuit: Circuit, clock: Clock) -> None:
        circuit.fail(MIN_CALLS)
        clock.now += COOLDOWN
        assert circuit.state == CircuitState.HALF_OPEN
        assert circuit.owner.allows()
        assert not circuit.owner.allows()
        assert circuit.owner.retry_after is None
        circuit.cancel()  # which frees its place
        circuit.fail(1)
        clock.now += COOLDOWN - 0.5
        assert not circuit.owner.allows()
        assert circuit.owner.retry_after == 0.5
        clock.now += 0.5
        assert circuit.owner.allows()
        circuit.succeed(1)
        assert circuit.state == CircuitState.CLOSED
        assert circuit.owner.allows()

    def test_is_logged_and_a_metric(
        self, circuit: Circuit, metrics: Metrics, clock: Clock, logs: list[dict[str, object]]
    ) -> None:
        where = {"platform": "SECURITY", "endpoint": "owner"}

        def is_open() -> float | None:
            return value(read(metrics), "gateway_upstream_circuit_open", **where)

        assert is_open() == 0
        circuit.fail(MIN_CALLS)
        clock.now += COOLDOWN
        circuit.fail(1)
        assert is_open() == 1
        circuit.succeed(2)
        assert is_open() == 0
        why = {"code": "UPSTREAM_UNAVAILABLE", "reason": "The name of the server cannot be resolved."}
        assert [line for line in logs if "circuit" in str(line["event"])] == [
            {"event": "circuit of a platform opened", "log_level": "error", **where, **why},
            {"event": "circuit of a platform closed", "log_level": "warning", **where},
        ]


async def test_failing_platform_is_logged_and_refusal_is_not(
    platforms: Platforms, sandbox: Sandbox, logs: list[dict[str, object]]
) -> None:
    await read_house_owner(platforms.security, UNKNOWN_HOUSE)
    assert failures(logs) == []

    sandbox.faults.set("WJDH", "secret", Fault(FaultKind.BODY, body=b"Not found", status=404))
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.WRONG_SHAPE))
    for _ in range(25):
        with pytest.raises(PlatformError):
            await read_modules(platforms.wjdh, "10002")
        with pytest.raises(PlatformError):
            await read_house_owner(platforms.security, HOUSE)

    assert failures(logs) == [("UPSTREAM_PROTOCOL", 0)] * 2
    assert [log["endpoint"] for log in logs] == ["secret", "owner"]
    assert not platforms.wjdh.healthy
    sandbox.faults.clear()
    await read_modules(platforms.wjdh, "10002")
    assert platforms.wjdh.healthy
