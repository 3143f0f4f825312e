"""The gateway, with its garbage collections timed, run by `endurance` instead of `gateway serve`.

SIGUSR2 prints the milliseconds of CPU that the longest one took since the last time, in a line.
"""

import gc
import signal
import sys
import time
from types import FrameType

from gateway.__main__ import main

started = longest = 0.0


def collected(phase: str, _info: object) -> None:
    global started, longest  # noqa: PLW0603 # collections do not nest
    if phase == "start":
        started = time.thread_time()
    else:
        longest = max(longest, time.thread_time() - started)


def report(_signal: int, _frame: FrameType | None) -> None:
    global longest  # noqa: PLW0603 # signals come between two bytecodes of the one thread
    sys.stdout.write(f"{longest * 1e3}\n")
    sys.stdout.flush()
    longest = 0.0


if __name__ == "__main__":
    signal.signal(signal.SIGUSR2, report)
    gc.callbacks.append(collected)
    main(["serve"])
