"""The numbers behind `/metrics`: cells of 64-bit floats, in memory that may be shared and then outlives the process.

    tally = Tally()
    hits = tally.count(Family("gateway_hits_total", "counter", "Hits", ("page",)), "start")
    hits.add()

Only the event loop's thread writes, so nothing is locked: adding to a cell takes 50 ns, a counter of prometheus_client
with its lock and its object ten times that. Labels are put on when somebody looks (`gateway.ops.exposition`).
"""

import fcntl
import mmap
import os
import struct
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
import structlog

log = structlog.get_logger(__name__)

CELLS = 2**17
BYTES = CELLS * 8

HEARTBEAT, SLOT, PID = range(3)
"""Cells that belong to no series: when the gauges were read last (monotonic clock, seconds), and whose they are."""

FIRST = 4

Cells: TypeAlias = "memoryview[float]"

Kind: TypeAlias = Literal["counter", "histogram", "gauge", "exemplars"]
"""What the cells of a series are.

counter: the count. histogram: the count of each bucket, the last one open, then the sum of all values. gauge: the
value, and when it was set. exemplars: for each bucket the trace id, 32 bits in each of four cells, the value, and when
it was observed (Unix seconds; 0: there is none).
"""

Across: TypeAlias = Literal["sum", "max", "min", "latest"]
"""How the gauges of several workers become one."""

EXEMPLAR = 6
"""Cells of an exemplar."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A metric: its name as exposed, and the names of its labels. `bounds` are the upper bounds of a histogram."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    across: Across = "sum"

    @property
    def width(self) -> int:
        """The cells of one series."""
        return {"counter": 1, "gauge": 2}.get(self.kind, len(self.bounds) + 2)


SeriesKey: TypeAlias = tuple[Kind, str, tuple[str, ...]]
"""The kind, the name of the family, and the values of its labels."""


class Snapshot(msgspec.Struct):
    """The series of one process. Of one that has ended (`is_alive` is False) the counts still hold."""

    series: dict[SeriesKey, list[float]]
    is_alive: bool = True
    heartbeat: float = 0.0
    slot: int = 1
    pid: int = 0


class Count:
    """A series of a counter."""

    __slots__ = ("_at", "_cells")

    def __init__(self, cells: Cells, at: int) -> None:
        self._cells = cells
        self._at = at

    def add(self, amount: float = 1.0) -> None:
        self._cells[self._at] += amount


class Histogram:
    """A series of a histogram."""

    __slots__ = ("_at", "_bounds", "_cells", "_sum_at")

    def __init__(self, cells: Cells, at: int, bounds: tuple[float, ...]) -> None:
        self._cells = cells
        self._at = at
        self._bounds = bounds
        self._sum_at = at + len(bounds) + 1

    def observe(self, value: float) -> None:
        self._cells[self._at + bisect_left(self._bounds, value)] += 1
        self._cells[self._sum_at] += value


class Tally:
    """The series of this process. `share` is called before there are any, or not at all."""

    def __init__(self) -> None:
        self.cells: Cells = memoryview(mmap.mmap(-1, BYTES)).cast("d")
        self.families: dict[str, Family] = {}
        self._at: dict[SeriesKey, int] = {}
        self._next = FIRST
        self._is_full = False
        self._watched: list[tuple[int, Callable[[], float]]] = []
        self._file: int | None = None
        self._names_end = BYTES

    def share(self, path: Path, slot: int) -> None:
        """Keep the cells in this file, which is new, and locked for as long as this process lives. Raises OSError.

        A page that the disk has no room for would end the process when it is written, so all are allocated now.
        """
        if self._at:
            raise RuntimeError("there are series already")
        being_made = path.with_name(f".{path.name}")  # nobody may take it for that of a process that has ended
        file = os.open(being_made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        os.pwrite(file, bytes(BYTES), 0)
        self._file = file
        self.cells = memoryview(mmap.mmap(file, BYTES)).cast("d")
        self.cells[SLOT], self.cells[PID] = slot, os.getpid()
        being_made.rename(path)

    def declare(self, family: Family) -> None:
        """Have it exposed, also while it has no series."""
        self.families[family.name] = family

    def at(self, family: Family, *labels: str) -> int:
        """The first cell of a series. Where there is no room left, one that nobody reads."""
        self.declare(family)
        return self._place((family.kind, family.name, labels), family.width)

    def exemplars_at(self, family: Family, *labels: str) -> int:
        """The first cell of the exemplars of a histogram's series."""
        return self._place(("exemplars", family.name, labels), (len(family.bounds) + 1) * EXEMPLAR)

    def put_exemplar(self, at: int, bucket: int, trace_id: str, value: float) -> None:
        """The last of this bucket; `trace_id` has 32 hexadecimal digits."""
        at += bucket * EXEMPLAR
        self.cells[at : at + EXEMPLAR] = array("d", (*_TRACE_ID.unpack(bytes.fromhex(trace_id)), value, time.time()))

    def count(self, family: Family, *labels: str) -> Count:
        return Count(self.cells, self.at(family, *labels))

    def histogram(self, family: Family, *labels: str) -> Histogram:
        return Histogram(self.cells, self.at(family, *labels), family.bounds)

    def watch(self, family: Family, *labels: str, read: Callable[[], float]) -> None:
        """Have a gauge, or a counter that is kept elsewhere, set to what `read` returns at each `refresh`."""
        self._watched.append((self.at(family, *labels), read))

    def set(self, family: Family, *labels: str, value: float, now: float) -> None:
        """Set a gauge; `now` is of the monotonic clock."""
        at = self.at(family, *labels)
        self.cells[at] = value
        self.cells[at + 1] = now

    def refresh(self, now: float) -> None:
        """Read all that is watched; `now` is of the monotonic clock."""
        for at, read in self._watched:
            self.cells[at] = read()
        self.cells[HEARTBEAT] = now

    def snapshot(self) -> Snapshot:
        """What is in it now."""
        cells = array("d", self.cells[: self._next])
        return Snapshot(
            {key: cells[at : at + _width(key, self.families[key[1]])].tolist() for key, at in self._at.items()},
            heartbeat=self.cells[HEARTBEAT],
            pid=os.getpid(),
        )

    def _place(self, key: SeriesKey, width: int) -> int:
        at = self._at.get(key)
        if at is not None:
            return at
        if self._next + width > CELLS - LONGEST_SERIES:
            if not self._is_full:
                log.warning("no room for more series of metrics", metric=key[1])
            self._is_full = True
            return CELLS - LONGEST_SERIES
        at = self._at[key] = self._next
        self._next += width
        if self._file is not None:
            line = msgspec.json.encode((*key, width)) + b"\n"
            os.pwrite(self._file, line, self._names_end)
            self._names_end += len(line)
        return at


_TRACE_ID = struct.Struct(">4I")

LONGEST_SERIES = 128
"""Cells at the end that series without room of their own share."""


def _width(key: SeriesKey, family: Family) -> int:
    return (len(family.bounds) + 1) * EXEMPLAR if key[0] == "exemplars" else family.width


_NAMES = msgspec.json.Decoder(tuple[Kind, str, tuple[str, ...], int])


def read_shared(path: Path) -> Snapshot | None:
    """What another process, or this one, has shared in this file; None where the file is gone."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        is_alive = not _is_unlocked(file)
        names = os.pread(file, os.fstat(file).st_size - BYTES, BYTES)
        lines = names[: names.rfind(b"\n") + 1].splitlines()
        found = [_NAMES.decode(line) for line in lines]
        cells = array("d")
        cells.frombytes(os.pread(file, (FIRST + sum(width for *_, width in found)) * 8, 0))
    finally:
        os.close(file)
    series: dict[SeriesKey, list[float]] = {}
    at = FIRST
    for kind, name, labels, width in found:
        series[kind, name, labels] = cells[at : at + width].tolist()
        at += width
    return Snapshot(series, is_alive, cells[HEARTBEAT], int(cells[SLOT]), int(cells[PID]))


def _is_unlocked(file: int) -> bool:
    """Whether the process that locked the file has ended: the kernel unlocks it then, however that came about."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
