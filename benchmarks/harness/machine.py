"""What is measured on: the machine, its interpreter, and which process has which core.

Processes that take turns on a core throw each other out of its caches, which is not what a server costs. Where there
are two cores or more, the server under test has one to itself, and the platforms and the load generator have the rest.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = CORES[-1:]
OTHER_CORES = CORES[:-1] or CORES


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
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False, timeout=10).stdout.strip()
    python = f"Python {platform.python_version()} of {sys.base_prefix}"
    return f"{model}, {len(CORES)} cores; {python}; Node.js {node}; load before: {os.getloadavg()[0]:.1f}"
