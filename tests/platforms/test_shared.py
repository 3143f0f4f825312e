"""Gateways of one journal share the token of a platform that ends the old one at each login, and divide its slots."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from processes import GatewayProcess
from standing_clock import FrozenClock
from throw_away import on_server
from waiting import until

from gateway.errors import NotSentError
from gateway.journal import events
from gateway.journal.journal import open_journal
from gateway.journal.tokens import SharedToken
from gateway.platforms import session
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import load_settings
from gateway.wording.faults import FaultWording

pytestmark = [pytest.mark.postgres, pytest.mark.settings(WJDH_CONCURRENCY="12", ID_KEY="k" * 32)]

READ = """{ orders(communityCode: "10002", first: 1) { nodes { house { owner { phone } } } } }"""


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxOptions(single_token=True)) as running:
        yield running


@pytest.fixture
def settings(environ, database_url):
    return environ | {"GATEWAY_DATABASE_URL": database_url}


def logins(sandbox) -> list[int]:
    return [sandbox.count("WJDH", "secret"), sandbox.count("SECURITY", "token")]


async def test_two_processes_log_in_once(settings, database_url, sandbox, tmp_path):
    async with AsyncExitStack() as stack:
        processes = [GatewayProcess(settings, tmp_path / number) for number in "01"]
        for process in processes:
            stack.push_async_callback(process.kill)
        await asyncio.gather(*(process.start() for process in processes))
        clients = [await stack.enter_async_context(process.client()) for process in processes]
        for turn in range(40):
            answer = await clients[turn % 2].post("/graphql", json={"query": READ})
            assert "errors" not in answer.json(), answer.text
    calls = len(sandbox.calls) - sum(logins(sandbox))
    assert (logins(sandbox), calls) == ([1, 1], 80)
    assert "sandbox" not in (tmp_path / "0").read_text() + (tmp_path / "1").read_text()  # as tokens are named

    database = await asyncpg.connect(database_url)
    rows = await database.fetch("SELECT sealed, claimed_until FROM platform_tokens")
    await database.close()
    assert [(b"sandbox" in row["sealed"], row["claimed_until"]) for row in rows] == [(False, None)] * 2


async def test_dead_token_is_replaced_once_for_all(serve, settings, sandbox):
    async with serve(settings) as one, serve(settings) as two:
        for gateway in (one, two):
            await gateway.ask(READ)
        for platform in sandbox.tokens.values():
            platform.expire()
        sandbox.faults.set("WJDH", "secret", Fault(FaultKind.LATENCY, seconds=0.3))
        answers = await asyncio.gather(*(gateway.ask(READ) for gateway in (one, two) * 3))
        assert [answer.data["orders"]["nodes"] != [] for answer in answers] == [True] * 6
        assert logins(sandbox) == [2, 2]


async def test_shared_token_that_died_as_well_is_replaced(serve, settings, sandbox, monkeypatch):
    async with serve(settings) as one, serve(settings) as two:
        await two.ask(READ)
        for gateway in (one, two):  # `two` has not heard of the token that `one` has got
            sandbox.tokens["WJDH"].expire()
            monkeypatch.setattr(session, "REFUSAL_SECONDS", 0.0)  # that was long ago
            assert (await gateway.ask(READ)).data
        assert logins(sandbox)[0] == 3


UNUSABLE = [
    "UPDATE platform_tokens SET sealed = 'of another key, so nothing opens it'",
    "DROP TABLE platform_tokens",
]


@pytest.mark.parametrize("statement", UNUSABLE, ids=["another key", "no table"])
async def test_gateway_logs_in_where_no_token_can_be_shared(serve, settings, database_url, sandbox, statement):
    async with serve(settings) as one, serve(settings) as two:
        await one.ask(READ)
        await on_server(statement, database_url)
        assert (await two.ask(READ)).data
        assert logins(sandbox) == [2, 2]


class TestClaim:
    """Of a login, at a clock that stands still."""

    @pytest.fixture
    def clock(self):
        return FrozenClock()

    @pytest.fixture
    async def tokens(self, settings, clock):
        """Those of two gateways."""
        async with open_journal(load_settings(settings), clock) as journal:
            yield [SharedToken(journal.database, clock, b"key", b"account", timedelta(seconds=4)) for _ in "12"]

    @staticmethod
    @asynccontextmanager
    async def hanging_login(tokens):
        begun, answer = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def log_in() -> str:
            begun.set()
            return await answer

        login = asyncio.create_task(tokens.get(bytes.decode, log_in))
        await begun.wait()
        yield login, answer
        login.cancel()

    @staticmethod
    async def log_in() -> str:
        return "own"

    async def test_failed_login_ends_the_claim(self, tokens):
        one, two = tokens
        async with self.hanging_login(one) as (login, answer):
            answer.set_exception(NotSentError("WJDH", "secret", FaultWording.NEITHER()))
            with pytest.raises(NotSentError):
                await login
            assert await two.get(bytes.decode, self.log_in) == "own"

    async def test_slow_login_keeps_nobody_waiting_for_ever(self, tokens, clock):
        one, two = tokens
        async with self.hanging_login(one) as (login, answer):
            clock.advance(seconds=5)
            assert await two.get(bytes.decode, self.log_in) == "own"
            answer.set_result("late")
            assert await login == "late"
            assert await one.get(bytes.decode, self.log_in) == '"own"'


@pytest.fixture
def beats(monkeypatch):
    """Gateways that renew their rows forty times as often.

    A row lives as long as it does for users: a gateway that a busy machine keeps waiting has not gone.
    """
    monkeypatch.setattr(events, "INTERVAL", events.INTERVAL / 40)


def shares(*gateways) -> list[int]:
    return [gateway.parts.platforms.wjdh.slots.limit for gateway in gateways]


@pytest.mark.usefixtures("beats")
async def test_gateways_at_work_divide_slots_as_they_come_and_go(serve, settings):
    async with serve(settings) as one:
        assert shares(one) == [12]
        async with serve(settings) as two:
            assert shares(two) == [6]
            await until(lambda: shares(one) == [6])
            async with AsyncExitStack() as replaced:
                three = await replaced.enter_async_context(serve(settings))
                await until(lambda: shares(one, two, three) == [4, 4, 4])
            await until(lambda: shares(one, two) == [6, 6])
            metrics = (await one.client.get("/metrics")).text
            assert 'gateway_upstream_slots{platform="WJDH"} 6.0' in metrics
        await until(lambda: shares(one) == [12])


@pytest.mark.usefixtures("beats")
async def test_share_does_not_grow_while_others_may_be_late(serve, settings):
    async with serve(settings) as one, serve(settings) as two:
        await until(lambda: shares(one, two) == [6, 6])
        leases = one.parts.journal.watches
        await two.parts.journal.watches.leave()  # as after an outage: its row is back with its next beat
        await leases.renew()
        assert (leases.gateways, shares(one)) == (2, [6])
