"""What the gateway counts about itself, for Prometheus. Labels are names of schema and document, never values."""

import asyncio
import fcntl
import os
import re
import shutil
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, TypeVar

from prometheus_client import Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import CollectorRegistry
from prometheus_client.values import MultiProcessValue

from gateway.normalise.vocabulary import DataProblem, PlatformName
from gateway.ops.slots import Slots

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"

PREFIX = "gateway-metrics-"

LONGEST_START = 60  # seconds that a worker may take to answer, on a busy machine: then it is taken for stuck


@contextmanager
def worker_directory() -> Iterator[None]:
    """Make a directory for the workers of this process, in memory where the system has such a place. Those of commands
    that were killed are removed. Raises OSError.

    Each worker counts in files of its own (prometheus_client's multiprocess mode): the one that is scraped reads all.
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


class Worker:
    """This process, as one of several workers: it has the lowest free number from 1 on, until it ends. Made before any
    metric is.

    It holds the lock of the file `worker-NUMBER`, which has its process id. The files of its counts have its number, so
    that a successor counts on.
    """

    def __init__(self) -> None:
        self._directory = Path(os.environ[DIRECTORY])
        with self._locked():
            for number in count(1):
                self._file = os.open(self._directory / f"worker-{number}", os.O_RDWR | os.O_CREAT, 0o600)
                if _lock(self._file):
                    break
                os.close(self._file)
            os.pwrite(self._file, f"{os.getpid():<20}".encode(), 0)
            mark_process_dead(number, str(self._directory))  # the gauges of the one before
            self.beat(time.time() + LONGEST_START)
        values.ValueClass = MultiProcessValue(lambda: number)

    def beat(self, moment: float) -> None:
        os.utime(self._file, (moment, moment))

    def read(self) -> tuple[list[Metric], dict[str, str], float]:
        """What all count, without the gauges of workers that have ended; the process ids of those that live, by number;
        and the first of the moments, in Unix seconds, when their event loops were seen to run last.
        """
        pids: dict[str, str] = {}
        beats: list[float] = []
        with self._locked():
            for path in sorted(self._directory.glob("worker-*")):
                number = path.name.removeprefix("worker-")
                with path.open("rb") as file:
                    if _lock(file.fileno()):
                        mark_process_dead(number, str(self._directory))
                    else:
                        pids[number] = file.read().decode().strip()
                        beats.append(os.fstat(file.fileno()).st_mtime)
            return [*MultiProcessCollector(None, str(self._directory)).collect()], pids, min(beats)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """By one worker at a time: none takes a number while another looks whose workers live."""
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


REMEMBERED = 1024
"""How many counters are remembered by what they count: finding one by its labels takes longer than counting."""

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The upper bounds of buckets, in seconds."""

LARGEST_LAG = "gateway_event_loop_lag_max_seconds"

disable_created_metrics()  # a series of its own for each, in the text format


class _Value(values.MutexValue):
    """Counted by the event loop alone, without the mutex: that takes three times as long as to count."""

    def inc(self, amount: float) -> None:
        self._value += amount


if DIRECTORY not in os.environ:
    values.ValueClass = _Value


class Durations(Histogram):
    """A histogram of seconds without prometheus_client's check of labels and search: 0.2 in place of 0.5 µs."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        if exemplar is not None:
            super().observe(amount, exemplar)
        else:
            self._sum.inc(amount)
            self._buckets[bisect_left(self._upper_bounds, amount)].inc(1)

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Observe several at a tenth of the cost each."""
        self._sum.inc(sum(amounts))
        ordered, counted = sorted(amounts), 0
        for bucket, bound in zip(self._buckets, self._upper_bounds, strict=True):
            up_to = bisect_right(ordered, bound)
            bucket.inc(up_to - counted)
            counted = up_to


class Counts(Counter):
    """A counter whose `inc` leaves out prometheus_client's checks, which take four times as long as to count."""

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        self._value.inc(amount)


MetricT = TypeVar("MetricT")

_DECLARED = re.compile(r"^(\w+)(?:\{(.+)\})?\s+(.+)")
"""A metric is declared by its name with those of its labels, and what it is."""


class Metrics:
    """The metrics of one gateway. `worker` is this process as one of several: then it exposes those of all.

    `multiprocess_mode` says how the gauges of several workers become one; those of workers that ended are left out.
    """

    def __init__(self, worker: Worker | None = None) -> None:
        self._worker = worker
        self.registry = CollectorRegistry()

        def declare(kind: Callable[..., MetricT], text: str, **options: Any) -> MetricT:
            [(name, labels, meaning)] = _DECLARED.findall(text)
            return kind(name, meaning, labels.split(",") if labels else (), registry=self.registry, **options)

        counter = partial(declare, Counts)
        requests, calls, lags = (partial(declare, Durations, buckets=it) for it in (BOUNDS, BOUNDS[2:], BOUNDS[:-1]))
        summed, largest, least, latest = (
            partial(declare, Gauge, multiprocess_mode=f"live{mode}") for mode in ("sum", "max", "min", "mostrecent")
        )

        self.requests = requests("""gateway_request_seconds{operation,type,outcome}
            GraphQL requests, from the head to the whole answer, by how they ended""")
        self.refused = counter("""gateway_refused_requests_total{code,limit}
            Requests that were refused before they were executed, by the code of the error and the limit it names""")
        self.errors = counter("gateway_errors_total{code} Errors in answers, by their code")
        self.errors.labels("INTERNAL")  # 0, so that the first one is an increase
        self.failed_fields = counter("""gateway_failed_root_fields_total{code}
            Root fields that are null by an error, by its code""")
        self.clients = counter("""gateway_client_requests_total{client_name,client_version}
            GraphQL requests by the client that sent them, as it names itself""")
        self.websocket_closes = counter("""gateway_websocket_closes_total{reason}
            WebSockets that the gateway closed, by the reason""")
        self.refused_tokens = counter("gateway_refused_tokens_total{reason} Tokens that were refused")
        self.connections = summed("gateway_open_connections Connections of clients, WebSockets included")
        self.websockets = summed("gateway_open_websockets WebSockets that speak graphql-transport-ws")
        self.subscriptions = summed("gateway_open_subscriptions Subscriptions, as event streams and over WebSocket")

        self.calls = calls("""gateway_upstream_call_seconds{platform,endpoint,outcome}
            Calls to the platforms: how long they took, by how they ended""")
        self.circuit_open = largest("""gateway_upstream_circuit_open{platform,endpoint}
            Whether calls to an endpoint of a platform fail at once, as it could not be reached: 1, else 0""")
        self.slots = summed("""gateway_upstream_slots{platform}
            Calls to a platform that may be under way at once, in all workers""")
        self.slots_taken = summed("gateway_upstream_slots_taken{platform} Calls to a platform under way")
        self.calls_waiting = summed("gateway_upstream_calls_waiting{platform} Calls to a platform that wait for a slot")
        self.shared_reads = counter("""gateway_shared_reads_total{endpoint,by}
            Reads that cost no call of their own: their answer was kept, or under way already""")
        self.data_issues = counter("""gateway_data_issues_total{platform,endpoint,field,problem}
            Values that did not arrive as documented""")
        self.dropped_rows = counter("gateway_dropped_rows_total{endpoint} Rows without an identifier")
        self.undocumented = counter("""gateway_undocumented_total{record,what}
            Keys, words and types of every n-th answer that neither the document nor the profile has""")
        self.watches = summed("gateway_watches Lists of the platforms that are polled for subscribers")
        self.watch_lateness = largest("""gateway_watch_lateness_seconds
            For how long the most overdue poll of a watched list has been due""")
        self.watch_lateness_bound = largest("""gateway_watch_lateness_bound_seconds
            What that stays within, by the lists, the slots and how long the last polls took""")

        self.payments = latest("gateway_payments{state} Payment notifications by delivery state")
        self.undelivered_age = latest("""gateway_undelivered_payment_age_seconds
            For how long the oldest payment notification that waits for its delivery has waited; 0 if none does""")
        self.unclear_operations = latest("""gateway_unclear_operations
            Writes of which it is not known whether they were done""")
        self.journal_bytes = latest("""gateway_journal_bytes{table}
            Disk that a table of the journal takes with its indexes; on SQLite the file, as the table `journal`""")
        self.journal_success = least("""gateway_journal_last_success_timestamp_seconds
            When the journal was read or written the last time, by the worker that has waited for that longest""")
        self.journal_success.set_to_current_time()  # a worker that starts has not waited yet
        self.audit_waiting = summed("gateway_audit_waiting Notes that are not in the audit trail yet")
        self.masking_forced = largest("""gateway_masking_forced
            Whether personal data is masked for all, as the audit trail waits: 1, else 0""")
        self.ready = latest("gateway_ready{check} Whether a check of /readyz passed the last time: 1, else 0")
        self.keys_age = least("""gateway_signing_keys_age_seconds
            How long ago the issuer gave its signing keys, or the gateway started; 0 for keys of a file""")

        self.reloaded = least("""gateway_reload_successful
            0: the settings could not be used when they were last read anew, else 1""")
        self.reloaded.set(1)
        self.build = largest("gateway_build_info{version,build} 1: this version and build runs")
        self.lag = lags("gateway_event_loop_lag_seconds How late the event loop called a timer, twenty times a second")
        self.largest_lag = largest(f"""{LARGEST_LAG}
            The largest lag of the last one or two minutes, in any worker; it grows while an event loop is stuck""")
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self.data_issue = lru_cache(REMEMBERED)(self._data_issue)

    def __reduce__(self) -> tuple[Callable[[], "Metrics"], tuple[()]]:
        return _open_in_worker, ()

    def watch(self, gauge: Gauge, read: Callable[[], float]) -> None:
        """Set it to what `read` returns, now and at each `refresh`."""
        gauge.set(read())
        self._watched.append((gauge, read))

    def watch_connections(self, connections: Collection[object]) -> None:
        self.watch(self.connections, lambda: len(connections))

    def watch_slots(self, platform: str, slots: Slots) -> None:
        self.watch(self.slots.labels(platform), lambda: slots.limit)
        self.watch(self.slots_taken.labels(platform), lambda: slots.taken)
        self.watch(self.calls_waiting.labels(platform), lambda: slots.waiting)

    def beat(self) -> None:
        """The event loop runs: to be called by it, twenty times a second. Other workers find the gauges up to date."""
        if self._worker is not None:
            self.refresh()
            self._worker.beat(time.time())

    def refresh(self) -> None:
        """Read all that is watched."""
        for gauge, read in self._watched:
            gauge.set(read())

    def _data_issue(self, endpoint: str, platform: PlatformName, field: str, problem: DataProblem) -> Counter:
        """The counter of such issues. `field` is a path; the numbers of entries of a list are left out of it."""
        path = ".".join(part for part in field.split(".") if not part.isdigit())
        return self.data_issues.labels(platform.value, endpoint, path, problem.value)

    async def expose(self, accept: str = "") -> tuple[bytes, str]:
        """All of them, those of the other workers included, and the content type.

        That is OpenMetrics, which has exemplars, where the Accept header names it. In a thread: each of some thousand
        lines takes 7 µs.
        """
        self.refresh()
        encode, content_type = choose_encoder(accept)
        return await asyncio.to_thread(encode, self), content_type

    def collect(self) -> Iterator[Metric]:
        if self._worker is None:
            yield from self.registry.collect()
            yield from _processes({"1": "self"})
            return
        metrics, pids, beat = self._worker.read()
        longest_pause = time.time() - beat
        for metric in metrics:
            if metric.name == LARGEST_LAG:  # by one that is not stuck
                metric.samples = [each._replace(value=max(each.value, longest_pause)) for each in metric.samples]
        yield from metrics
        yield from _processes(pids)


def _open_in_worker() -> Metrics:
    return Metrics(Worker())


def _processes(pids: Mapping[str, str]) -> Iterator[Metric]:
    families: dict[str, Metric] = {}
    for number, pid in pids.items():
        for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
            samples = [sample._replace(labels={"worker": number}) for sample in metric.samples]
            metric.samples = []
            families.setdefault(metric.name, metric).samples += samples
    yield from families.values()
