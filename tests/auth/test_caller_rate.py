"""The rate limit of one caller; other callers are not affected."""

import pytest
from callers import principal
from standing_clock import Clock

from gateway.auth import rate
from gateway.auth.rate import Allowance, RateLimiter
from gateway.errors import RateLimitedError


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(1000.0)
    monkeypatch.setattr(rate, "monotonic_ns", lambda: round(clock() * 1e9))
    return clock


def asked(limiter: RateLimiter, times: int, subject: str = "lin") -> int:
    """How many of so many requests are let through."""
    passed = 0
    for _ in range(times):
        try:
            limiter.check(principal(subject=subject))
        except RateLimitedError:
            continue
        passed += 1
    return passed


def test_allowance_counts_down_by_the_cost(monotonic: Clock) -> None:
    limiter = RateLimiter(60)

    assert limiter.check(principal()) == Allowance(limit=60, remaining=59, reset_after=1.0)
    assert limiter.check(principal(), cost=44) == Allowance(limit=60, remaining=15, reset_after=45.0)
    with pytest.raises(RateLimitedError) as refusal:
        limiter.check(principal(), cost=20)
    assert refusal.value.extensions() == {"code": "RATE_LIMITED", "retryable": True, "retryAfter": 5.0}

    assert limiter.check(principal(), cost=15).remaining == 0
    monotonic.now += 20
    assert limiter.check(principal(), cost=20).remaining == 0


def test_cost_that_was_not_needed_is_given_back(monotonic: Clock) -> None:
    limiter = RateLimiter(60)
    limiter.check(principal(), cost=45)

    assert limiter.add(principal(), -40).remaining == 55
    assert limiter.check(principal(), cost=55).remaining == 0
    assert limiter.add(principal(), 10).remaining == 0


@pytest.mark.parametrize("per_minute", [7, 61, 1199])
def test_retry_is_admitted_when_due(monotonic: Clock, per_minute: int) -> None:
    limiter = RateLimiter(per_minute)
    asked(limiter, per_minute)
    with pytest.raises(RateLimitedError) as refusal:
        limiter.check(principal())

    monotonic.now += refusal.value.retry_after
    assert asked(limiter, 2) == 1


def test_operations_are_earned_one_by_one(monotonic: Clock) -> None:
    limiter = RateLimiter(60)
    asked(limiter, 60)

    monotonic.now += 0.5
    assert asked(limiter, 1) == 0
    monotonic.now += 0.5
    assert asked(limiter, 2) == 1
    monotonic.now += 60
    assert asked(limiter, 100) == 60


def test_interleaved_subjects_have_separate_rates(monotonic: Clock) -> None:
    limiter = RateLimiter(1200)

    assert sum(asked(limiter, 1, subject) for _ in range(1200) for subject in ("lin", "wang")) == 2400


def test_rate_is_never_exceeded(monotonic: Clock) -> None:
    limiter = RateLimiter(1200)
    assert asked(limiter, 7) == 7

    monotonic.now += 3600
    assert asked(limiter, 5000) == 1200
    for _ in range(10):
        monotonic.now += 0.31
        assert asked(limiter, 100) in (6, 7)
    assert asked(limiter, 100) == 0


@pytest.mark.parametrize("pause", [0.05, 0.11, 0.7, 1.3])
def test_caller_below_the_rate_is_never_refused(monotonic: Clock, pause: float) -> None:
    limiter = RateLimiter(1200)
    for _ in range(5000):
        monotonic.now += pause + 1e-9
        assert asked(limiter, 1) == 1
