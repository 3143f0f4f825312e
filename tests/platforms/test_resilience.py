"""Slots and circuit breakers."""

import asyncio
from math import inf

import pytest
from scripted_server import until
from standing_clock import Clock

from gateway.normalise.states import CircuitState
from gateway.ops.resilience import CircuitBreaker, Slots


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(threshold=3, cooldown=10.0, clock=clock)


def state(breaker: CircuitBreaker) -> str:
    return breaker.state.value


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        assert breaker.allows()
        breaker.failed()


def test_circuit_opens_after_failures_in_a_row(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert breaker.allows()
    breaker.succeeded()
    fail(breaker, 2)
    assert state(breaker) == CircuitState.CLOSED
    fail(breaker, 1)
    assert state(breaker) == CircuitState.OPEN
    assert not breaker.allows()


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


def test_inconclusive_trial_frees_its_place(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10.0
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.allows()


class Waiter:
    """Notes what becomes of it in `order`."""

    def __init__(self, order: list[str], name: str, deadline: float = inf) -> None:
        self.deadline = deadline
        self.name = name
        self._order = order

    def take_turn(self) -> None:
        self._order.append(self.name)

    def give_up(self) -> None:
        self._order.append(f"{self.name} gave up")


def taken_slot() -> Slots:
    """The only one of its slots is taken."""
    slots = Slots(1)
    slots.free -= 1
    return slots


async def test_slots_are_granted_in_order() -> None:
    slots, order = taken_slot(), list[str]()
    for number in range(20):
        slots.queue(Waiter(order, str(number)))
    for _ in range(21):
        slots.release()

    assert order == [str(number) for number in range(20)]
    assert slots.taken == 0


async def test_waiter_leaving_the_queue_is_skipped() -> None:
    slots, order = taken_slot(), list[str]()
    first, second = Waiter(order, "first"), Waiter(order, "second")
    slots.queue(first)
    slots.queue(second)
    slots.leave(first)
    slots.release()

    assert order == ["second"]
    assert slots.taken == 1
    assert slots.free == 0
    slots.release()
    assert slots.free == 1


async def test_expired_waiter_does_not_change_the_order() -> None:
    loop, slots, order = asyncio.get_running_loop(), taken_slot(), list[str]()
    slots.queue(Waiter(order, "patient", loop.time() + 60))
    slots.queue(Waiter(order, "hasty", loop.time()))
    slots.queue(Waiter(order, "last"))
    await until(lambda: bool(order))

    assert order == ["hasty gave up"]
    slots.release()
    slots.release()
    assert order == ["hasty gave up", "patient", "last"]
    assert slots.taken == 1


async def test_waiters_time_out_at_their_own_deadlines() -> None:
    loop, slots, order = asyncio.get_running_loop(), taken_slot(), list[str]()
    slots.queue(Waiter(order, "later", loop.time() + 0.02))
    slots.queue(Waiter(order, "sooner", loop.time()))
    await until(lambda: len(order) == 2)

    assert order == ["sooner gave up", "later gave up"]
