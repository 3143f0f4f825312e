"""The event loop of a server: when it collects garbage, by a loop and a clock of the test, and its workers."""

import asyncio
import gc
import time

import pytest

from gateway.ops import event_loop
from gateway.ops.event_loop import ALL_INTERVAL, INTERVAL, LONG, at_work, settle_collector


class Loop:
    """Has the one timer that was set last. A collection takes `seconds`; its time and generation are noted."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds = 0.0
        self.collections: list[tuple[float, int]] = []
        self._cpu = 0.0

    def time(self) -> float:
        return self.now

    def thread_time(self) -> float:
        self._cpu += self.seconds
        return self._cpu

    def call_later(self, seconds, callback) -> None:
        self._at = self.now + seconds
        self._callback = callback

    def fire(self) -> None:
        self.now = self._at
        self._callback()

    def collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            self.collections.append((round(self.now, 3), info["generation"]))


@pytest.fixture
def loop(monkeypatch):
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    monkeypatch.setattr(time, "thread_time", loop.thread_time)
    settle_collector()
    gc.callbacks.append(loop.collected)
    yield loop
    gc.callbacks.remove(loop.collected)
    gc.enable()
    gc.unfreeze()


def test_garbage_is_collected_at_intervals(loop):
    kept = [[number] for number in range(100_000)]
    assert (len(kept), loop.collections) == (100_000, [])  # allocation alone collects nothing
    while loop.now < 2.5 * ALL_INTERVAL:
        loop.fire()
    youngest = [at for at, generation in loop.collections if generation == 0]
    assert youngest == [pytest.approx(INTERVAL * (turn + 1)) for turn in range(len(youngest))]
    assert [at for at, generation in loop.collections if generation == 2] == pytest.approx([1, 2], abs=2.5 * INTERVAL)


def test_long_collections_are_early_and_freeze_survivors(loop):
    frozen, kept = gc.get_freeze_count(), [[number] for number in range(100)]
    loop.seconds = LONG * 0.6
    for _ in range(2):
        loop.fire()
    assert loop.collections == [(INTERVAL, 0), (2 * INTERVAL, 0), (2 * INTERVAL, 2)]
    assert gc.get_freeze_count() - frozen < len(kept)

    loop.seconds = LONG * 1.1
    loop.fire()
    assert gc.get_freeze_count() - frozen >= len(kept)


async def test_failed_worker_restarts_and_all_end_with_the_block(monkeypatch):
    monkeypatch.setattr(event_loop, "RESTART_DELAY", 0.0)
    begun = asyncio.Queue[str]()

    async def broken():
        begun.put_nowait("broken")
        raise ValueError

    async def steady():
        begun.put_nowait("steady")
        try:
            await asyncio.Event().wait()
        finally:
            begun.put_nowait("ended")

    async with asyncio.timeout(60), at_work({"broken": broken, "steady": steady}):
        first = [await begun.get() for _ in range(5)]

    assert (first.count("broken"), first.count("steady")) == (4, 1)
    assert begun.get_nowait() == "ended"
