"""The rate limit of a caller."""

from contextlib import suppress

import pytest
from standing_clock import Clock

from gateway.auth import rate
from gateway.auth.rate import Admission, Bucket, Budget, Rate, RateHeaders
from gateway.errors import RateLimitedError


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(1000.0)
    monkeypatch.setattr(rate, "monotonic_ns", lambda: round(clock() * 1e9))
    return clock


def asked(bucket: Bucket, times: int) -> int:
    """How many of so many requests are let through."""
    passed = 0
    for _ in range(times):
        with suppress(RateLimitedError):
            bucket.take()
            passed += 1
    return passed


def left(headers: RateHeaders) -> bytes:
    return headers[1][1].partition(b", ")[2]


def test_subscription_is_charged_for_what_it_may_still_call(monotonic: Clock) -> None:
    budget = Budget(Admission(600, 60, 1), "lin")
    budget.charge(5, 5)

    assert left(budget.settle(2, refund=False)) == b'"calls";r=55;t=5'
    assert left(budget.settle(7, refund=False)) == b'"calls";r=53;t=7'


def test_cost_that_was_not_needed_is_given_back(monotonic: Clock) -> None:
    admission = Admission(600, 60, 1)
    first, second, third = (Budget(admission, "lin") for _ in range(3))
    first.charge(45, 45)
    with pytest.raises(RateLimitedError):
        second.charge(20, 20)
    Budget(admission, "wang").charge(60, 60)

    assert left(first.settle(5)) == b'"calls";r=55;t=5'
    third.charge(55, 55)
    assert left(third.settle(55)) == b'"calls";r=0;t=60'
    assert left(second.settle(10)) == b'"calls";r=0;t=70'


def test_retry_is_admitted_when_due(monotonic: Clock) -> None:
    for per_minute in (7, 61, 1199):
        bucket = Bucket(Rate(per_minute))
        asked(bucket, per_minute)
        with pytest.raises(RateLimitedError) as refusal:
            bucket.take()

        monotonic.now += refusal.value.retry_after
        assert asked(bucket, 2) == 1


def test_rate_is_never_exceeded(monotonic: Clock) -> None:
    bucket = Bucket(Rate(1200))
    assert asked(bucket, 7) == 7

    monotonic.now += 3600
    assert asked(bucket, 5000) == 1200
    for _ in range(10):
        monotonic.now += 0.31
        assert asked(bucket, 100) in (6, 7)
    assert asked(bucket, 100) == 0


def test_caller_below_the_rate_is_never_refused(monotonic: Clock) -> None:
    bucket = Bucket(Rate(1200))
    for pause in (0.05, 0.11, 0.7, 1.3):
        for _ in range(2500):
            monotonic.now += pause + 1e-9
            assert asked(bucket, 1) == 1
