"""Several gateways of one journal: each list is polled by one of them, and all have its events."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from graphql_socket import connected
from test_events import CODE, REVIEWS, apply, approve, next_event, polled, told
from waiting import until

from gateway.journal import events as watches

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(environ, database_url):
    return environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_ID_KEY": "k" * 32, "GATEWAY_WATCH_INTERVAL": "0.2"}


@asynccontextmanager
async def subscriber(serve, settings, query=REVIEWS, **variables):
    async with serve(settings) as gateway, connected(gateway.url, token=gateway.token) as socket:
        await socket.subscribe("1", query, code=CODE, **variables)
        await until(lambda: len(gateway.parts.watches) == 1)
        yield gateway, socket


async def test_one_gateway_polls_for_all(serve, settings, sandbox):
    async with subscriber(serve, settings) as (_, at_one):
        await polled(sandbox)
        async with subscriber(serve, settings) as (two, at_two):
            await polled(sandbox)
            sandbox.reset_calls()
            await polled(sandbox, 5)
            polls = [call for call in sandbox.calls if call.endpoint == "shenheList"]
            assert len({call.connection for call in polls}) == 1

            apply(sandbox, 900)
            events = [await next_event(socket) for socket in (at_one, at_two)]
            assert events[0] == events[1]
            assert told(events[0]) == ("APPEARED", 900, False)

            await approve(two, CODE, 900)
            events = [await next_event(socket) for socket in (at_one, at_two)]
            assert events[0] == events[1]
            assert told(events[0]) == ("DECIDED", 900, False)


async def test_follower_takes_over_from_a_gateway_that_ends(serve, settings, sandbox):
    async with subscriber(serve, settings) as (one, at_one):
        await polled(sandbox)
        async with subscriber(serve, settings) as (_, at_two):
            await polled(sandbox)
            await one.parts.journal.watches.leave()
            assert told(await next_event(at_two)) == ("CHANGED", None, True)
            apply(sandbox, 900)
            assert told(await next_event(at_two)) == ("APPEARED", 900, False)
            assert told(await next_event(at_one)) == ("CHANGED", None, True)


async def test_dead_gateway_is_taken_over_from(serve, settings, sandbox, monkeypatch):
    """Its lists are watched, and payments that it may have missed are reported."""
    monkeypatch.setattr(watches, "LEASE", watches.LEASE / 15)
    monkeypatch.setattr(watches, "INTERVAL", 0.2)
    async with subscriber(serve, settings) as (one, _), subscriber(serve, settings) as (two, at_two):
        await at_two.subscribe("2", "subscription { paymentEvents { missed payment { id } } }")
        await polled(sandbox)
        for task in asyncio.all_tasks():  # it neither renews its lease nor polls, as if the process hung
            frame = task.get_coro().cr_frame  # its worker is its local `run`, a name that this test must not have
            worker = frame and frame.f_locals.get("run")
            if getattr(worker, "__self__", None) in (one.parts.journal.watches, one.parts.watches):
                task.cancel()
        assert told(await next_event(at_two)) == ("CHANGED", None, True)
        assert await next_event(at_two, "2") == {"missed": True, "payment": None}
        apply(sandbox, 900)
        assert told(await next_event(at_two)) == ("APPEARED", 900, False)
        assert two.parts.watches


@pytest.mark.usefixtures("ends_watches_at_once")
async def test_list_is_watched_on_for_others(serve, settings, sandbox):
    async with subscriber(serve, settings) as (one, at_one):
        await polled(sandbox)
        async with subscriber(serve, settings) as (_, at_two):
            await polled(sandbox)
            await at_one.send("complete", id="1")
            await polled(sandbox, 3)
            apply(sandbox, 900)
            assert told(await next_event(at_two)) == ("APPEARED", 900, False)
        await until(lambda: len(one.parts.watches) == 0)
