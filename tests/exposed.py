"""What the metrics, or the text of `/metrics`, say."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from gateway.ops.metrics import Metrics

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> Series:
    """The samples of an exposition, by name and labels."""
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, frozenset(labels.items())))


def labels_of(series: Series, name: str) -> list[Mapping[str, str]]:
    return [dict(labels) for found, labels in series if found == name]


def read(metrics: Metrics) -> Series:
    """The samples of one process."""
    metrics.refresh()
    samples = (sample for family in metrics.collect() for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
