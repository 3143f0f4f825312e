"""What a tally, or the text of `/metrics`, says."""

from collections.abc import Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from gateway.ops.exposition import to_metrics
from gateway.ops.tally import Tally

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


def read(tally: Tally) -> Series:
    """The samples of one process."""
    tally.refresh(0.0)
    return _series(to_metrics(tally.families.values(), [tally.snapshot()]))


def _series(metrics: Iterable[Metric]) -> Series:
    return {(sample.name, frozenset(sample.labels.items())): sample.value for it in metrics for sample in it.samples}
