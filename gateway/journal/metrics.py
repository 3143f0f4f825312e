"""How far the journal and the relay lag behind, for Prometheus."""

from gateway.journal.journal import Backlog
from gateway.ops.metrics import Metrics


def set_backlog(metrics: Metrics, backlog: Backlog) -> None:
    """The journal is the same for all workers: what one has read last stands for all."""
    for state, payments in backlog.payments.items():
        metrics.payments.labels(state.value).set(payments)
    metrics.undelivered_age.set(backlog.oldest_undelivered)
    metrics.unclear_operations.set(backlog.unclear_operations)
