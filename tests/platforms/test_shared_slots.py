"""Gateways of one journal divide the slots of a platform, and find out who is at work."""

from contextlib import AsyncExitStack

import pytest
from waiting import until

from gateway.journal import events

pytestmark = [pytest.mark.postgres, pytest.mark.settings(WJDH_CONCURRENCY="12", ID_KEY="k" * 32)]


@pytest.fixture
def beats(monkeypatch):
    """Gateways that renew their rows forty times as often."""
    monkeypatch.setattr(events, "LEASE", events.LEASE / 40)
    monkeypatch.setattr(events, "INTERVAL", events.INTERVAL / 40)


def shares(*gateways) -> list[int]:
    return [gateway.parts.platforms.wjdh.slots.limit for gateway in gateways]


@pytest.mark.usefixtures("beats")
async def test_gateways_at_work_divide_slots_as_they_come_and_go(serve, environ, database_url):
    settings = environ | {"GATEWAY_DATABASE_URL": database_url}
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
async def test_share_does_not_grow_while_others_may_be_late(serve, environ, database_url):
    settings = environ | {"GATEWAY_DATABASE_URL": database_url}
    async with serve(settings) as one, serve(settings) as two:
        await until(lambda: shares(one, two) == [6, 6])
        leases = one.parts.journal.watches
        await two.parts.journal.watches.leave()  # as after an outage: its row is back with its next beat
        await leases.renew()
        assert (leases.gateways, shares(one)) == (2, [6])
