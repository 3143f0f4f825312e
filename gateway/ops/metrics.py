"""What the gateway counts about itself, for Prometheus. Labels are names of schema and document, never values."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one gateway, in a registry of its own, with those that others keep."""

    def __init__(self, *others: Collector) -> None:
        self.registry = CollectorRegistry()
        for other in others:
            self.registry.register(other)
        self.data_issues = Counter(
            "gateway_data_issues",
            "Values that did not arrive as documented",
            ("platform", "endpoint", "field", "problem"),
            registry=self.registry,
        )
        self.dropped_rows = Counter(
            "gateway_dropped_rows", "Rows without an identifier", ("endpoint",), registry=self.registry
        )
        self.payments = Gauge(
            "gateway_payments", "Payment notifications by delivery state", ("state",), registry=self.registry
        )

    def exposition(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)
