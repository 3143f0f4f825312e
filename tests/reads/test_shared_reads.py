"""Request coalescing and the read cache, without platforms."""

import asyncio
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
def bus():
    return EventBus()


@pytest.fixture
def reads(bus):
    return SharedReads(bus, seconds=SECONDS, cacheable_nulls=frozenset({"owner"}), size=3, clock=Clock())


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


async def test_read_overtaken_by_a_write_serves_its_waiters_only(ask, bus):
    before = ask(1, fresh=True)
    assert ask(1, fresh=True) is before
    waiting = asyncio.create_task(wait_all([before, other := ask(2)]))
    await asyncio.sleep(0)
    bus.publish(ReadsDropped(CODE, ("owner",)))
    after = ask(1)
    before.complete("the owner before")
    await asyncio.sleep(0.01)
    assert not waiting.done()
    other.complete("another")
    await waiting
    assert ask(1) is after


@pytest.mark.parametrize(("took", "fresh"), [(20, 39.9), (60, None)])
async def test_answer_expires_counted_from_the_start_of_its_call(ask, reads, took, fresh):
    read = ask(1)
    reads.clock.now += took
    read.complete("an owner")
    assert len(reads) == (fresh is not None)
    if fresh:
        reads.clock.now += fresh
        assert ask(1).completed
        reads.clock.now += 60 - took - fresh
    assert not ask(1).completed


async def test_large_answers_errors_and_no_people_are_not_cached(is_cached):
    assert is_cached(1, size=LARGEST_CACHED)
    assert not is_cached(2, size=LARGEST_CACHED + 1)
    assert is_cached(3, None)
    assert not is_cached(3, None, endpoint="people")
    assert not is_cached(4, LookupError("down"))


async def test_missed_events_drop_everything(ask, is_cached, bus, reads):
    assert is_cached(1)
    under_way = ask(2)
    bus._hear(None)  # what the journal's notifier calls after its connection was lost
    under_way.complete("an owner")
    assert len(reads) == 0


async def test_oldest_read_is_evicted_at_the_limit(ask, is_cached, reads):
    assert all(is_cached(key) for key in (1, 2, 3, 4))
    assert len(reads) == 3
    assert (ask(4).completed, ask(1).completed) == (True, False)


async def test_expired_reads_are_swept_in_the_background(is_cached, reads, monkeypatch):
    monkeypatch.setattr(cache, "SWEEP_INTERVAL", 0.0)
    assert is_cached(1)
    await asyncio.sleep(0.01)  # while it is of use, which is looked at more than once
    assert len(reads) == 1
    reads.clock.now += 60
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
