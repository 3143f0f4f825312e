"""The metrics of several workers of one command, by prometheus_client's multiprocess mode.

The command makes a directory, and names it in the environment before a worker imports prometheus_client. Each worker
counts there in files named by its process id: whichever is scraped reads those of all, also of one that was killed. Who
takes the place of another takes over its number and its counts, so that there are no more files than workers.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"

PREFIX = "gateway-metrics-"

LONGEST_START = 60.0
"""Seconds after which a worker whose event loop does not run yet is stuck."""


@contextmanager
def worker_directory() -> Iterator[None]:
    """A new directory for the workers of this process, in memory where the system has such a place. Raises OSError.

    Those of processes that were killed are removed on the way.
    """
    memory = Path("/dev/shm")  # noqa: S108 # a directory of an unguessable name is made there, private to this user
    parent = memory if os.access(memory, os.W_OK | os.X_OK) else Path(gettempdir())
    for abandoned in parent.glob(f"{PREFIX}*/command"):
        with suppress(OSError), abandoned.open("rb") as file:
            if _lock(file.fileno()):
                shutil.rmtree(abandoned.parent)
    with TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True) as name:
        being_made = Path(name, ".command")
        with being_made.open("wb") as file:
            _lock(file.fileno())
            being_made.rename(Path(name, "command"))
            os.environ[DIRECTORY] = name
            yield


class Living(NamedTuple):
    """A worker: its number, its process id, and when its event loop was seen to run last, in Unix seconds."""

    number: str
    pid: int
    beat: float


class Worker:
    """This process, as one of several workers: it has the lowest free number from 1 on, until it ends.

    To be made before any metric is. It holds the lock of the file `worker-NUMBER`, which has its process id.
    """

    def __init__(self) -> None:
        self._directory = Path(os.environ[DIRECTORY])
        with self._locked():
            for number in count(1):
                self._file = os.open(self._directory / f"worker-{number}", os.O_RDWR | os.O_CREAT, 0o600)
                if _lock(self._file):
                    break
                os.close(self._file)
            self._succeed(os.read(self._file, 20).decode())
            os.pwrite(self._file, f"{os.getpid():<20}".encode(), 0)
            self._beat_at(time.time() + LONGEST_START)

    def _succeed(self, pid: str) -> None:
        """Count on from where the worker of this process id, if any, has ended."""
        if not pid.strip():
            return
        for kind in ("counter", "histogram"):
            ended = self._directory / f"{kind}_{int(pid)}.db"
            if ended.exists():
                ended.rename(self._directory / f"{kind}_{os.getpid()}.db")
        self._bury(pid)

    def beat(self) -> None:
        """The event loop runs."""
        self._beat_at(time.time())

    def _beat_at(self, moment: float) -> None:
        os.utime(self._file, (moment, moment))

    def _bury(self, pid: str) -> None:
        mark_process_dead(pid.strip(), str(self._directory))

    def read(self) -> tuple[list[Metric], list[Living]]:
        """The metrics of all workers, and those that live."""
        with self._locked():
            living = [*self._living()]
            return [*MultiProcessCollector(None, str(self._directory)).collect()], living

    def _living(self) -> Iterator[Living]:
        """The gauges of those that have ended are removed."""
        for path in sorted(self._directory.glob("worker-*")):
            with path.open("rb") as file:
                pid = file.read().decode()
                if _lock(file.fileno()):
                    self._bury(pid)
                else:
                    yield Living(path.name.removeprefix("worker-"), int(pid), os.fstat(file.fileno()).st_mtime)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """By one worker at a time, so that none reads files that another renames."""
        with open(self._directory / "lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _lock(file: int) -> bool:
    """Whether no process holds it: the kernel releases the lock when one ends, however that comes about."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
