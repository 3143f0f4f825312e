"""Fixtures for the tests of authentication."""

import pytest
from callers import AUDIENCE, ISSUER, NOW, Signers
from standing_clock import Clock

from gateway.auth.authenticator import Authenticator
from gateway.auth.keys import FixedKeys


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(scope="session")
def signers() -> Signers:
    return Signers()


@pytest.fixture
def authenticator(signers: Signers, clock: Clock) -> Authenticator:
    return Authenticator(ISSUER, AUDIENCE, FixedKeys(signers.public()), clock)
