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
from gateway.platforms.session import MOST_EARLY, REFUSAL_SECONDS, Credential, Session, Token
from gateway.wording.faults import FaultWording


class Platform:
    """Gives out numbered tokens, or fails."""

    def __init__(self, lifetime: float = 3600.0) -> None:
        self.lifetime = lifetime
        self.logins = 0
        self.failure: PlatformError | None = None

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


def refusal() -> PlatformAuthError:
    return PlatformAuthError("WJDH", "secret", FaultWording.CREDENTIALS_REFUSED())


async def test_fifty_callers_share_one_login(session: Session, platform: Platform) -> None:
    assert set(await asyncio.gather(*(session.credential() for _ in range(50)))) == {"token-1"}
    assert platform.logins == 1
    assert session.current() == "token-1"


@pytest.mark.parametrize(("lifetime", "used"), [(3600.0, 3600.0 - MOST_EARLY - 0.1), (10.0, 8.9)])
async def test_quirk_041_token_is_renewed_before_expiry(clock: Clock, lifetime: float, used: float) -> None:
    platform = Platform(lifetime)
    session = Session(platform.login, clock)
    await session.credential()
    clock.now += used
    assert await session.credential() == session.current() == "token-1"
    clock.now += 0.2
    assert session.current() is None
    assert await session.credential() == "token-2"


async def test_quirk_042_dead_token_causes_one_login(session: Session, platform: Platform) -> None:
    dead = await session.credential()
    assert set(await asyncio.gather(*(session.replace(dead) for _ in range(50)))) == {"token-2"}
    assert await session.replace(dead) == "token-2"
    assert platform.logins == 2


async def test_quirk_033_refused_credentials_are_retried_later(
    session: Session, platform: Platform, clock: Clock
) -> None:
    platform.failure = refusal()
    for _ in range(50):
        with pytest.raises(PlatformAuthError):
            await session.credential()
    assert platform.logins == 1
    clock.now += REFUSAL_SECONDS
    platform.failure = None
    assert await session.credential() == "token-2"


async def test_failed_login_is_retried_by_the_next_caller(session: Session, platform: Platform) -> None:
    platform.failure = NotSentError("WJDH", "secret", FaultWording.TOO_MANY_CALLS())
    with pytest.raises(NotSentError):
        await session.credential()
    platform.failure = None
    assert await session.credential() == "token-2"


@pytest.mark.parametrize(
    "answer",
    [
        refusal(),
        ProtocolError("WJDH", "secret", FaultWording.NEITHER()),
        PlatformBusyError("WJDH", "secret", FaultWording.TOO_MANY_CALLS(), retry_after=None, sent=True),
    ],
)
async def test_session_without_a_login_is_shut_out(
    session: Session, platform: Platform, clock: Clock, answer: PlatformError
) -> None:
    for failure in (answer, NotSentError("WJDH", "secret", FaultWording.TOO_MANY_CALLS())):
        platform.failure = failure
        with pytest.raises(PlatformError):
            await session.credential()
        assert session.is_shut_out
        clock.now += REFUSAL_SECONDS
    platform.failure = None
    await session.credential()
    assert not session.is_shut_out


async def test_failed_login_means_call_not_sent(session: Session, platform: Platform) -> None:
    platform.failure = PlatformTimeoutError("WJDH", "secret", FaultWording.NO_ANSWER_IN_TIME())
    assert platform.failure.sent
    with pytest.raises(PlatformTimeoutError) as caught:
        await session.credential()
    assert not caught.value.sent


async def test_refused_fresh_token_is_not_replaced_at_once(session: Session, platform: Platform, clock: Clock) -> None:
    dead = await session.credential()
    fresh: Any = await session.replace(dead)
    assert fresh == "token-2"
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
    hangs = asyncio.Event()

    async def login() -> Token:
        await hangs.wait()
        raise AssertionError

    session = Session(login)
    caller = asyncio.create_task(session.credential())
    await asyncio.sleep(0)
    await session.close()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await session.close()


async def test_repr_of_session_and_token_hides_the_token(session: Session) -> None:
    credential: Any = await session.credential()
    assert credential not in repr(session)
    assert "secret" not in repr(Token(Credential("secret", {"token": "secret"}), 1.0))
