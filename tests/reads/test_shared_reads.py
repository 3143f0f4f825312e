"""Request coalescing and the read cache, without platforms."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from standing_clock import Clock
from waiting import until

from gateway import cache
from gateway.cache import LARGEST_CACHED, SharedReads
from gateway.events import EventBus, ReadsDropped
from gateway.futures import Pending, wait_all

CACHE_SECONDS = {"owner": 60.0, "people": 60.0}
CODE = "10002"


class Reading(Pending[Any]):
    """A read that a coroutine answers."""

    size = 0

    def __init__(self, answer, size=0):
        super().__init__()
        self.size = size
        self._answer = answer

    def begin(self):
        async def run():
            try:
                outcome = await self._answer
            except Exception as error:  # noqa: BLE001 # it is the outcome
                outcome = error
            self.complete(outcome)

        self._task = asyncio.create_task(run())

    def cancel(self):
        super().cancel()
        self._task.cancel()


class Platform:
    """Answers a key when its gate opens: `gates[key].set()`. A key that is an exception or None is its own answer."""

    def __init__(self):
        self.size = 0
        self.calls = Counter[str]()
        self.gates = {}
        self.ended = []

    def __call__(self, key):
        return Reading(self._answer(key), self.size)

    async def _answer(self, key):
        self.calls[key] += 1
        gate = self.gates[key] = asyncio.Event()
        try:
            await gate.wait()
        finally:
            self.ended.append(key)
        if isinstance(key, BaseException):
            raise key
        return None if key == "nobody" else f"owner of {key}"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bus():
    return EventBus()


@pytest.fixture
def reads(bus, clock):
    return SharedReads(bus, seconds=CACHE_SECONDS, cacheable_nulls=frozenset({"owner"}), size=3, clock=clock)


@pytest.fixture
def platform():
    return Platform()


def begin(reads, identity, read, key, *, fresh=False):
    """The read of another caller, or else one of this key, begun."""
    found = reads.find(identity, fresh)
    if found is None:
        reads.begin(identity, found := read(key))
    return found


@pytest.fixture
def start(reads, platform):
    """`start(key, ...)`: the task of a caller who requests these keys at once, begun."""

    async def ask(keys, endpoint="owner", community=CODE):
        begun = [begin(reads.of(endpoint), (community, str(key), "all"), platform, key) for key in keys]
        await wait_all(begun)
        return [read.outcome for read in begun]

    async def start(*keys, **more):
        task = asyncio.create_task(ask(keys, **more))
        await turn()
        return task

    return start


async def turn():
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def read(start, platform, key, **more):
    """Ask and have it answered at once, if it is called."""
    task = await start(key, **more)
    if not task.done():
        platform.gates[key].set()
    (outcome,) = await task
    return outcome


async def cancel_task(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class TestInFlightReads:
    @pytest.mark.parametrize("key", [1, LookupError("down")], ids=["value", "error"])
    async def test_equal_reads_share_one_call_and_its_answer(self, start, platform, key):
        first, second = await start(key), await start(key, 2)
        platform.gates[key].set()
        await turn()
        assert (first.done(), second.done()) == (True, False)
        platform.gates[2].set()
        answer = key if isinstance(key, Exception) else "owner of 1"
        assert (await first, await second) == ([answer], [answer, "owner of 2"])
        assert platform.calls == {key: 1, 2: 1}

    async def test_fresh_read_joins_a_call_but_not_the_cache(self, platform, reads):
        def begin_fresh():
            return begin(reads.of("owner"), (CODE, "1", "all"), platform, 1, fresh=True)

        first = begin_fresh()
        assert begin_fresh() is first
        await turn()
        platform.gates[1].set()
        await wait_all([first])
        assert begin_fresh() is not first

    async def test_call_ends_when_its_last_waiter_leaves(self, start, platform, reads):
        first, second = await start(1, 2), await start(2)
        await cancel_task(first)
        await turn()
        assert platform.ended == [1]
        await cancel_task(second)
        await turn()
        assert sorted(platform.ended) == [1, 2]
        assert len(reads) == 0
        assert await read(start, platform, 1) == "owner of 1"

    async def test_cancelled_read_is_not_joined(self, start, platform):
        first = await start(1)
        first.cancel()
        await asyncio.sleep(0)  # the leaver has left, the call has not heard of it
        second = await start(1)
        platform.gates[1].set()
        assert await second == ["owner of 1"]
        assert platform.calls == {1: 2}

    async def test_read_overtaken_by_a_write_serves_its_waiters_only(self, start, platform, bus):
        before = await start(1)
        gate = platform.gates[1]
        bus.publish(ReadsDropped(CODE, ("owner",)))
        after = await start(1)
        assert platform.calls == {1: 2}
        gate.set()
        assert await before == ["owner of 1"]

        assert await start(1) is not None
        assert platform.calls == {1: 2}  # the late answer is not cached, and the call begun after the write is joined
        platform.gates[1].set()
        assert await after == ["owner of 1"]


class TestCachedReads:
    @pytest.mark.parametrize(("size", "calls"), [(LARGEST_CACHED, 1), (LARGEST_CACHED + 1, 2)])
    async def test_large_answer_is_not_cached(self, start, platform, size, calls):
        platform.size = size
        for _ in range(2):
            await read(start, platform, "A")
        assert platform.calls["A"] == calls

    @pytest.mark.parametrize(("took", "fresh"), [(20, 39.9), (60, None)])
    async def test_answer_expires_counted_from_the_start_of_its_call(self, start, platform, clock, reads, took, fresh):
        task = await start(1)
        clock.now += took
        platform.gates[1].set()
        assert await task == ["owner of 1"]
        assert len(reads) == (fresh is not None)
        if fresh:
            clock.now += fresh
            assert await read(start, platform, 1) == "owner of 1"
            assert platform.calls == {1: 1}
            clock.now += 60 - took - fresh
        assert await read(start, platform, 1) == "owner of 1"
        assert platform.calls == {1: 2}

    @pytest.mark.parametrize(
        ("key", "endpoint", "cached"),
        [("nobody", "owner", 1), ("nobody", "people", 0), (LookupError("down"), "owner", 0)],
    )
    async def test_errors_and_missing_people_are_not_cached(self, start, platform, reads, key, endpoint, cached):
        for _ in range(2):
            await read(start, platform, key, endpoint=endpoint)
        assert platform.calls == {key: 2 - cached}
        assert len(reads) == cached

    async def test_read_without_a_community_is_dropped_by_any_write(self, start, platform, bus):
        await read(start, platform, 1, community=None)
        bus.publish(ReadsDropped(CODE, ("people", "owner")))
        await read(start, platform, 1, community=None)
        assert platform.calls == {1: 2}

    async def test_missed_events_drop_everything(self, start, platform, bus, reads):
        await read(start, platform, 1)
        under_way = await start(2)
        bus._hear(None)  # what the journal's notifier calls after its connection was lost
        assert len(reads) == 0
        platform.gates[2].set()
        assert await under_way == ["owner of 2"]
        assert len(reads) == 0

    async def test_oldest_read_is_evicted_at_the_limit(self, start, platform, reads):
        for key in (1, 2, 3, 4):
            await read(start, platform, key)
        assert len(reads) == 3
        await read(start, platform, 4)
        await read(start, platform, 1)
        assert platform.calls == {1: 2, 2: 1, 3: 1, 4: 1}

    async def test_expired_reads_are_swept_in_the_background(self, start, platform, reads, clock, monkeypatch):
        monkeypatch.setattr(cache, "SWEEP_INTERVAL", 0.0)
        await read(start, platform, 1)
        await asyncio.sleep(0.01)  # while it is of use, which is looked at more than once
        assert len(reads) == 1
        clock.now += 60
        await until(lambda: not len(reads))


async def test_error_of_the_observer_is_raised_and_not_cached(bus, platform):
    def raise_bug(_value, _call):
        raise ValueError("a mistake")

    reads = SharedReads(bus, seconds=CACHE_SECONDS, observer_of=lambda _endpoint: raise_bug)
    begun = begin(reads.of("owner"), (CODE, "1", "all"), platform, 1)
    await turn()
    platform.gates[1].set()
    async with asyncio.timeout(60):
        await wait_all([begun])
    assert isinstance(begun.outcome, ValueError)
    assert len(reads) == 0


async def test_personal_arguments_are_hashed_in_cache_keys(reads, bus):
    same = reads.conceal(("李明", "19900000001"))
    assert same == reads.conceal(("李明", "19900000001"))
    assert same != reads.conceal(("李明", "19900000002"))
    assert same != SharedReads(bus).conceal(("李明", "19900000001"))
    assert "李明".encode() not in same
