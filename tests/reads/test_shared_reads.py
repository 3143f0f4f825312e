"""Request coalescing and the read cache, without platforms."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from standing_clock import Clock
from waiting import until

from gateway import cache
from gateway.cache import LARGEST_CACHED, SharedReads
from gateway.events import EventBus, ReadsDropped
from gateway.futures import Pending, wait_all

SECONDS = {"owner": 60.0, "people": 60.0}
CODE = "10002"


class Reading(Pending[Any]):
    """A read that is completed by the test."""

    size = 0

    def begin(self):
        pass


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bus():
    return EventBus()


@pytest.fixture
def reads(bus, clock):
    return SharedReads(bus, seconds=SECONDS, cacheable_nulls=frozenset({"owner"}), size=3, clock=clock)


@pytest.fixture
def ask(reads):
    """`ask(key)`: the read of a key that is in flight or cached, or else a new one."""

    def ask(key, endpoint="owner", community=CODE, fresh=False):
        its, identity = reads.of(endpoint), (community, key, "all")
        found = its.find(identity, fresh)
        if found is None:
            its.begin(identity, found := Reading())
        return found

    return ask


@pytest.fixture
def is_cached(ask):
    """Whether a read of a key that is completed now is found again."""

    def is_cached(key, outcome="an owner", size=0, **its):
        read = ask(key, **its)
        read.size = size
        read.complete(outcome)
        return ask(key, **its).completed

    return is_cached


async def wait(*reads):
    """The task of a caller who waits for these."""
    task = asyncio.create_task(wait_all(reads))
    await turn()
    return task


async def turn():
    for _ in range(5):
        await asyncio.sleep(0)


class TestInFlightReads:
    @pytest.mark.parametrize("answer", ["an owner", LookupError("down")])
    async def test_equal_reads_share_one_call_and_its_answer(self, ask, answer):
        read, other = ask(1), ask(2)
        assert ask(1) is read
        one, both = await wait(read), await wait(read, other)
        read.complete(answer)
        await turn()
        assert (one.done(), both.done(), read.outcome) == (True, False, answer)
        other.complete("another")
        await both

    async def test_fresh_read_joins_a_call_but_not_the_cache(self, ask):
        read = ask(1, fresh=True)
        assert ask(1, fresh=True) is read
        read.complete("an owner")
        assert ask(1).outcome == "an owner"
        assert not ask(1, fresh=True).completed

    async def test_call_ends_when_its_last_waiter_leaves(self, ask, reads):
        alone, shared = ask(1), ask(2)
        for task in (await wait(alone, shared), await wait(shared)):
            assert ask(2) is shared
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert ask(1) is not alone
        assert ask(2) is not shared

    async def test_read_overtaken_by_a_write_serves_its_waiters_only(self, ask, bus):
        before = ask(1)
        waiting = await wait(before)
        bus.publish(ReadsDropped(CODE, ("owner",)))
        after = ask(1)
        before.complete("the owner before")
        await waiting
        assert ask(1) is after


class TestCachedReads:
    @pytest.mark.parametrize(("size", "cached"), [(LARGEST_CACHED, True), (LARGEST_CACHED + 1, False)])
    async def test_large_answer_is_not_cached(self, is_cached, size, cached):
        assert is_cached(1, size=size) == cached

    @pytest.mark.parametrize(("took", "fresh"), [(20, 39.9), (60, None)])
    async def test_answer_expires_counted_from_the_start_of_its_call(self, ask, reads, clock, took, fresh):
        read = ask(1)
        clock.now += took
        read.complete("an owner")
        assert len(reads) == (fresh is not None)
        if fresh:
            clock.now += fresh
            assert ask(1).completed
            clock.now += 60 - took - fresh
        assert not ask(1).completed

    async def test_errors_and_missing_people_are_not_cached(self, is_cached):
        assert is_cached(1, None)
        assert not is_cached(1, None, endpoint="people")
        assert not is_cached(2, LookupError("down"))

    async def test_read_without_a_community_is_dropped_by_any_write(self, ask, is_cached, bus):
        assert is_cached(1, community=None)
        bus.publish(ReadsDropped(CODE, ("people", "owner")))
        assert not ask(1, community=None).completed

    async def test_missed_events_drop_everything(self, ask, is_cached, bus, reads):
        assert is_cached(1)
        under_way = ask(2)
        bus._hear(None)  # what the journal's notifier calls after its connection was lost
        under_way.complete("an owner")
        assert len(reads) == 0

    async def test_oldest_read_is_evicted_at_the_limit(self, ask, is_cached, reads):
        assert all(is_cached(key) for key in (1, 2, 3, 4))
        assert len(reads) == 3
        assert (ask(4).completed, ask(1).completed) == (True, False)

    async def test_expired_reads_are_swept_in_the_background(self, is_cached, reads, clock, monkeypatch):
        monkeypatch.setattr(cache, "SWEEP_INTERVAL", 0.0)
        assert is_cached(1)
        await asyncio.sleep(0.01)  # while it is of use, which is looked at more than once
        assert len(reads) == 1
        clock.now += 60
        await until(lambda: not len(reads))


async def test_error_of_the_observer_is_raised_and_not_cached(bus):
    def raise_bug(_value, _call):
        raise ValueError("a mistake")

    reads = SharedReads(bus, seconds=SECONDS, observer_of=lambda _endpoint: raise_bug)
    reads.of("owner").begin((CODE, 1, "all"), read := Reading())
    read.complete("an owner")
    assert isinstance(read.outcome, ValueError)
    assert len(reads) == 0


async def test_personal_arguments_are_hashed_in_cache_keys(reads, bus):
    same = reads.conceal(("李明", "19900000001"))
    assert same == reads.conceal(("李明", "19900000001"))
    assert same != reads.conceal(("李明", "19900000002"))
    assert same != SharedReads(bus).conceal(("李明", "19900000001"))
    assert "李明".encode() not in same
