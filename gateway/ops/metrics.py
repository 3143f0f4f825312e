"""What the gateway counts about itself, for Prometheus. Labels are names of schema and document, never values."""

import asyncio
import time
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import structlog

from gateway.normalise.vocabulary import DataProblem, PlatformName
from gateway.ops.event_loop import note_stuck_loops
from gateway.ops.exposition import PROCESS_CPU, encode, to_metrics
from gateway.ops.gauges import CONNECTIONS
from gateway.ops.tally import Count, Family, Tally
from gateway.ops.worker_tallies import WorkerTallies

log = structlog.get_logger(__name__)

REMEMBERED = 1024
"""How many counters are remembered by what they count: finding one by its labels takes longer than counting."""

DATA_ISSUES = Family(
    "gateway_data_issues_total",
    "counter",
    "Values that did not arrive as documented",
    ("platform", "endpoint", "field", "problem"),
)

UNDOCUMENTED = Family(
    "gateway_undocumented_total",
    "counter",
    "Keys, words and types of every n-th answer that neither the document nor the profile has",
    ("record", "what"),
)

DROPPED_ROWS = Family("gateway_dropped_rows_total", "counter", "Rows without an identifier", ("endpoint",))


class Metrics:
    """The metrics of one gateway. `directory` is that of several workers under one supervisor: each exposes all.

    It is handed to workers as it is made: `open` is called once in the process that counts.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._workers: WorkerTallies | None = None
        self.tally = Tally()
        self.data_issue = lru_cache(REMEMBERED)(self._data_issue)

    def __reduce__(self) -> tuple[type["Metrics"], tuple[Path | None]]:
        return Metrics, (self._directory,)

    def open(self) -> "Metrics":
        """Before anything is counted. Where the directory of the workers cannot be used, this one counts alone."""
        slot = 1
        if self._directory is not None:
            workers = WorkerTallies(self._directory)
            try:
                slot = workers.join(self.tally)
            except OSError as error:
                log.warning("metrics not shared with other workers", reason=error.strerror)
            else:
                self._workers = workers
        for family in (CONNECTIONS, DATA_ISSUES, DROPPED_ROWS, UNDOCUMENTED):
            self.tally.declare(family)
        self.tally.watch(PROCESS_CPU, str(slot), read=time.process_time)
        return self

    def watch_connections(self, connections: Collection[object]) -> None:
        """Have it exposed how many there are."""
        self.tally.watch(CONNECTIONS, read=lambda: len(connections))

    def drop_rows(self, endpoint: str, rows: int) -> None:
        self.tally.count(DROPPED_ROWS, endpoint).add(rows)

    def undocumented(self, record: str, what: str, count: int) -> None:
        self.tally.count(UNDOCUMENTED, record, what).add(count)

    def _data_issue(self, endpoint: str, platform: PlatformName, field: str, problem: DataProblem) -> Count:
        """The counter of such issues. `field` is a path; the numbers of entries of a list are left out of it."""
        path = ".".join(part for part in field.split(".") if not part.isdigit())
        return self.tally.count(DATA_ISSUES, platform.value, endpoint, path, problem.value)

    async def expose(self, accept: str = "") -> tuple[bytes, str]:
        """All of them, those of the other workers included, and the content type: see `encode`.

        In a thread: prometheus_client takes 7 µs for each line, which may be some thousand.
        """
        now = time.monotonic()
        self.tally.refresh(now)
        snapshots = [self.tally.snapshot()] if self._workers is None else self._workers.read()
        note_stuck_loops(snapshots, now)
        return await asyncio.to_thread(encode, to_metrics([*self.tally.families.values()], snapshots), accept)
