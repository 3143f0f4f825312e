"""Clocks that a test moves."""

from datetime import UTC, datetime, timedelta


class Clock:
    """In seconds, which pass when the test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class FrozenClock:
    """A time of day that stands still until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


class MovedClock:
    """The time of day, and what it was moved ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **duration: float) -> None:
        self.ahead += timedelta(**duration)
