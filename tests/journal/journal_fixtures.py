"""A clock that stands still, and a throw-away PostgreSQL database."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from throw_away import blocking_database


class FrozenClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


@contextmanager
def throw_away_database() -> Iterator[str]:
    """The URL of a fresh, empty database. Without a server: a skip on a desk, a failure in CI."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(blocking_database())
        except OSError:
            if os.environ.get("CI"):
                raise
            pytest.skip("no PostgreSQL server at GATEWAY_TEST_DATABASE_URL or on this machine")
        yield url
