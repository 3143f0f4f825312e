"""What is measured on: the machine, its interpreter, and which process has which core.

Processes that take turns on a core throw each other out of its caches, which is not what a server costs. Where there
are two cores or more, the server under test has one to itself, and the platforms and the load generator have the rest.
"""

import os
import platform
import subprocess
import sys
import sysconfig
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = CORES[-1:]
OTHER_CORES = CORES[:-1] or CORES

PACE_STEPS = 50_000
PACE_ROUNDS = 20


@contextmanager
def on(cores: Collection[int]) -> Iterator[None]:
    """This thread, and whatever is started within, with all its threads and children, runs on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    load = os.getloadavg()[0]
    return f"{model}, {len(CORES)} cores; {interpreter()}; Node.js {node}; load before: {load:.1f}"


def interpreter() -> str:
    """Which Python, how it was built as far as it tells, and how fast it is: distributions optimise and do not tell."""
    configured = sysconfig.get_config_var("CONFIG_ARGS") or ""
    told = [name for flag, name in (("--enable-optimizations", "PGO"), ("--with-lto", "LTO")) if flag in configured]
    if told:
        built = f"built with {' and '.join(told)}"
    elif sys.base_prefix == "/usr":
        built = "built by the distribution"
    else:
        built = "built without PGO and LTO"
    return f"Python {platform.python_version()}, {built}, {_pace():.0f} ns a method call"


def _pace() -> float:
    """Nanoseconds of a loop's step that makes a small object and calls a method of it, at best."""
    best = float("inf")
    for _ in range(PACE_ROUNDS):
        started = time.thread_time()
        for number in range(PACE_STEPS):
            _Small(number).get()
        best = min(best, time.thread_time() - started)
    return best / PACE_STEPS * 1e9


class _Small:
    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    def get(self) -> int:
        return self._number
