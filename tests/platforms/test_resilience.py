"""Slots and circuit breakers."""

import asyncio
from math import inf

import pytest

from gateway.ops.resilience import CircuitBreaker, Slots
from schema.normalise.states import CircuitState


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(threshold=3, cooldown=10.0, clock=clock)


def state(breaker: CircuitBreaker) -> str:
    return breaker.state.value


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        assert breaker.allows()
        breaker.failed()


def test_a_circuit_opens_after_failures_in_a_row(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert breaker.allows()
    breaker.succeeded()
    fail(breaker, 2)
    assert state(breaker) == CircuitState.CLOSED
    fail(breaker, 1)
    assert state(breaker) == CircuitState.OPEN
    assert not breaker.allows()


def test_after_the_cooldown_one_call_tries_and_closes_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10.0
    assert state(breaker) == CircuitState.HALF_OPEN
    assert breaker.allows()
    assert not breaker.allows()
    breaker.succeeded()
    assert state(breaker) == CircuitState.CLOSED
    assert breaker.allows()


def test_a_failed_trial_opens_it_for_as_long_again(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10.0
    fail(breaker, 1)
    clock.now += 9.9
    assert not breaker.allows()
    clock.now += 0.1
    assert breaker.allows()


def test_a_trial_that_tells_nothing_leaves_its_place_to_the_next(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 3)
    clock.now += 10.0
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.allows()


async def test_slots_are_given_in_the_order_of_coming() -> None:
    slots, order = Slots(1), []

    async def call(number: int) -> None:
        await slots.acquire(inf)
        order.append(number)
        await asyncio.sleep(0)
        slots.release()

    await asyncio.gather(*(call(number) for number in range(20)))
    assert order == list(range(20))
    assert slots.taken == 0


async def test_a_slot_that_comes_as_its_waiter_is_cancelled_goes_to_the_next() -> None:
    slots = Slots(1)
    await slots.acquire(inf)
    first, second = (asyncio.create_task(slots.acquire(inf)) for _ in range(2))
    await asyncio.sleep(0)
    slots.release()
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    slots.release()
    assert slots.taken == 0


async def test_a_waiter_cancelled_before_its_turn_is_passed_over() -> None:
    slots = Slots(1)
    await slots.acquire(inf)
    first, second = (asyncio.create_task(slots.acquire(inf)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    slots.release()
    await second
    assert slots.taken == 1
    assert not slots.try_acquire()
    slots.release()
    assert slots.try_acquire()


async def test_a_waiter_whose_deadline_passes_leaves_the_others_in_their_order() -> None:
    loop, slots = asyncio.get_running_loop(), Slots(1)
    await slots.acquire(inf)
    patient, hasty = (asyncio.create_task(slots.acquire(deadline)) for deadline in (loop.time() + 60, loop.time()))
    with pytest.raises(TimeoutError):
        await hasty
    assert not patient.done()
    slots.release()
    await patient
    slots.release()
    assert slots.taken == 0


async def test_a_waiter_cancelled_as_its_deadline_passes_gives_back_no_slot_that_it_never_had() -> None:
    loop, slots = asyncio.get_running_loop(), Slots(1)
    await slots.acquire(inf)
    late, next_ = (asyncio.create_task(slots.acquire(deadline)) for deadline in (loop.time(), inf))
    await asyncio.sleep(0)
    slots._queue[0][0].add_done_callback(lambda _turn: late.cancel())
    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        await late
    assert slots.taken == 1
    assert not next_.done()
    slots.release()
    await next_
