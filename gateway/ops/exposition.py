"""What the tallies of all workers say, in the text formats of Prometheus and OpenMetrics.

Counters and histograms are summed, those of ended workers included. Of gauges, only those of living workers count; each
family says how several become one. Figures of a process have the slot of its worker as a label.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TypeAlias

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from gateway.ops.tally import EXEMPLAR, Across, Family, Snapshot
from gateway.ops.worker_tallies import LASTING

WORKER = "worker"
"""The label of figures of a process."""

PROCESS_CPU = Family(
    "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", (WORKER,)
)

_ACROSS: Mapping[Across, Callable[[list[list[float]]], float]] = {
    "sum": lambda cells: math.fsum(value for value, _set_at in cells),
    "max": lambda cells: max(value for value, _set_at in cells),
    "min": lambda cells: min(value for value, _set_at in cells),
    "latest": lambda cells: max(cells, key=lambda each: each[1])[0],
}

_Series: TypeAlias = defaultdict[tuple[str, ...], list[list[float]]]
"""By the values of the labels: the cells in each snapshot."""


def encode(metrics: Iterable[Metric], accept: str) -> tuple[bytes, str]:
    """The body, and its content type: OpenMetrics, which has exemplars, where the Accept header names it."""
    encoder, content_type = choose_encoder(accept)
    return encoder(_Collected(metrics)), content_type


def to_metrics(families: Iterable[Family], snapshots: Sequence[Snapshot]) -> Iterator[Metric]:
    """Each family, with the series of all snapshots, and the figures of the living processes."""
    found: defaultdict[tuple[str, str], _Series] = defaultdict(lambda: defaultdict(list))
    for snapshot in snapshots:
        for (kind, name, labels), cells in snapshot.series.items():
            if snapshot.is_alive or kind in LASTING:
                found[kind, name][labels].append(cells)
    for family in families:
        series = found[family.kind, family.name]
        if family.kind == "counter":
            yield _counter(family, series)
        elif family.kind == "gauge":
            yield _gauge(family, series)
        else:
            yield _histogram(family, series, found["exemplars", family.name])
    yield from _processes([snapshot for snapshot in snapshots if snapshot.is_alive])


class _Collected(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _counter(family: Family, series: _Series) -> Metric:
    metric = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for labels, cells in series.items():
        metric.add_metric(labels, math.fsum(count for (count,) in cells))
    return metric


def _gauge(family: Family, series: _Series) -> Metric:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, cells in series.items():
        metric.add_metric(labels, _ACROSS[family.across](cells))
    return metric


def _histogram(family: Family, series: _Series, exemplars: _Series) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    bounds = [*map(floatToGoString, (*family.bounds, math.inf))]
    for labels, cells in series.items():
        *counts, total = map(math.fsum, zip(*cells, strict=True))
        buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        for number, (bound, count) in enumerate(zip(bounds, accumulate(counts), strict=True)):
            exemplar = _latest_exemplar(number, exemplars.get(labels, ()))
            buckets.append((bound, count) if exemplar is None else (bound, count, exemplar))
        metric.add_metric(labels, buckets, total)
    return metric


def _latest_exemplar(bucket: int, exemplars: Sequence[list[float]]) -> Exemplar | None:
    found = [cells[bucket * EXEMPLAR : (bucket + 1) * EXEMPLAR] for cells in exemplars]
    *trace_id, value, observed_at = max(found, key=lambda cells: cells[-1], default=[0.0, 0.0])
    if not observed_at:
        return None
    return Exemplar({"trace_id": "".join(f"{int(part):08x}" for part in trace_id)}, value, observed_at)


def _processes(living: Iterable[Snapshot]) -> Iterator[Metric]:
    """The figures of prometheus_client, of each worker, but for its CPU: that is a counter, kept when a worker ends."""
    families: dict[str, Metric] = {}
    for snapshot in living:
        for metric in ProcessCollector(pid=lambda snapshot=snapshot: snapshot.pid, registry=None).collect():  # type: ignore[misc]
            if metric.type != "gauge":
                continue
            family = families.setdefault(
                metric.name, GaugeMetricFamily(metric.name, metric.documentation, labels=(WORKER,))
            )
            family.add_sample(metric.name, {WORKER: str(snapshot.slot)}, metric.samples[0].value)
    yield from families.values()
