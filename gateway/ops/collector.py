"""The garbage collector, set for a server: none of its collections holds the event loop for long.

A request leaves no reference cycles behind (`test_reference_cycles.py`) but those of the validation of a new document,
some hundred objects, so that there is next to nothing to find. What a collection takes is the walk through the objects
it looks at: some 0.1 µs each, several times that on a busy machine. Python's own schedule counts objects made against
objects gone, whichever they were: while new documents push old ones out of a cache, nothing seems to grow, until one
collection of the youngest walks through all that is kept.

So collections go by the clock: the youngest many times a second, all once a second, or as soon as there are many. What
the process keeps from its start is set aside, and so is what is left when a collection of all was long. An object that
is set aside goes as usual when nothing refers to it any more; only a cycle that it becomes part of stays.
"""

import asyncio
import gc
import time
from typing import Final

INTERVAL: Final = 0.1
"""Seconds between two collections of the youngest."""

ALL_INTERVAL: Final = 1.0

LONG: Final = 0.005
"""Seconds of CPU. What takes more to walk through is collected at once, as part of all, and then set aside."""


def settle_collector() -> None:
    """Called once, in the event loop, when everything that lasts has been made."""
    gc.collect()
    gc.freeze()
    gc.disable()
    _Collector(asyncio.get_running_loop()).wait()


class _Collector:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._start_over()

    def _start_over(self) -> None:
        self._all_at = self._loop.time() + ALL_INTERVAL
        self._walked = 0.0

    def wait(self) -> None:
        self._loop.call_later(INTERVAL, self._collect)

    def _collect(self) -> None:
        self._walked += _collect(0)
        if self._walked > LONG or self._loop.time() >= self._all_at:
            if _collect(2) > LONG:
                gc.freeze()
            self._start_over()
        self.wait()


def _collect(generation: int) -> float:
    """The seconds of CPU that it took."""
    started = time.thread_time()
    gc.collect(generation)
    return time.thread_time() - started
