"""What gateways on one database tell each other: each message once, and that some were missed."""

from collections.abc import AsyncIterator

import pytest
from broken_journal import broken
from journal_fixtures import Ear

from gateway import events
from gateway.events import MISSED, ReadsDropped, WakeUp
from gateway.journal.journal import Journal, open_journal
from gateway.settings import Settings

DUE, PLACED = WakeUp.PAYMENTS_DUE, WakeUp.PAYMENTS_PLACED
DROPPED = ReadsDropped("10002", ("shenheList", "缴费"))

pytestmark = pytest.mark.postgres


@pytest.fixture
async def journals(
    postgres_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Journal, Journal]]:
    """Those of two gateways; their bridges are not open yet."""
    monkeypatch.setattr(events, "RETRY_DELAY", 0.001)
    async with open_journal(postgres_settings) as here, open_journal(postgres_settings) as there:
        yield here, there


async def test_gateways_get_each_message_once(journals: tuple[Journal, Journal]) -> None:
    """What was published before they met as well."""
    here, there = journals
    at_home, abroad = Ear(here.bus), Ear(there.bus)
    for message in (DUE, DUE, DROPPED, DUE):
        here.bus.publish(message)
    assert await at_home.next(4) == [DUE, DUE, DROPPED, DUE]
    async with there.bridge(), here.bridge():
        assert await abroad.next(2) == [DUE, DROPPED]
        there.bus.publish(PLACED)
        assert await at_home.next(1) == await abroad.next(1) == [PLACED]
        here.bus.publish(DUE)
        assert await at_home.next(1) == await abroad.next(1) == [DUE]


async def test_unsent_messages_are_reported_as_missed(journals: tuple[Journal, Journal]) -> None:
    here, there = journals
    abroad = Ear(there.bus)
    async with there.bridge(), here.bridge():
        with broken(here.database, "notify", times=1):
            here.bus.publish(DUE)
            assert await abroad.next(1) == [MISSED]
        here.bus.publish(DUE)
        assert await abroad.next(1) == [DUE]


@pytest.mark.parametrize("text", ['{"something": "else"}', "not even JSON", '["x", ["no.such"], false]'])
async def test_unreadable_message_counts_as_missed(journals: tuple[Journal, Journal], text: str) -> None:
    here, _ = journals
    ear = Ear(here.bus)
    with here.bus.wake_ups(DUE) as due:
        async with here.bridge():
            await here.database.notify(text)  # type: ignore[attr-defined] # as PostgreSQL's has it
            assert await ear.next(1) == [MISSED]
        assert due.is_set()


async def test_batch_of_longest_messages_fits_a_notify(journals: tuple[Journal, Journal]) -> None:
    here, there = journals
    longest = [
        ReadsDropped(f"{number:064}", ("shenheList", "shenhe", "people", "owner"))
        for number in range(10 * events.LARGEST_PARCEL)
    ]
    ear = Ear(there.bus)
    async with there.bridge(), here.bridge():
        for message in longest:
            here.bus.publish(message)
        assert await ear.next(len(longest)) == longest


async def test_messages_beyond_backlog_are_missed(journals, monkeypatch):
    monkeypatch.setattr(events, "LARGEST_BACKLOG", 2)
    here, there = journals
    abroad = Ear(there.bus)
    for message in (DUE, DROPPED, PLACED):
        here.bus.publish(message)
    async with there.bridge(), here.bridge():
        assert await abroad.next(2) == [MISSED, PLACED]
