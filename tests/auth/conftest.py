"""Fixtures for the tests of authentication."""

import pytest
from callers import AUDIENCE, ISSUER, NOW, Signers
from standing_clock import Clock

from gateway.auth.keys import FixedKeys
from gateway.auth.tokens import TokenVerifier


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture(scope="session")
def signers() -> Signers:
    return Signers()


@pytest.fixture
def verifier(signers: Signers, clock: Clock) -> TokenVerifier:
    return TokenVerifier(ISSUER, AUDIENCE, FixedKeys(signers.public()), clock)
