"""Circuit breakers."""

import pytest
from standing_clock import Clock

from gateway.normalise.states import CircuitState
from gateway.ops.resilience import BUCKETS, CircuitBreaker


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(window=60.0, min_calls=3, cooldown=10.0, clock=clock)


def state(breaker: CircuitBreaker) -> str:
    return breaker.state.value


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        assert breaker.allows()
        breaker.failed()


def test_circuit_opens_at_the_failure_rate(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        breaker.succeeded()
    fail(breaker, 4)
    assert state(breaker) == CircuitState.CLOSED
    fail(breaker, 1)
    assert state(breaker) == CircuitState.OPEN
    assert not breaker.allows()


def test_too_few_calls_open_no_circuit(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert state(breaker) == CircuitState.CLOSED
    fail(breaker, 1)
    assert state(breaker) == CircuitState.OPEN


def test_failures_out_of_the_window_do_not_count(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 2)
    clock.now += 60.0 + 60.0 / BUCKETS
    fail(breaker, 2)
    assert state(breaker) == CircuitState.CLOSED
    clock.now += 30.0
    fail(breaker, 1)
    assert state(breaker) == CircuitState.OPEN


def test_successes_out_of_the_window_do_not_count(breaker: CircuitBreaker, clock: Clock) -> None:
    for _ in range(100):
        breaker.succeeded()
    fail(breaker, 2)
    clock.now += 60.0 + 60.0 / BUCKETS
    fail(breaker, 3)
    assert state(breaker) == CircuitState.OPEN


def test_circuit_admits_one_trial_after_cooldown(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10.0
    assert state(breaker) == CircuitState.HALF_OPEN
    assert breaker.allows()
    assert not breaker.allows()
    breaker.succeeded()
    assert state(breaker) == CircuitState.CLOSED
    assert breaker.allows()


def test_failed_trial_reopens_the_circuit(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10.0
    fail(breaker, 1)
    clock.now += 9.5
    assert not breaker.allows()
    assert breaker.retry_after == 0.5
    clock.now += 0.5
    assert breaker.allows()
    assert breaker.retry_after is None


def test_breaker_reports_only_changes_of_state(breaker: CircuitBreaker, clock: Clock) -> None:
    assert [breaker.failed() for _ in range(3)] == [False, False, True]
    clock.now += 10.0
    assert breaker.allows()
    assert not breaker.failed()
    assert breaker.succeeded()
    assert not breaker.failed()
    assert not breaker.succeeded()
    assert state(breaker) == CircuitState.CLOSED


def test_inconclusive_trial_frees_its_place(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10.0
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.allows()
