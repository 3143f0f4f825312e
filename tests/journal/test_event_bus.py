import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from journal_fixtures import Ear

from gateway import events
from gateway.errors import JournalError
from gateway.events import MISSED, EventBus, ReadsDropped, WakeUp
from gateway.journal.journal import open_journal
from gateway.settings import Settings
from gateway.wording.faults import FaultWording

DUE, PLACED, NOTED = WakeUp.PAYMENTS_DUE, WakeUp.PAYMENTS_PLACED, WakeUp.EVENTS_NOTED
DROPPED = ReadsDropped("10002", ("shenheList", "shenhe"))


def test_wake_ups_set_the_events_that_wait_for_them() -> None:
    bus = EventBus()
    with bus.wake_ups(DUE) as due, bus.wake_ups(DUE, PLACED) as either:
        for message, woken in ((PLACED, (False, True)), (DROPPED, (False, False)), (DUE, (True, True))):
            bus.publish(message)
            assert (due.is_set(), either.is_set()) == woken
            due.clear()
            either.clear()
        bus.deliver(MISSED)
        assert (due.is_set(), either.is_set()) == (True, True)
        due.clear()
    bus.publish(DUE)
    assert not due.is_set()


class Notifier:
    """One database for several gateways: it can be down, and it remembers what went over the wire."""

    def __init__(self) -> None:
        self.down = False
        self.messages: list[str] = []
        self._listeners: list[Callable[[str | None], None]] = []

    async def notify(self, message: str) -> None:
        if self.down:
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))
        self.messages.append(message)
        self.hear(message)

    def hear(self, message: str | None) -> None:
        for heard in self._listeners:
            heard(message)

    @asynccontextmanager
    async def listen(self, heard: Callable[[str | None], None]) -> AsyncIterator[None]:
        self._listeners.append(heard)
        yield


@pytest.fixture
def notifier(monkeypatch: pytest.MonkeyPatch) -> Notifier:
    monkeypatch.setattr(events, "RETRY_DELAY", 0.001)
    return Notifier()


async def test_gateways_get_each_message_once(notifier: Notifier) -> None:
    """What was published before they met as well."""
    here, there = EventBus(), EventBus()
    at_home, abroad = Ear(here), Ear(there)
    for message in (DUE, DUE, DROPPED, DUE):
        here.publish(message)
    assert await at_home.next(4) == [DUE, DUE, DROPPED, DUE]
    async with there.bridge(notifier), here.bridge(notifier):
        assert await abroad.next(2) == [DUE, DROPPED]
        there.publish(PLACED)
        assert await at_home.next(1) == await abroad.next(1) == [PLACED]
        here.publish(DUE)
        assert await at_home.next(1) == await abroad.next(1) == [DUE]


async def test_unsent_messages_are_reported_as_missed(notifier: Notifier) -> None:
    here, there = EventBus(), EventBus()
    abroad = Ear(there)
    async with here.bridge(notifier), there.bridge(notifier):
        notifier.down = True
        here.publish(DUE)
        await asyncio.sleep(0.01)  # until the first try has failed
        notifier.down = False

        assert await abroad.next(1) == [MISSED]
        here.publish(DUE)
        assert await abroad.next(1) == [DUE]


@pytest.mark.parametrize("text", ['{"something": "else"}', "not even JSON", '["x", ["no.such"], false]', None])
async def test_unreadable_message_or_lost_connection_counts_as_missed(notifier: Notifier, text: str | None) -> None:
    bus = EventBus()
    ear = Ear(bus)
    async with bus.bridge(notifier):
        notifier.hear(text)
        assert await ear.next(1) == [MISSED]


async def test_batch_of_longest_messages_fits_a_notify(notifier: Notifier) -> None:
    bus = EventBus()
    async with bus.bridge(notifier):
        for number in range(3 * events.LARGEST_PARCEL):
            bus.publish(ReadsDropped(f"{number:064}", ("shenheList", "shenhe", "people", "owner")))

    assert len(notifier.messages) == 3
    assert max(len(message.encode()) for message in notifier.messages) < 8000


async def test_messages_beyond_backlog_are_missed(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LARGEST_BACKLOG", 2)
    here, there = EventBus(), EventBus()
    abroad = Ear(there)
    for message in (DUE, DROPPED, PLACED):
        here.publish(message)
    async with there.bridge(notifier), here.bridge(notifier):
        assert await abroad.next(2) == [MISSED, PLACED]


@pytest.mark.postgres
async def test_gateways_on_one_database_hear_each_other(postgres_settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        journals = [await stack.enter_async_context(open_journal(postgres_settings)) for _ in range(3)]
        ears = [Ear(journal.bus) for journal in journals]
        for journal in journals:
            await stack.enter_async_context(journal.bridge())
        for number, journal in enumerate(journals):
            journal.bus.publish(ReadsDropped(str(number), ("缴费",)))

        for ear in ears:
            assert {message.community_code for message in await ear.next(3)} == {"0", "1", "2"}
