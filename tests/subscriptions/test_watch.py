"""Watches poll the platform for changes while there are subscribers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing
from dataclasses import replace

import pytest
from platform_answers import decide
from waiting import until

from gateway.cache import SharedReads
from gateway.entities import ENDPOINTS
from gateway.events import EventBus
from gateway.futures import Pending
from gateway.journal.journal import Journal, open_journal, utc_now
from gateway.journal.records import REPAIR_CHANGED, SHENHE_CHANGED
from gateway.loaders.event_streams import EventTail
from gateway.loaders.watch import LONGEST_PAUSE, MOST_CHECKED, PER_PAGE, Watches
from gateway.platforms.platforms import make_platforms
from gateway.repairs import REPAIRS
from gateway.sandbox.dialects import paging
from gateway.sandbox.faults import Fault, FaultKind
from gateway.settings import load_settings
from gateway.shenhe.record import SHENHES, ShenheStatus

CODE = "10002"
PENDING = 2
INTERVAL = 15.0


class Endless(Pending[None]):
    """A read that is never answered."""

    size = 0

    def begin(self) -> None:
        pass


class Pauses:
    """Stands in for the pause between polls: a watch looks again when the test says so, or when it is ended."""

    def __init__(self) -> None:
        self._begun: asyncio.Queue[float] = asyncio.Queue()
        self._over: asyncio.Queue[None] = asyncio.Queue()

    async def pause(self, ended: asyncio.Event, seconds: float) -> None:
        self._begun.put_nowait(seconds)
        waiting = asyncio.ensure_future(self._over.get()), asyncio.ensure_future(ended.wait())
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()

    async def first_poll(self) -> float:
        """Until the watch pauses; returns for how many seconds."""
        return await asyncio.wait_for(self._begun.get(), 60)

    async def next_poll(self) -> float:
        self._over.put_nowait(None)
        return await self.first_poll()


class Noted:
    """What the journal has of records: topic, number and kind."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._position = 0

    async def new(self) -> list[tuple[str, int, str]]:
        """Since the test asked last."""
        events, self._position = await self._journal.events.after(self._position, 1000)
        return [(event.topic, int(event.record_id), event.kind) for event in events if event.record_id is not None]


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def journal(environ) -> AsyncIterator[Journal]:
    async with open_journal(load_settings(environ)) as journal:
        yield journal


@pytest.fixture
def bus(journal) -> EventBus:
    return journal.bus


@pytest.fixture
def noted(journal) -> Noted:
    return Noted(journal)


@pytest.fixture
async def wjdh(environ):
    """The platform as others use it."""
    async with aclosing(make_platforms(load_settings(environ), ENDPOINTS)) as platforms:
        yield platforms.wjdh


@pytest.fixture
def reads(bus) -> SharedReads:
    return SharedReads(bus)


@pytest.fixture
async def watches(environ, bus, pauses, journal):
    async with aclosing(make_platforms(load_settings(environ), ENDPOINTS)) as platforms:
        tail = EventTail(journal.events)
        watches = Watches(
            platforms, bus, tail, journal.watches, utc_now, interval=INTERVAL, linger=0, pause=pauses.pause
        )
        async with tail.open(), journal.watches.present():
            yield watches
            await watches.close()


@pytest.fixture
async def reviews_watched(watches, pauses):
    with watches.watching(SHENHES, CODE):
        await pauses.first_poll()
        yield


def pending(sandbox, amount: int = 1) -> list[int]:
    return [review.id for review in sandbox.world.shenhes_of[CODE] if review.status == PENDING][:amount]


def add_review(sandbox, number: int) -> None:
    review = replace(sandbox.world.shenhes[pending(sandbox)[0]], id=number)
    sandbox.world.shenhes[number] = review
    sandbox.world.shenhes_of[CODE].append(review)


def add_repair(sandbox, number: int) -> None:
    repair = replace(sandbox.world.repairs_of[CODE][-1], id=number, is_resolved=False, reply=None)
    sandbox.world.repairs[number] = repair
    sandbox.world.repairs_of[CODE].append(repair)


def reviews(kind: str, *numbers: int) -> list[tuple[str, int, str]]:
    return [(SHENHE_CHANGED, number, kind) for number in numbers]


def repairs(kind: str, *numbers: int) -> list[tuple[str, int, str]]:
    return [(REPAIR_CHANGED, number, kind) for number in numbers]


@pytest.mark.usefixtures("reviews_watched")
class TestReviews:
    async def test_unchanged_list_is_no_event(self, noted, pauses):
        assert await pauses.next_poll() == INTERVAL

        assert await noted.new() == []

    async def test_decision_elsewhere_costs_one_additional_call(self, noted, pauses, sandbox, wjdh):
        [number] = pending(sandbox)
        await decide(wjdh, number, ShenheStatus.APPROVED)
        sandbox.reset_calls()

        await pauses.next_poll()

        assert await noted.new() == reviews("DECIDED", number)
        assert sandbox.counts() == {("WJDH", "shenheList"): 1, ("WJDH", "shenhe"): 1}

    async def test_missing_application_is_no_event(self, noted, pauses, sandbox):
        number = pending(sandbox)[0]
        sandbox.world.shenhes_of[CODE].remove(sandbox.world.shenhes.pop(number))

        await pauses.next_poll()

        assert await noted.new() == []
        sandbox.reset_calls()
        await pauses.next_poll()
        assert sandbox.count("WJDH", "shenhe") == 0  # it is not looked for again

    async def test_row_skipped_between_pages_is_no_event(self, noted, pauses, sandbox):
        listed = sandbox.world.shenhes_of[CODE]
        review = sandbox.world.shenhes[pending(sandbox)[0]]
        position = listed.index(review)
        listed.remove(review)
        await pauses.next_poll()
        listed.insert(position, review)
        await pauses.next_poll()

        assert await noted.new() == []

    async def test_many_decisions_are_noted_in_bounded_batches(self, noted, pauses, sandbox, wjdh):
        for number in range(900, 900 + MOST_CHECKED + 5):
            add_review(sandbox, number)
        await pauses.next_poll()
        await noted.new()
        for number in range(900, 900 + MOST_CHECKED + 5):
            await decide(wjdh, number, ShenheStatus.APPROVED)

        await pauses.next_poll()
        first = await noted.new()
        await pauses.next_poll()

        assert len(first) == MOST_CHECKED
        assert first + await noted.new() == reviews("DECIDED", *range(900, 900 + MOST_CHECKED + 5))

    async def test_list_of_two_pages_is_watched_whole(self, noted, pauses, sandbox, wjdh):
        for number in range(1000, 1000 + PER_PAGE):
            add_review(sandbox, number)
        await pauses.next_poll()
        await decide(wjdh, 1000, ShenheStatus.REJECTED)
        await pauses.next_poll()
        await decide(wjdh, 1000, ShenheStatus.PENDING)
        await noted.new()

        await pauses.next_poll()

        assert await noted.new() == reviews("REOPENED", 1000)

    async def test_long_list_is_watched_at_its_ends(self, noted, pauses, sandbox, wjdh):
        for number in range(1000, 1000 + 3 * PER_PAGE):
            add_review(sandbox, number)
        await pauses.next_poll()
        await noted.new()
        oldest = pending(sandbox)[0]
        await decide(wjdh, oldest, ShenheStatus.APPROVED)  # a row of the second page moves up to the first
        add_review(sandbox, 2000)
        sandbox.reset_calls()

        await pauses.next_poll()

        assert sorted(await noted.new()) == [*reviews("DECIDED", oldest), *reviews("APPEARED", 2000)]
        assert sandbox.count("WJDH", "shenheList") == 2

        await decide(wjdh, oldest, ShenheStatus.PENDING)
        await noted.new()
        await pauses.next_poll()
        assert await noted.new() == reviews("REOPENED", oldest)

    async def test_row_moved_out_of_sight_is_looked_up_once(self, bus, pauses, sandbox):
        for number in range(1000, 1000 + 2 * PER_PAGE + MOST_CHECKED):
            add_review(sandbox, number)
        await pauses.next_poll()
        for number in range(2000, 2000 + PER_PAGE):
            add_review(sandbox, number)
        for _ in range(3):
            await pauses.next_poll()
        sandbox.reset_calls()

        await pauses.next_poll()

        assert sandbox.counts() == {("WJDH", "shenheList"): 2}

    async def test_failing_platform_is_polled_less_often(self, noted, pauses, sandbox):
        sandbox.faults.set("WJDH", "shenheList", Fault(FaultKind.WRONG_SHAPE))
        add_review(sandbox, 900)

        waited = [await pauses.next_poll() for _ in range(6)]
        sandbox.faults.clear()
        recovered = await pauses.next_poll()

        assert waited == [30, 60, 120, 240, LONGEST_PAUSE, LONGEST_PAUSE]
        assert recovered == INTERVAL
        assert await noted.new() == reviews("APPEARED", 900)


async def test_empty_list_without_page_information_is_watched(watches, noted, pauses, sandbox, monkeypatch):
    pages = paging.pages
    monkeypatch.setattr(paging, "pages", lambda page, *given: pages(page, *given) if page.rows else None)
    listed = sandbox.world.repairs_of[CODE]
    earlier, listed[:] = listed[-1], []
    with watches.watching(REPAIRS, CODE):
        await pauses.first_poll()
        assert sandbox.count("WJDH", "repair/list") == 1
        repair = replace(earlier, id=900, is_resolved=False, reply=None)
        sandbox.world.repairs[900] = repair
        listed.append(repair)
        await pauses.next_poll()

    assert await noted.new() == repairs("APPEARED", 900)


def at_work() -> list[object]:
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("watch ")]


async def test_shared_watch_ends_with_its_last_subscriber(watches, pauses, sandbox):
    with ExitStack() as others:
        for _ in range(3):
            others.enter_context(watches.watching(SHENHES, CODE))
        with watches.watching(SHENHES, "00001"), watches.watching(REPAIRS, CODE):
            for _ in range(3):
                await pauses.first_poll()
            assert len(watches) == len(at_work()) == 3
        await until(lambda: len(at_work()) == 1)

    await until(lambda: not at_work())
    assert len(watches) == 0
    assert sandbox.count("WJDH", "shenheList") == 2
    assert sandbox.count("WJDH", "repair/list") == 1


@pytest.mark.parametrize("endpoint", ["shenheList", "shenhe", "people", "owner", "repair", "repair/list"])
async def test_change_drops_every_outdated_read(watches, pauses, sandbox, reads, endpoint):
    of_repairs = endpoint.startswith("repair")
    with watches.watching(REPAIRS, CODE) if of_repairs else watches.watching(SHENHES, CODE):
        await pauses.first_poll()
        shared, key = reads.of(endpoint), (CODE, 900, None)
        shared.begin(key, Endless())
        assert shared.find(key) is not None
        (add_repair if of_repairs else add_review)(sandbox, 900)
        await pauses.next_poll()

        assert shared.find(key) is None
