"""Budgets of callers, held over two gateways of one journal."""

import asyncio
import time

import asyncpg
import pytest
from callers import principal

from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.principal import Scope
from gateway.auth.rate import RateLimiter
from gateway.errors import JournalError, RateLimitedError
from gateway.journal.journal import open_journal
from gateway.settings import load_settings
from gateway.wording.faults import FaultWording

VIEWER = "{ viewer { subject } }"
LIMIT = 240


@pytest.fixture
def environ(environ, database_url):
    return environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_RATE_LIMIT": str(LIMIT)}


def minted(environ, subject):
    return DevelopmentIssuer.open(load_settings(environ)).mint(set(Scope), ["*"], subject, 600)


async def until(condition):
    async with asyncio.timeout(15):
        while not await condition():  # noqa: ASYNC110 # what is watched is beyond a socket
            await asyncio.sleep(0.01)


@pytest.fixture
async def gateways(environ):
    """The limiters of two gateways, each with what shares its counts: nothing is shared but by `exchange`."""
    settings = load_settings(environ)
    async with open_journal(settings) as one, open_journal(settings) as two:
        limiters = RateLimiter(LIMIT), RateLimiter(LIMIT)
        yield [
            (limiter, journal.share_budgets([limiter], b"key"))
            for limiter, journal in zip(limiters, (one, two), strict=True)
        ]


async def use_up(gateways, callers, cost=1):
    """How much each caller may use, who asks the gateways in turn until both refuse."""
    used = dict.fromkeys(callers, 0)
    open_ = {(caller, number) for caller in callers for number in range(len(gateways))}
    while open_:
        for caller, number in sorted(open_):
            limiter, budgets = gateways[number]
            try:
                limiter.check(principal(subject=caller), cost)
            except RateLimitedError:
                open_.discard((caller, number))
            else:
                used[caller] += cost
            if budgets._due.is_set():
                budgets._due.clear()
                await budgets.exchange()
    return used


async def test_two_gateways_hold_one_budget_for_each_caller(gateways):
    began = time.monotonic()
    used = await use_up(gateways, ("a", "b"))
    earned = LIMIT / 60 * (time.monotonic() - began)

    for total in used.values():
        assert 0.95 * LIMIT <= total <= 1.05 * LIMIT + earned


async def test_calls_given_back_at_one_gateway_can_be_used_at_the_other(gateways):
    (one, its), (two, others) = gateways
    one.check(principal(), LIMIT)
    await its.exchange()
    two.check(principal(), 1)
    await others.exchange()
    with pytest.raises(RateLimitedError):
        two.check(principal(), LIMIT // 2)

    one.add(principal(), -LIMIT)
    await its.exchange()
    two.add(principal(), 1)
    await others.exchange()

    two.check(principal(), LIMIT - 2)


async def test_counts_that_cannot_be_shared_are_shared_later(gateways, monkeypatch):
    (one, its), (two, others) = gateways
    one.check(principal(), LIMIT // 2)

    async def fail(_work):
        raise JournalError(FaultWording.WATCH_LOST())

    with monkeypatch.context() as broken:
        broken.setattr(its._database, "write", fail)
        with pytest.raises(JournalError):
            await its.exchange()
    assert one.add(principal(), 0).remaining == LIMIT // 2
    await its.exchange()
    two.check(principal(), 1)
    await others.exchange()

    with pytest.raises(RateLimitedError):
        two.check(principal(), LIMIT // 2 + LIMIT // 10)


async def test_budget_spent_at_one_gateway_is_gone_at_the_other(serve, environ):
    environ = environ | {"GATEWAY_RATE_LIMIT": "20"}
    token = minted(environ, "a")

    async def is_refused(gateway):
        answer = await gateway.stranger.post(
            "/graphql", json={"query": VIEWER}, headers={"authorization": f"Bearer {token}"}
        )
        return answer.status_code == 429

    async with serve(environ) as one, serve(environ) as two:
        for _ in range(20):
            assert not await is_refused(one)
        await is_refused(two)
        await until(lambda: is_refused(two))


async def test_subjects_are_hashed_in_the_database(serve, environ, database_url):

    async with serve(environ) as gateway:
        await gateway.ask(VIEWER, token=minted(environ, "lin@example.org"))
        connection = await asyncpg.connect(database_url)
        try:

            async def rows():
                exists = await connection.fetchval("SELECT to_regclass('budgets') IS NOT NULL")
                return exists and await connection.fetch("SELECT caller, policy FROM budgets")

            await until(rows)
            [row] = await rows()
        finally:
            await connection.close()

    assert row["policy"] == "caller"
    assert len(row["caller"]) == 32
    assert "lin" not in row["caller"]
