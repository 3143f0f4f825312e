"""How many reads cost no call of their own, by endpoint, for Prometheus. Counting costs next to nothing: no locks."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class SharedReadCounts(Collector):
    """By endpoint: reads that `joined` a call under way, and those whose answer was `kept`."""

    def __init__(self) -> None:
        self.joined: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            "gateway_shared_reads",
            "Reads that cost no call of their own: their answer was kept, or under way already",
            labels=("endpoint", "by"),
        )
        for by, counts in (("joined", self.joined), ("kept", self.kept)):
            for endpoint, count in counts.items():
                family.add_metric((endpoint, by), count)
        yield family
