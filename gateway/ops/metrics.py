"""What the gateway counts about itself, for Prometheus. Labels are names of schema and document, never values."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache, partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from gateway.normalise.vocabulary import DataProblem, PlatformName
from gateway.ops.slots import Slots
from gateway.ops.worker_metrics import Worker

REMEMBERED = 1024
"""How many counters are remembered by what they count: finding one by its labels takes longer than counting."""

REQUEST_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CALL_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""The upper bounds of the buckets, in seconds."""

LARGEST_LAG = "gateway_event_loop_lag_max_seconds"

disable_created_metrics()  # a series of its own for each, in the text format


class Metrics:
    """The metrics of one gateway. `worker` is this process as one of several: then it exposes those of all.

    `multiprocess_mode` says how the gauges of several workers become one; those of workers that ended are left out.
    """

    def __init__(self, worker: Worker | None = None) -> None:
        self._worker = worker
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        summed = partial(gauge, multiprocess_mode="livesum")
        largest = partial(gauge, multiprocess_mode="livemax")
        latest = partial(gauge, multiprocess_mode="livemostrecent")

        self.requests = histogram(
            "gateway_request_seconds",
            "GraphQL requests, from the head to the whole answer, by how they ended",
            ("operation", "type", "outcome"),
            buckets=REQUEST_BOUNDS,
        )
        self.refused = counter(
            "gateway_refused_requests_total",
            "Requests that were refused before they were executed, by the code of the error and the limit it names",
            ("code", "limit"),
        )
        self.errors = counter("gateway_errors_total", "Errors in answers, by their code", ("code",))
        self.errors.labels("INTERNAL")  # 0, so that the first one is an increase
        self.failed_fields = counter(
            "gateway_failed_root_fields_total", "Root fields that are null by an error, by its code", ("code",)
        )
        self.clients = counter(
            "gateway_client_requests_total",
            "GraphQL requests by the client that sent them, as it names itself",
            ("client_name", "client_version"),
        )
        self.websocket_closes = counter(
            "gateway_websocket_closes_total", "WebSockets that the gateway closed, by the reason", ("reason",)
        )
        self.refused_tokens = counter("gateway_refused_tokens_total", "Tokens that were refused", ("reason",))
        self.connections = summed("gateway_open_connections", "Connections of clients, WebSockets included")
        self.websockets = summed("gateway_open_websockets", "WebSockets that speak graphql-transport-ws")
        self.subscriptions = summed("gateway_open_subscriptions", "Subscriptions, as event streams and over WebSocket")

        self.calls = histogram(
            "gateway_upstream_call_seconds",
            "Calls to the platforms: how long they took, by how they ended",
            ("platform", "endpoint", "outcome"),
            buckets=CALL_BOUNDS,
        )
        self.circuit_open = largest(
            "gateway_upstream_circuit_open",
            "Whether calls to an endpoint of a platform fail at once, as it could not be reached: 1, else 0",
            ("platform", "endpoint"),
        )
        self.slots = summed(
            "gateway_upstream_slots", "Calls to a platform that may be under way at once, in all workers", ("platform",)
        )
        self.slots_taken = summed("gateway_upstream_slots_taken", "Calls to a platform under way", ("platform",))
        self.calls_waiting = summed(
            "gateway_upstream_calls_waiting", "Calls to a platform that wait for a slot", ("platform",)
        )
        self.shared_reads = counter(
            "gateway_shared_reads_total",
            "Reads that cost no call of their own: their answer was kept, or under way already",
            ("endpoint", "by"),
        )
        self.data_issues = counter(
            "gateway_data_issues_total",
            "Values that did not arrive as documented",
            ("platform", "endpoint", "field", "problem"),
        )
        self.dropped_rows = counter("gateway_dropped_rows_total", "Rows without an identifier", ("endpoint",))
        self.undocumented = counter(
            "gateway_undocumented_total",
            "Keys, words and types of every n-th answer that neither the document nor the profile has",
            ("record", "what"),
        )
        self.watches = summed("gateway_watches", "Lists of the platforms that are polled for subscribers")

        self.payments = latest("gateway_payments", "Payment notifications by delivery state", ("state",))
        self.undelivered_age = latest(
            "gateway_undelivered_payment_age_seconds",
            "For how long the oldest payment notification that waits for its delivery has waited; 0 if none does",
        )
        self.unclear_operations = latest(
            "gateway_unclear_operations", "Writes of which it is not known whether they were done"
        )
        self.journal_success = gauge(
            "gateway_journal_last_success_timestamp_seconds",
            "When the journal was read or written the last time, by the worker that has waited for that longest",
            multiprocess_mode="livemin",
        )
        self.journal_success.set_to_current_time()  # a worker that starts has not waited yet
        self.audit_waiting = summed("gateway_audit_waiting", "Notes that are not in the audit trail yet")
        self.masking_forced = largest(
            "gateway_masking_forced", "Whether personal data is masked for all, as the audit trail waits: 1, else 0"
        )
        self.ready = latest("gateway_ready", "Whether a check of /readyz passed the last time: 1, else 0", ("check",))
        self.keys_age = gauge(
            "gateway_signing_keys_age_seconds",
            "How long ago the issuer gave its signing keys, or the gateway started; 0 for keys of a file",
            multiprocess_mode="livemin",
        )

        self.reloaded = gauge(
            "gateway_reload_successful",
            "0: the settings could not be used when they were last read anew, else 1",
            multiprocess_mode="livemin",
        )
        self.reloaded.set(1)
        self.build = largest("gateway_build_info", "1: this version and build runs", ("version", "build"))
        self.lag = histogram(
            "gateway_event_loop_lag_seconds",
            "How late the event loop called a timer, ten times a second",
            buckets=LAG_BOUNDS,
        )
        self.largest_lag = largest(
            LARGEST_LAG,
            "The largest lag of the last one or two minutes, in any worker; it grows while an event loop is stuck",
        )
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

    def refresh(self) -> None:
        """Read all that is watched. To be called by the event loop, ten times a second."""
        for gauge, read in self._watched:
            gauge.set(read())
        if self._worker is not None:
            self._worker.beat()

    def _data_issue(self, endpoint: str, platform: PlatformName, field: str, problem: DataProblem) -> Counter:
        """The counter of such issues. `field` is a path; the numbers of entries of a list are left out of it."""
        path = ".".join(part for part in field.split(".") if not part.isdigit())
        return self.data_issues.labels(platform.value, endpoint, path, problem.value)

    async def expose(self, accept: str = "") -> tuple[bytes, str]:
        """All of them, those of the other workers included, and the content type.

        That is OpenMetrics, which has exemplars, where the Accept header names it. In a thread: prometheus_client takes
        7 µs for each line, which may be some thousand.
        """
        self.refresh()
        encode, content_type = choose_encoder(accept)
        return await asyncio.to_thread(encode, self), content_type

    def collect(self) -> Iterator[Metric]:
        if self._worker is None:
            yield from self.registry.collect()
            yield from _processes([("1", "self")])
            return
        metrics, living = self._worker.read()
        longest_pause = time.time() - min(worker.beat for worker in living)
        for metric in metrics:
            if metric.name == LARGEST_LAG:  # by one that is not stuck
                metric.samples = [each._replace(value=max(each.value, longest_pause)) for each in metric.samples]
        yield from metrics
        yield from _processes((worker.number, str(worker.pid)) for worker in living)


def _open_in_worker() -> Metrics:
    return Metrics(Worker())


def _processes(workers: Iterable[tuple[str, str]]) -> Iterator[Metric]:
    """The figures of prometheus_client, of each worker."""
    families: dict[str, Metric] = {}
    for number, pid in workers:
        for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
            samples = [sample._replace(labels={"worker": number}) for sample in metric.samples]
            metric.samples = []
            families.setdefault(metric.name, metric).samples += samples
    yield from families.values()
