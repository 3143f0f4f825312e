"""The tallies of several workers under one supervisor: files in a directory that is theirs alone.

Each worker counts in a file of its own, which it maps into its memory: the counts are there for all others as soon as
they are made, and stay when the worker is killed. So whichever worker is scraped reads the files of all, without asking
anybody: a worker that hangs delays no scrape. A file is locked while its worker lives.

A worker that starts folds the files of those that have ended into one, `ended`. The new `ended` names the files that
are in it, takes the place of the old one in one step, and then they are removed. Who reads takes the files of workers
first and `ended` last, and leaves out those that it names: no file is ever missed, or counted twice.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from gateway.ops.tally import Kind, SeriesKey, Snapshot, Tally, read_shared

PREFIX = "gateway-metrics-"

LASTING: frozenset[Kind] = frozenset(("counter", "histogram"))


REMEMBERED = 256
"""Files whose names `ended` keeps: somebody may have read one just before it was removed, some folds ago."""


class _Ended(msgspec.Struct):
    """The counts of workers that have ended. `files` are the names of theirs, the last ones."""

    files: list[str] = []
    series: list[tuple[SeriesKey, list[float]]] = []


@contextmanager
def shared_directory() -> Iterator[Path]:
    """A new directory for the workers of this supervisor, in memory where the system has such a place.

    Those of supervisors that were killed are removed on the way. Raises OSError.
    """
    memory = Path("/dev/shm")  # noqa: S108 # a directory of an unguessable name is made there, private to this user
    parent = memory if os.access(memory, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    for abandoned in parent.glob(f"{PREFIX}*/supervisor"):
        with suppress(OSError), open(abandoned, "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(abandoned.parent)
    with TemporaryDirectory(prefix=PREFIX, dir=parent, ignore_cleanup_errors=True) as name:
        directory = Path(name)
        being_made = directory / ".supervisor"
        with open(being_made, "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            being_made.rename(directory / "supervisor")
            yield directory


class WorkerTallies:
    """Of the workers that share this directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ended = directory / "ended"

    def join(self, tally: Tally) -> int:
        """Have a worker count here from now on; to be called once in its life. Returns its slot. Raises OSError.

        Slots are numbered from 1. One is free again when its worker has ended.
        """
        self._fold()
        slot = self._take_slot()
        tally.share(self._directory / f"worker-{os.getpid()}-{time.monotonic_ns()}", slot)
        return slot

    def read(self) -> list[Snapshot]:
        """What all have counted: a snapshot of each worker that lives, and of those that ended."""
        snapshots, ended = self._read()
        series: dict[SeriesKey, list[float]] = dict(ended.series)
        return [*(snapshot for _name, snapshot in snapshots), Snapshot(series, is_alive=False)]

    def _read(self) -> tuple[list[tuple[str, Snapshot]], _Ended]:
        found = [(path.name, read_shared(path)) for path in sorted(self._directory.glob("worker-*"))]
        ended = self._read_ended()
        files = frozenset(ended.files)
        return [(name, it) for name, it in found if it is not None and name not in files], ended

    def _read_ended(self) -> _Ended:
        try:
            return msgspec.json.decode(self._ended.read_bytes(), type=_Ended)
        except FileNotFoundError:
            return _Ended()

    def _fold(self) -> None:
        """By one at a time; nobody who reads waits for it."""
        with open(self._directory / "folding", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            snapshots, ended = self._read()
            gone = [(name, snapshot) for name, snapshot in snapshots if not snapshot.is_alive]
            series = add_up([dict(ended.series), *(snapshot.series for _name, snapshot in gone)])
            files = [*ended.files, *(name for name, _snapshot in gone)][-REMEMBERED:]
            being_made = self._ended.with_name(".ended")
            being_made.write_bytes(msgspec.json.encode(_Ended(files, [*series.items()])))
            being_made.rename(self._ended)
            for name in files:
                (self._directory / name).unlink(missing_ok=True)

    def _take_slot(self) -> int:
        for slot in count(1):
            file = os.open(self._directory / f"slot-{slot}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held, with the file, until this process ends
            except BlockingIOError:
                os.close(file)
            else:
                return slot
        raise AssertionError  # pragma: no cover


def add_up(all_series: Iterable[dict[SeriesKey, list[float]]]) -> dict[SeriesKey, list[float]]:
    """The counters and histograms of several processes, each cell summed."""
    sums: dict[SeriesKey, list[float]] = {}
    for series in all_series:
        for key, cells in series.items():
            if key[0] in LASTING:
                before = sums.get(key)
                sums[key] = cells if before is None else [a + b for a, b in zip(before, cells, strict=True)]
    return sums
