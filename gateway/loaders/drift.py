"""Whether the platforms' answers bring anything new, looked at while the gateway serves.

An answer is looked at closely where it did not come as documented, or has an issue that was not noticed in the last
minute; of all others a share. That is done after the answer was handed on, some rows at a time, and takes at most
`BUDGET` of a core. What is new goes to the journal, which is the same for all gateways.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from math import ceil, inf, log
from pathlib import Path
from random import random
from typing import Any, NamedTuple

import msgspec

from gateway.errors import JournalError
from gateway.journal.drift import DriftRecords
from gateway.journal.records import DriftRecord
from gateway.loaders.issues import Issues, get_issues
from gateway.normalise.drift import DriftWatch, Sighting, is_known
from gateway.normalise.observation import RECORD_OF, rows_in
from gateway.normalise.vocabulary import DataProblem
from gateway.ops.state_log import StateLog
from gateway.ops.tally import Family, Tally
from gateway.platforms.answer import RawAnswer
from gateway.platforms.call import Call
from gateway.platforms.envelope import BadAnswerError, BusyAnswerError, open_envelope

FINDINGS = Family(
    "gateway_drift_findings",
    "gauge",
    "What is new in answers since the deployment's profile was written, and was seen in the last 24 hours",
    ("endpoint", "kind"),
    across="latest",
)

ROWS = Family("gateway_drift_rows_total", "counter", "Rows that were looked at for what is new", ("endpoint",))

BUDGET = 0.002
"""Of a core: the CPU time that looking may take."""

WAITING = 8
"""Answers that wait to be looked at; more are not."""

WAITING_OF_ENDPOINT = 2

LARGEST = 256 * 1024
"""Bytes of an answer that is looked at."""

MOST_ROWS = 200
ROWS_AT_ONCE = 20
"""Which take half a millisecond."""

INTERVAL = 60.0
"""Seconds between two writings, and for which an issue that was noticed is not looked at again."""

PAUSE = 1.0
"""Seconds between two writings where something was seen that had not been."""

RECENT = timedelta(hours=24)

MOST_NOTICED = 1000

_WORD_PROBLEMS = (DataProblem.UNRECOGNIZED_VALUE, DataProblem.LEGACY_CODE)


class _Waiting(NamedTuple):
    endpoint: str
    answer: RawAnswer


class DriftCopy(msgspec.Struct, frozen=True):
    """What the journal had when a gateway wrote it last, for readers that cannot open the journal meanwhile."""

    at: datetime
    findings: list[DriftRecord]


class Drift:
    """One per process. `sample` is the share of documented answers that is looked at. `copy` is a file that is
    to have what the journal has.
    """

    def __init__(
        self,
        records: DriftRecords,
        clock: Callable[[], datetime],
        tally: Tally,
        *,
        sample: float,
        copy: Path | None = None,
    ) -> None:
        self._records = records
        self._clock = clock
        self._tally = tally
        self._sample = sample
        self._copy = copy
        self._watch = DriftWatch()
        self.until_next: float = self._skip()
        """Answers until one that is looked at though it is as documented."""
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._noticed: set[int] = set()
        self._sightings: Counter[Sighting] = Counter()
        self._rows: Counter[tuple[str, str]] = Counter()
        self._seen: set[Sighting] = set()
        self._has_new = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._shown: set[tuple[str, str]] = set()
        self._copying = StateLog("drift copy not written", "drift copy written again")
        for family in (FINDINGS, ROWS):
            tally.declare(family)

    def offer(self, call: Call[Any], outcome: object) -> None:
        """Look at the answer of a call later, if it has issues that are new, is of the share that is looked at, or was
        not documented: the caller counts `until_next` down. There is nothing to see where nothing was found.
        """
        is_sampled = self.until_next <= 0
        if is_sampled:
            self.until_next = self._skip()
        endpoint, answer = call.endpoint, call.answer
        if not self._sample or answer is None or outcome is None:
            return
        if endpoint.name not in RECORD_OF or len(answer.body) > LARGEST:
            return
        issues = get_issues(outcome)
        if issues and self._notice(endpoint.name, issues):
            if len(self._waiting) >= WAITING:
                self._waiting.pop()
            self._waiting.appendleft(_Waiting(endpoint.name, answer))
        elif (is_sampled or not (call.is_documented or endpoint.decode is None)) and self._has_room(endpoint.name):
            self._waiting.append(_Waiting(endpoint.name, answer))
        else:
            return
        self._arrived.set()

    async def run(self) -> None:
        """Look at what waits, and write what was seen, again and again. Ends only by cancellation."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look())
            group.create_task(self._write())

    async def _look(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                waiting = self._waiting.popleft()
                for spent in self._look_at(waiting):
                    await asyncio.sleep(spent / BUDGET)

    async def _write(self) -> None:
        while True:
            with suppress(JournalError):  # which is logged where it happens; nothing is lost
                await self.flush()
            await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._has_new.wait()

    async def flush(self) -> None:
        """Have the journal know what was seen. Raises JournalError: then the next try has it as well."""
        async with self._flushing:
            await self._flush()

    async def _flush(self) -> None:
        self._has_new.clear()
        self._noticed.clear()
        sightings, rows = self._sightings, self._rows
        self._sightings, self._rows = Counter(), Counter()
        try:
            found = await self._records.add(sightings, rows) if rows else await self._records.read()
        except BaseException:
            self._sightings.update(sightings)
            self._rows.update(rows)
            raise
        self._show(found)
        if self._copy is not None:
            try:
                await asyncio.to_thread(_replace, self._copy, DriftCopy(self._clock(), found))
            except OSError as error:
                self._copying.failed(reason=error.strerror)
            else:
                self._copying.worked()

    @property
    def found(self) -> int:
        """How many different things this process has seen."""
        return len(self._seen)

    def look_now(self) -> None:
        """Look at what waits, without a pause."""
        while self._waiting:
            for _ in self._look_at(self._waiting.popleft()):
                pass

    async def catch_up(self) -> None:
        """Look at what waits, and write. Raises JournalError."""
        self.look_now()
        await self.flush()

    async def close(self) -> None:
        """At the end of the process."""
        with suppress(JournalError):
            await self.catch_up()

    def _skip(self) -> float:
        """How many answers until the next that is looked at: at random, so that no rhythm of calls escapes."""
        if self._sample in (0, 1):
            return 1 if self._sample else inf
        return ceil(log(1.0 - random()) / log(1.0 - self._sample))  # noqa: S311 # no secret

    def _has_room(self, endpoint: str) -> bool:
        """One endpoint does not take the room of the others."""
        of_endpoint = sum(waiting.endpoint == endpoint for waiting in self._waiting)
        return len(self._waiting) < WAITING and of_endpoint < WAITING_OF_ENDPOINT

    def _notice(self, endpoint: str, issues: Issues) -> bool:
        """Whether any of the issues was not noticed before. Of what was sent, words count, as hashes."""
        if len(self._noticed) > MOST_NOTICED:
            self._noticed.clear()
        known = len(self._noticed)
        for issue in issues:
            word = issue.raw if issue.problem in _WORD_PROBLEMS else None
            self._noticed.add(hash((endpoint, issue.field, issue.problem, word)))
        return len(self._noticed) > known

    def _look_at(self, waiting: _Waiting) -> Iterator[float]:
        """Look at an answer, piece by piece. Yields the CPU time that each took, in seconds."""
        endpoint = waiting.endpoint
        started = time.thread_time()
        try:
            data = open_envelope(waiting.answer).body.get("data")
        except (BadAnswerError, BusyAnswerError):
            return
        rows = rows_in(endpoint, data)[:MOST_ROWS]
        looked_at = self._tally.count(ROWS, endpoint)
        for at in range(0, len(rows) or 1, ROWS_AT_ONCE):  # an answer without rows has taken time as well
            some = rows[at : at + ROWS_AT_ONCE]
            self._watch.look(endpoint, some, rows)
            looked_at.add(len(some))
            self._take()
            yield time.thread_time() - started
            started = time.thread_time()

    def _take(self) -> None:
        sightings, rows = self._watch.take()
        self._sightings.update(sightings)
        self._rows.update(rows)
        if not sightings.keys() <= self._seen:
            self._seen.update(sightings)
            self._has_new.set()

    def _show(self, found: list[DriftRecord]) -> None:
        """In the metrics: how many findings each endpoint and kind has."""
        since = self._clock() - RECENT
        recent = [each for each in unknown(found) if each.last_seen_at >= since]
        counts = Counter((each.endpoint, each.kind.value) for each in recent)
        now = time.monotonic()
        for labels in self._shown | counts.keys():
            self._tally.set(FINDINGS, *labels, value=counts[labels], now=now)
        self._shown |= counts.keys()


def unknown(records: Iterable[DriftRecord]) -> list[DriftRecord]:
    """Those that the profile which is used now does not have."""
    return [record for record in records if not is_known(record)]


def copy_beside(data_dir: Path) -> Path:
    """The file for those who cannot open a journal in SQLite, which its gateway has to itself."""
    return data_dir / "drift.json"


def _replace(path: Path, copy: DriftCopy) -> None:
    being_made = path.with_suffix(".new")
    being_made.touch(mode=0o600)
    being_made.write_bytes(msgspec.json.encode(copy))
    being_made.replace(path)
