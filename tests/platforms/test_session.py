"""A session shares one token: one login, renewal before expiry, and no login storm after a refusal."""

import asyncio
from typing import Any

import pytest
from standing_clock import Clock

from gateway.errors import (
    NotSentError,
    PlatformAuthError,
    PlatformBusyError,
    PlatformError,
    PlatformTimeoutError,
    ProtocolError,
)
from gateway.platforms.session import MOST_EARLY, REFUSAL_SECONDS, Session, Token
from gateway.wording.faults import FaultWording


class Platform:
    """Gives out numbered tokens, or fails."""

    lifetime = 3600.0
    logins = 0
    failure: PlatformError | None = None

    async def login(self) -> Token:
        self.logins += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        credential: Any = f"token-{self.logins}"
        return Token(credential, self.lifetime)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def session(platform: Platform, clock: Clock) -> Session:
    return Session(platform.login, clock)


def failure(kind: type[PlatformError], **about: Any) -> PlatformError:
    return kind("WJDH", "secret", FaultWording.NEITHER(), **about)


async def test_fifty_callers_share_each_login(session: Session, platform: Platform) -> None:
    assert set(await asyncio.gather(*(session.credential() for _ in range(50)))) == {"token-1"}
    dead = session.current()
    assert dead is not None
    assert set(await asyncio.gather(*(session.replace(dead) for _ in range(50)))) == {"token-2"}  # quirk 42
    assert await session.replace(dead) == "token-2"
    assert platform.logins == 2


@pytest.mark.parametrize(("lifetime", "used"), [(3600.0, 3600.0 - MOST_EARLY - 0.1), (10.0, 8.9)])
async def test_quirk_041_token_is_renewed_before_expiry(
    session: Session, platform: Platform, clock: Clock, lifetime: float, used: float
) -> None:
    platform.lifetime = lifetime
    await session.credential()
    clock.now += used
    assert await session.credential() == session.current() == "token-1"
    clock.now += 0.2
    assert session.current() is None
    assert await session.credential() == "token-2"


async def test_quirk_033_refused_credentials_are_retried_later(
    session: Session, platform: Platform, clock: Clock
) -> None:
    platform.failure = failure(PlatformAuthError)
    for _ in range(50):
        with pytest.raises(PlatformAuthError):
            await session.credential()
    assert platform.logins == 1
    clock.now += REFUSAL_SECONDS
    platform.failure = None
    assert await session.credential() == "token-2"


@pytest.mark.parametrize(
    ("answer", "shuts_out"),
    [
        (failure(PlatformAuthError), True),
        (failure(ProtocolError), True),
        (failure(PlatformBusyError, sent=True), True),
        (failure(PlatformTimeoutError), False),
    ],
)
async def test_failed_login_means_not_sent_and_may_shut_out(
    session: Session, platform: Platform, clock: Clock, answer: PlatformError, shuts_out: bool
) -> None:
    for platform.failure in (answer, failure(NotSentError)):
        with pytest.raises(type(platform.failure)) as caught:
            await session.credential()
        assert not caught.value.sent
        assert session.is_shut_out == shuts_out
        clock.now += REFUSAL_SECONDS
    platform.failure = None
    await session.credential()
    assert not session.is_shut_out


async def test_refused_fresh_token_is_not_replaced_at_once(session: Session, platform: Platform, clock: Clock) -> None:
    dead = await session.credential()
    fresh: Any = await session.replace(dead)
    session.refused_fresh(fresh)
    assert await session.replace(fresh) is None
    assert session.current() == fresh  # other endpoints may still take it
    assert platform.logins == 2
    clock.now += REFUSAL_SECONDS
    assert await session.replace(fresh) == "token-3"


async def test_cancelled_caller_does_not_stop_shared_login(session: Session, platform: Platform) -> None:
    first, second = (asyncio.create_task(session.credential()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "token-1"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert platform.logins == 1


async def test_close_cancels_a_hanging_login() -> None:
    async def login() -> Token:
        await asyncio.Event().wait()
        raise AssertionError

    session = Session(login)
    caller = asyncio.create_task(session.credential())
    await asyncio.sleep(0)
    await session.close()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await session.close()
