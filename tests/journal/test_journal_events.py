"""Events of the journal: one order for all who write, nothing left out, and one watch for each list."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from standing_clock import FrozenClock

from gateway.events import EventBus
from gateway.journal.event_tail import CAPACITY, EventTail, Feed
from gateway.journal.events import KEPT, Interest, get_audience
from gateway.journal.journal import Journal, open_journal
from gateway.journal.records import OPERATION, PAYMENT, SHENHE_CHANGED, GapKind, NewEvent, NotedEvent
from gateway.journal.watches import LEASE, WatchLostError
from gateway.settings import Settings

CODE = "10002"


def change(number: int, code: str = CODE) -> NewEvent:
    return NewEvent(topic=SHENHE_CHANGED, community_code=code, record_id=str(number), kind="APPEARED", status="PENDING")


async def note(journal: Journal, *events: NewEvent, pause: float = 0) -> None:
    """In one transaction each, which ends some time after its event was written."""
    for event in events:

        def work(connection, event=event):
            journal.events.note(connection, event)
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_sleep(:pause)"), {"pause": pause})

        await journal._database.write(work)
        journal.events.on_noted()


async def receive(feed: Feed, count: int) -> list[Any]:
    async with asyncio.timeout(60):
        return [(await anext(feed)).record_id for _ in range(count)]


@asynccontextmanager
async def tail_of(journal: Journal) -> AsyncIterator[EventTail]:
    bus = EventBus()
    tail = EventTail(journal.events, bus)
    async with bus.bridge(journal.notifier), tail.open():
        yield tail


async def test_events_have_one_order_without_holes(journal: Journal) -> None:
    await note(journal, *(change(number) for number in range(5)))

    events = await journal.events.after(0, 100)

    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
    assert [event.record_id for event in events] == ["0", "1", "2", "3", "4"]  # of the same millisecond
    assert await journal.events.after(3, 100) == events[3:]
    assert (await journal.events.start(SHENHE_CHANGED)).position == 5


@pytest.mark.postgres
async def test_late_commits_are_never_left_out(postgres_settings: Settings) -> None:
    """With a plain serial, what commits late has a number below what was read before."""
    chance = random.Random(1)
    async with (
        open_journal(postgres_settings) as one,
        open_journal(postgres_settings) as two,
        tail_of(one),
        tail_of(two) as tail,
    ):
        with tail.follow(Interest(SHENHE_CHANGED, (CODE,)), 0) as feed:
            writers = [
                note(journal, *(change(100 * n + m) for m in range(10)), pause=chance.random() / 50)
                for n, journal in enumerate((one, two) * 3)
            ]
            receiving = asyncio.create_task(receive(feed, 60))
            await asyncio.gather(*writers)
            received = await receiving

    assert sorted(map(int, received)) == sorted(100 * n + m for n in range(6) for m in range(10))


async def test_slow_follower_reads_the_rest_from_the_journal(journal: Journal) -> None:
    async with tail_of(journal) as tail:
        with tail.follow(Interest(SHENHE_CHANGED, (CODE,)), 0) as slow:
            await note(journal, change(0))
            assert await receive(slow, 1) == ["0"]
            for number in range(1, CAPACITY + 20):
                slow.put(noted(number))
            assert not slow._queue
            await note(journal, change(7))
            assert await receive(slow, 1) == ["7"]


def noted(number: int) -> NotedEvent:
    return NotedEvent(topic=SHENHE_CHANGED, kind="APPEARED", record_id="9", sequence=number + 1, at=FrozenClock().now)


async def test_follower_gets_only_what_concerns_it(journal: Journal) -> None:
    own = NewEvent(topic=OPERATION, audience=get_audience("me"), record_id="mine", kind="CONFIRMED")
    others = NewEvent(topic=OPERATION, audience=get_audience("you"), record_id="yours", kind="CONFIRMED")
    gap = NewEvent(topic=PAYMENT, kind=GapKind.LATE, missed=True)
    wanted: dict[Interest, list[Any]] = {
        Interest(SHENHE_CHANGED, (CODE,)): ["1"],
        Interest(SHENHE_CHANGED, ("00001",)): ["2"],
        Interest(SHENHE_CHANGED): ["1", "2"],
        Interest(OPERATION, audience=get_audience("me")): ["mine"],
        Interest(PAYMENT, (CODE,)): [None],
        Interest(PAYMENT): [None],
    }
    async with tail_of(journal) as tail:
        feeds = {interest: tail.follow(interest, 0) for interest in wanted}
        live = {interest: feed.__enter__() for interest, feed in feeds.items()}
        for event in (change(1), change(2, "00001"), own, others, gap):
            await note(journal, event)
        for interest, records in wanted.items():
            assert await receive(live[interest], len(records)) == records
            replayed = await journal.events.after(0, 100, interest)
            assert [event.record_id for event in replayed] == records
        for feed in feeds.values():
            feed.__exit__(None, None, None)
        assert len(tail) == 0
        assert not tail._by_key


async def test_events_are_forgotten_after_a_day(journal: Journal, clock: FrozenClock) -> None:
    await note(journal, change(1), change(2))
    await journal.events.start(SHENHE_CHANGED)
    clock.advance(hours=1)
    await note(journal, change(3))
    clock.now += KEPT - timedelta(minutes=30)

    await journal.events.prune()

    assert [event.record_id for event in await journal.events.after(0, 100)] == ["3"]
    assert (await journal.events.start(SHENHE_CHANGED)).forgotten == 2


@pytest.mark.postgres
async def test_list_is_held_by_one_gateway(postgres_settings: Settings, clock: FrozenClock) -> None:
    wanted = timedelta(seconds=45)
    async with open_journal(postgres_settings, clock) as one, open_journal(postgres_settings, clock) as two:
        for journal in (one, two):
            await journal.watches.join()
        assert await one.watches.hold(SHENHE_CHANGED, CODE, wanted)
        assert not await two.watches.hold(SHENHE_CHANGED, CODE, wanted)
        assert not await one.watches.release(SHENHE_CHANGED, CODE)  # the other one wants it watched
        clock.now += LEASE
        await two.watches.renew()
        assert await two.watches.hold(SHENHE_CHANGED, CODE, wanted)
        with pytest.raises(WatchLostError):
            await one.watches.note(SHENHE_CHANGED, CODE, [change(1)], since=clock.now, begins=False)
        assert SHENHE_CHANGED not in {event.topic for event in await two.events.after(0, 100)}
        await two.watches.leave()
        await one.watches.renew()
        assert await one.watches.hold(SHENHE_CHANGED, CODE, wanted)


async def test_journal_without_a_gateway_has_missed_payments(settings: Settings, clock: FrozenClock) -> None:
    async with open_journal(settings, clock) as journal:
        await journal.watches.join()
        await journal.watches.leave()
    async with open_journal(settings, clock) as journal:
        await journal.watches.join()
        gaps = await journal.events.after(0, 100, Interest(PAYMENT, (CODE,)))

    assert [(gap.kind, gap.missed) for gap in gaps] == [("LATE", True)] * 2
