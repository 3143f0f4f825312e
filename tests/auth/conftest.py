"""Fixtures for the tests of authentication."""

import pytest
from callers import NOW, Signers
from standing_clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(scope="session")
def signers() -> Signers:
    return Signers()
