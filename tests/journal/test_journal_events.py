"""Events of the journal: one order for all who write, nothing left out, and one watch for each list."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from standing_clock import FrozenClock

from gateway.journal.events import KEPT, LEASE, Interest, WatchLostError, get_audience
from gateway.journal.journal import Journal, open_journal
from gateway.journal.records import OPERATION, PAYMENT, SHENHE_CHANGED, GapKind, NewEvent, NotedEvent
from gateway.loaders import event_streams
from gateway.loaders.event_streams import EventTail
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

        await journal.events.write(work)


async def receive(feed: AsyncGenerator[NotedEvent, None], count: int) -> list[Any]:
    async with asyncio.timeout(60):
        return [(await anext(feed)).record_id for _ in range(count)]


@asynccontextmanager
async def tail_of(journal: Journal) -> AsyncIterator[EventTail]:
    tail = EventTail(journal.events)
    async with journal.bridge(), tail.open():
        yield tail


async def test_events_have_one_order_without_holes(journal: Journal) -> None:
    await note(journal, *(change(number) for number in range(5)))

    events, last = await journal.events.after(0, 100)

    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
    assert [event.record_id for event in events] == ["0", "1", "2", "3", "4"]  # of the same millisecond
    assert await journal.events.after(3, 100) == (events[3:], last)
    assert await journal.events.after(0, 3) == (events[:3], 3)
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
        aclosing(tail.follow(Interest(SHENHE_CHANGED, (CODE,)), 0)) as feed,
    ):
        writers = [
            note(journal, *(change(100 * n + m) for m in range(10)), pause=chance.random() / 50)
            for n, journal in enumerate((one, two) * 3)
        ]
        receiving = asyncio.create_task(receive(feed, 60))
        await asyncio.gather(*writers)
        received = await receiving

    assert sorted(map(int, received)) == sorted(100 * n + m for n in range(6) for m in range(10))


async def test_slow_follower_reads_the_rest_from_the_journal(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "CAPACITY", 5)
    interest = Interest(SHENHE_CHANGED, (CODE,))
    async with (
        tail_of(journal) as tail,
        aclosing(tail.follow(interest, 0)) as slow,
        aclosing(tail.follow(interest, 0)) as quick,
    ):
        await note(journal, change(0))
        assert await receive(slow, 1) == await receive(quick, 1) == ["0"]
        for number in range(1, 40):
            await note(journal, change(number))
            assert await receive(quick, 1) == [str(number)]
        assert await receive(slow, 39) == [str(number) for number in range(1, 40)]


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
        live = {interest: tail.follow(interest, 0) for interest in wanted}
        for event in (change(1), change(2, "00001"), own, others, gap):
            await note(journal, event)
        for interest, records in wanted.items():
            assert await receive(live[interest], len(records)) == records
            replayed, _ = await journal.events.after(0, 100, interest)
            assert [event.record_id for event in replayed] == records
        for feed in live.values():
            await feed.aclose()
        assert not tail.followers


async def test_events_are_forgotten_after_a_day(journal: Journal, clock: FrozenClock) -> None:
    await note(journal, change(1), change(2))
    clock.advance(hours=1)
    await note(journal, change(3))
    clock.now += KEPT - timedelta(minutes=30)

    await journal.events.prune()

    assert [event.record_id for event in (await journal.events.after(0, 100))[0]] == ["3"]
    assert (await journal.events.start(SHENHE_CHANGED)).forgotten == 2


@pytest.mark.postgres
async def test_list_taken_over_is_noted_by_its_new_holder(postgres_settings: Settings, clock: FrozenClock) -> None:
    listed, wanted = (SHENHE_CHANGED, CODE), timedelta(seconds=45)
    async with open_journal(postgres_settings, clock) as one, open_journal(postgres_settings, clock) as two:
        for journal in (one, two):
            await journal.watches.renew(joins=True)
        assert await one.watches.hold([listed], wanted) == {listed}
        clock.now += LEASE
        await two.watches.renew()
        assert two.watches.lists == 0  # the one that held it has died
        assert await two.watches.hold([listed], wanted) == {listed}
        with pytest.raises(WatchLostError):
            await one.watches.note(SHENHE_CHANGED, CODE, [change(1)], since=clock.now, begins=False)
        assert SHENHE_CHANGED not in {event.topic for event in (await two.events.after(0, 100))[0]}


@pytest.mark.postgres
async def test_each_of_many_lists_is_held_by_one_gateway(postgres_settings: Settings) -> None:
    lists = [(SHENHE_CHANGED, str(number)) for number in range(400)]
    async with open_journal(postgres_settings) as one, open_journal(postgres_settings) as two:
        for journal in (one, two):
            await journal.watches.renew(joins=True)
        asked = [(journal, lists[begin : begin + 250]) for begin in (0, 50, 100, 150) for journal in (one, two)]
        wanted = timedelta(seconds=45)
        found = await asyncio.gather(*(journal.watches.hold(part[::-1], wanted) for journal, part in asked))
        held = [
            {place for (each, _), part in zip(asked, found, strict=True) if each is journal for place in part}
            for journal in (one, two)
        ]
        assert held[0] | held[1] == set(lists)
        assert not held[0] & held[1]
        freed = await asyncio.gather(*(journal.watches.release(lists) for journal in (one, two)))
        assert (lists[0] in freed[0], lists[0] in freed[1]) == (lists[0] in held[1], lists[0] in held[0])
        for journal in (one, two):
            await journal.watches.renew()
            assert journal.watches.lists == len(lists)
