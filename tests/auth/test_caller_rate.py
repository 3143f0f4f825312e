"""How often one caller may ask, and that the others do not notice."""

import pytest
from callers import principal
from standing_clock import Clock
from throttled import utils

from gateway.auth import rate
from gateway.auth.rate import Allowance, RateLimiter
from gateway.errors import RateLimitedError


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(1000.0)
    monkeypatch.setattr(utils, "now_mono_f", clock)
    monkeypatch.setattr(rate, "monotonic", clock)
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


def test_the_allowance_counts_down(monotonic: Clock) -> None:
    limiter = RateLimiter(60)

    assert limiter.check(principal()) == Allowance(limit=60, remaining=59, reset_after=1.0)
    assert limiter.check(principal()) == Allowance(limit=60, remaining=58, reset_after=2.0)


def test_one_request_too_many_is_told_when_to_come_back(monotonic: Clock) -> None:
    limiter = RateLimiter(60)
    assert asked(limiter, 60) == 60

    with pytest.raises(RateLimitedError) as refusal:
        limiter.check(principal())

    assert refusal.value.retry_after == 1.0
    assert refusal.value.extensions() == {"code": "RATE_LIMITED", "retryable": True, "retryAfter": 1.0}


def test_who_comes_back_when_told_is_let_in(monotonic: Clock) -> None:
    limiter = RateLimiter(60)
    asked(limiter, 60)

    monotonic.now += 0.5
    assert asked(limiter, 1) == 0
    monotonic.now += 0.5
    assert asked(limiter, 2) == 1
    monotonic.now += 60
    assert asked(limiter, 100) == 60


def test_refused_requests_cost_nothing(monotonic: Clock) -> None:
    limiter = RateLimiter(60)
    asked(limiter, 1000)

    monotonic.now += 1
    assert asked(limiter, 1) == 1


def test_callers_do_not_share_and_tokens_of_one_caller_do(monotonic: Clock) -> None:
    limiter = RateLimiter(2)

    assert asked(limiter, 3, "lin") == 2
    assert asked(limiter, 3, "wang") == 2
    assert asked(limiter, 3, "lin") == 0


def test_callers_who_take_turns_leave_each_other_their_portions(monotonic: Clock) -> None:
    limiter = RateLimiter(1200)

    assert sum(asked(limiter, 1, subject) for _ in range(1200) for subject in ("lin", "wang")) == 2400


def test_what_is_counted_in_portions_is_never_more_than_the_rate(monotonic: Clock) -> None:
    limiter = RateLimiter(1200)
    assert asked(limiter, 7) == 7

    monotonic.now += 3600
    assert asked(limiter, 5000) == 1200
    for _ in range(10):
        monotonic.now += 0.31
        assert asked(limiter, 100) in (6, 7)
    assert asked(limiter, 100) == 0


@pytest.mark.parametrize("per_minute", [61, 151, 1199])
def test_no_operation_is_lost_to_the_size_of_portions(monotonic: Clock, per_minute: int) -> None:
    assert asked(RateLimiter(per_minute), 2000) == per_minute


@pytest.mark.parametrize("pause", [0.05, 0.11, 0.7, 1.3])
def test_whoever_stays_below_the_rate_is_never_refused(monotonic: Clock, pause: float) -> None:
    limiter = RateLimiter(1200)
    for _ in range(5000):
        monotonic.now += pause + 1e-9
        assert asked(limiter, 1) == 1


def test_the_library_is_asked_once_for_a_portion(monotonic: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = RateLimiter(1200)
    limiter.check(principal())
    monkeypatch.setattr(limiter, "_gcra", None)

    left = [limiter.check(principal()).remaining for _ in range(19)]
    assert left == list(range(1198, 1179, -1))


def test_the_portions_of_callers_who_have_gone_are_let_go(monotonic: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "_REMEMBERED", 5)
    limiter = RateLimiter(1200)
    for number in range(50):
        limiter.check(principal(subject=f"caller {number}"))

    assert len(limiter._portions) <= 5
