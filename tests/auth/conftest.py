"""What the tests of callers share."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from callers import AUDIENCE, ISSUER, NOW, Clock, KeyServer, Signers

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


@pytest.fixture
async def key_server() -> AsyncIterator[KeyServer]:
    keys = KeyServer()
    server = await asyncio.start_server(keys.answer, "127.0.0.1", 0)
    keys.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
    yield keys
    keys.answering.set()
    server.close()
    await server.wait_closed()
