"""What the gateway counts about itself, for Prometheus. Labels are names of schema and document, never values."""

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.registry import Collector

from gateway.normalise.vocabulary import DataProblem, PlatformName

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REMEMBERED = 1024
"""How many counters are remembered by what they count: finding one by its labels takes longer than counting."""


class Metrics:
    """The counters of one gateway, in a registry of its own, with those that others keep."""

    def __init__(self, *others: Collector) -> None:
        self.registry = CollectorRegistry()
        for other in others:
            self.registry.register(other)
        self._data_issues = Counter(
            "gateway_data_issues",
            "Values that did not arrive as documented",
            ("platform", "endpoint", "field", "problem"),
            registry=self.registry,
        )
        self.data_issue = lru_cache(REMEMBERED)(self._data_issue)
        self.dropped_rows = Counter(
            "gateway_dropped_rows", "Rows without an identifier", ("endpoint",), registry=self.registry
        )
        self.payments = Gauge(
            "gateway_payments", "Payment notifications by delivery state", ("state",), registry=self.registry
        )

    def _data_issue(self, endpoint: str, platform: PlatformName, field: str, problem: DataProblem) -> Counter:
        """The counter of such issues. `field` is a path; the numbers of entries of a list are left out of it."""
        path = ".".join(part for part in field.split(".") if not part.isdigit())
        return self._data_issues.labels(platform.value, endpoint, path, problem.value)

    def exposition(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)
