import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, _AsyncGeneratorContextManager

import pytest

from gateway import events
from gateway.errors import JournalError
from gateway.events import MISSED, ORDER_PAID, REPAIR_CHANGED, Event, EventBus, Missed, ReadsDropped, Subscription
from gateway.journal.journal import open_journal
from gateway.journal.notify import LocalNotifier
from gateway.settings import Settings
from gateway.wording.faults import FaultWording

PAID = Event(ORDER_PAID, "10002", "payment-1")
REPAIRED = Event(REPAIR_CHANGED, "10002", "7")


async def receive(subscription: Subscription) -> Event | Missed:
    async with asyncio.timeout(5):
        return await anext(subscription)


async def test_subscribers_get_their_topics_in_order() -> None:
    bus = EventBus()
    with bus.subscribe(ORDER_PAID) as paid, bus.subscribe(ORDER_PAID, REPAIR_CHANGED) as both:
        bus.publish(REPAIRED)
        bus.publish(PAID)

        assert await receive(paid) == PAID
        assert [await receive(both), await receive(both)] == [REPAIRED, PAID]


async def test_waiting_subscriber_is_notified() -> None:
    bus = EventBus()
    with bus.subscribe(ORDER_PAID) as paid:
        waiting = asyncio.create_task(receive(paid))
        await asyncio.sleep(0)
        bus.publish(PAID)
        assert await waiting == PAID


async def test_unsubscribed_events_are_not_stored() -> None:
    bus = EventBus()
    with bus.subscribe(ORDER_PAID) as paid:
        pass
    bus.publish(PAID)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(paid)


async def test_slow_subscriber_is_notified_of_missed_events() -> None:
    bus = EventBus()
    with bus.subscribe(ORDER_PAID, capacity=3) as slow, bus.subscribe(ORDER_PAID) as quick:
        published = [Event(ORDER_PAID, "10002", f"payment-{n}") for n in range(5)]
        for event in published:
            bus.publish(event)

        assert [await receive(slow) for _ in range(3)] == [MISSED, published[3], published[4]]
        assert [await receive(quick) for _ in range(5)] == published


class Notifier(LocalNotifier):
    """One database for several gateways: it can be down, and it remembers what went over the wire."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.messages: list[str] = []
        self.hear: Callable[[str | None], None] | None = None

    async def notify(self, channel: str, message: str) -> None:
        if self.down:
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))
        self.messages.append(message)
        await super().notify(channel, message)

    def listen(self, channel: str, heard: Callable[[str | None], None]) -> _AsyncGeneratorContextManager[None]:
        self.hear = heard
        return super().listen(channel, heard)


@pytest.fixture
def notifier(monkeypatch: pytest.MonkeyPatch) -> Notifier:
    monkeypatch.setattr(events, "RETRY_DELAY", 0.001)
    return Notifier()


async def test_gateways_get_each_event_once(notifier: Notifier) -> None:
    here, there = EventBus(), EventBus()
    async with here.bridge(notifier), there.bridge(notifier):
        with here.subscribe(ORDER_PAID) as at_home, there.subscribe(ORDER_PAID) as abroad:
            here.publish(PAID)
            assert await receive(abroad) == PAID
            there.publish(Event(ORDER_PAID, None, "payment-2"))
            assert [await receive(at_home), await receive(at_home)] == [
                PAID,
                Event(ORDER_PAID, None, "payment-2"),
            ]


async def test_dropped_reads_are_sent_to_caches_only(notifier: Notifier) -> None:
    here, there = EventBus(), EventBus()
    caches: list[object] = []
    there.attach(caches.append)
    dropped = ReadsDropped("10002", ("shenheList", "shenhe"))
    async with here.bridge(notifier), there.bridge(notifier):
        with there.subscribe(ORDER_PAID) as abroad:
            here.publish(dropped)
            here.publish(PAID)
            assert await receive(abroad) == PAID

    assert caches == [dropped, PAID]


async def test_remaining_events_are_sent_at_close(notifier: Notifier) -> None:
    here, there = EventBus(), EventBus()
    async with there.bridge(notifier):
        with there.subscribe(ORDER_PAID) as abroad:
            async with here.bridge(notifier):
                here.publish(PAID)
            assert await receive(abroad) == PAID


async def test_unsent_events_are_reported_as_missed(notifier: Notifier) -> None:
    here, there = EventBus(), EventBus()
    async with here.bridge(notifier), there.bridge(notifier):
        with there.subscribe(ORDER_PAID) as abroad:
            notifier.down = True
            here.publish(PAID)
            await asyncio.sleep(0.01)  # until the first try has failed
            notifier.down = False

            assert await receive(abroad) == MISSED
            here.publish(PAID)
            assert await receive(abroad) == PAID


async def test_message_of_another_version_counts_as_missed(notifier: Notifier) -> None:
    bus = EventBus()
    async with bus.bridge(notifier):
        with bus.subscribe(ORDER_PAID) as paid:
            await notifier.notify(events.CHANNEL, '{"something": "else"}')
            await notifier.notify(events.CHANNEL, "not even JSON")
            bus.publish(PAID)
            assert [await receive(paid), await receive(paid)] == [MISSED, PAID]


async def test_lost_connection_counts_as_missed(notifier: Notifier) -> None:
    bus = EventBus()
    async with bus.bridge(notifier):
        with bus.subscribe(ORDER_PAID) as paid:
            bus.publish(PAID)
            assert notifier.hear is not None
            notifier.hear(None)
            assert [await receive(paid), await receive(paid)] == [PAID, MISSED]


async def test_batch_of_longest_identifiers_fits_a_notify(notifier: Notifier) -> None:
    bus = EventBus()
    async with bus.bridge(notifier):
        for _ in range(3 * events.LARGEST_PARCEL):
            bus.publish(Event(REPAIR_CHANGED, "0" * 64, "9" * 256))

    assert len(notifier.messages) == 3
    assert max(len(message.encode()) for message in notifier.messages) < 8000


async def test_events_beyond_backlog_are_missed(notifier: Notifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LARGEST_BACKLOG", 2)
    here, there = EventBus(), EventBus()
    for _ in range(3):
        here.publish(PAID)
    async with there.bridge(notifier):
        with there.subscribe(ORDER_PAID, REPAIR_CHANGED) as abroad:
            async with here.bridge(notifier):
                here.publish(REPAIRED)
                assert [await receive(abroad) for _ in range(3)] == [MISSED, PAID, REPAIRED]


async def test_overflow_while_sending_is_reported_as_missed(
    notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LARGEST_BACKLOG", 1)
    here, there = EventBus(), EventBus()

    class Overflowing(Notifier):
        async def notify(self, channel: str, message: str) -> None:
            if not self.messages:
                here.publish(PAID)
                here.publish(PAID)
            self.messages.append(message)
            await notifier.notify(channel, message)

    async with there.bridge(notifier), here.bridge(Overflowing()):
        with there.subscribe(ORDER_PAID) as abroad:
            here.publish(PAID)
            assert [await receive(abroad) for _ in range(3)] == [PAID, MISSED, PAID]


@pytest.mark.postgres
async def test_gateways_on_one_database_hear_each_other(postgres_settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        buses, ears = [], []
        for _ in range(3):
            journal = await stack.enter_async_context(open_journal(postgres_settings))
            bus = EventBus()
            await stack.enter_async_context(bus.bridge(journal))
            ears.append(stack.enter_context(bus.subscribe(ORDER_PAID)))
            buses.append(bus)
        for number, bus in enumerate(buses):
            bus.publish(Event(ORDER_PAID, "10002", f"payment-{number}"))

        for ear in ears:
            heard = {(await receive(ear)).record_id for _ in range(3)}
            assert heard == {"payment-0", "payment-1", "payment-2"}


async def test_message_is_received_on_its_channel_only(settings: Settings) -> None:
    async with open_journal(settings) as journal:
        heard: asyncio.Queue[str | None] = asyncio.Queue()
        async with journal.listen("one", heard.put_nowait):
            await journal.notify("two", "no")
            await journal.notify("one", "缴费")
            async with asyncio.timeout(5):
                assert await heard.get() == "缴费"
        await journal.notify("one", "too late")
        assert heard.empty()
