"""What the metrics, or the text of `/metrics`, say."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from gateway.ops.metrics import Metrics

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> Series:
    """The samples of an exposition, by name and labels."""
    return _samples(text_string_to_metric_families(text))


def value(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, frozenset(labels.items())))


def by_labels(series: Series, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """The samples of one metric by the values of these labels."""
    return {tuple(dict(given)[label] for label in labels): it for (each, given), it in series.items() if each == name}


def labels_of(series: Series, name: str) -> list[Mapping[str, str]]:
    return [dict(labels) for found, labels in series if found == name]


async def scrape(gateway: Any) -> Series:
    return parse((await gateway.stranger.get("/metrics")).text)


def read(metrics: Metrics) -> Series:
    """The samples of one process."""
    metrics.refresh()
    return _samples(metrics.collect())


def _samples(families: Iterable[Metric]) -> Series:
    samples = (sample for family in families for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
