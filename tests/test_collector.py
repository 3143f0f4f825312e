"""When a server collects garbage, with a loop and a clock of the test."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator

import pytest

from gateway.ops.event_loop import ALL_INTERVAL, INTERVAL, LONG, settle_collector


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

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._at = self.now + seconds
        self._callback = callback

    def fire(self) -> None:
        self.now = self._at
        self._callback()

    def collected(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            self.collections.append((round(self.now, 3), info["generation"]))


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
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
