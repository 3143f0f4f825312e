"""When a server collects garbage, with a loop and a clock of the test."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.ops.event_loop import ALL_INTERVAL, INTERVAL, LONG, settle_collector


class Loop:
    """Has the one timer that was set last. Each collection takes `seconds`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds = 0.0
        self._cpu = 0.0

    def time(self) -> float:
        return self.now

    def thread_time(self) -> float:
        self._cpu += self.seconds
        return self._cpu

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._at = self.now + seconds
        self._callback = callback

    def fire(self) -> None:
        self.now = self._at
        self._callback()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    monkeypatch.setattr(time, "thread_time", loop.thread_time)
    settle_collector()
    yield loop
    gc.enable()
    gc.unfreeze()


@pytest.fixture
def collections(loop: Loop) -> Iterator[list[tuple[float, int]]]:
    """When something was collected, and which generation."""
    found: list[tuple[float, int]] = []

    def collected(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            found.append((round(loop.now, 3), info["generation"]))

    gc.callbacks.append(collected)
    yield found
    gc.callbacks.remove(collected)


def test_garbage_is_collected_at_intervals(loop, collections):
    kept = [[number] for number in range(100_000)]
    assert (len(kept), collections) == (100_000, [])  # allocation alone collects nothing
    while loop.now < 2.5 * ALL_INTERVAL:
        loop.fire()
    youngest = [at for at, generation in collections if generation == 0]
    assert youngest == [pytest.approx(INTERVAL * (turn + 1)) for turn in range(len(youngest))]
    assert [at for at, generation in collections if generation == 2] == pytest.approx([1, 2], abs=2.5 * INTERVAL)


def test_large_youngest_generation_is_collected_early(loop, collections):
    loop.seconds = LONG * 0.6
    for _ in range(2):
        loop.fire()
    assert collections == [(INTERVAL, 0), (2 * INTERVAL, 0), (2 * INTERVAL, 2)]


@pytest.mark.parametrize(("seconds", "sets_aside"), [(LONG * 0.05, False), (LONG * 1.1, True)])
def test_slow_collection_freezes_survivors(loop, seconds, sets_aside):
    loop.seconds = seconds
    before = gc.get_freeze_count()
    kept = [[number] for number in range(100)]
    while loop.now < ALL_INTERVAL:
        loop.fire()
    assert (gc.get_freeze_count() - before >= len(kept)) is sets_aside
