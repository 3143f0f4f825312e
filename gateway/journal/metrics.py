"""How far the journal and the relay lag behind, for Prometheus."""

import time

from gateway.journal.journal import Backlog, Journal
from gateway.ops.tally import Family, Tally

PAYMENTS = Family("gateway_payments", "gauge", "Payment notifications by delivery state", ("state",), across="latest")

OLDEST_UNDELIVERED = Family(
    "gateway_undelivered_payment_age_seconds",
    "gauge",
    "For how long the oldest payment notification that waits for its delivery has waited; 0 if none does",
    across="latest",
)

UNCLEAR_OPERATIONS = Family(
    "gateway_unclear_operations", "gauge", "Writes of which it is not known whether they were done", across="latest"
)

LAST_SUCCESS = Family(
    "gateway_journal_last_success_timestamp_seconds",
    "gauge",
    "When the journal was read or written the last time, by the worker that has waited for that longest",
    across="min",
)


def watch_journal(tally: Tally, journal: Journal) -> None:
    """Have these exposed."""
    for family in (PAYMENTS, OLDEST_UNDELIVERED, UNCLEAR_OPERATIONS):
        tally.declare(family)
    tally.watch(LAST_SUCCESS, read=lambda: journal.last_success)


def set_backlog(tally: Tally, backlog: Backlog) -> None:
    """The journal is the same for all workers: what one has read last stands for all."""
    now = time.monotonic()
    for state, payments in backlog.payments.items():
        tally.set(PAYMENTS, state.value, value=payments, now=now)
    tally.set(OLDEST_UNDELIVERED, value=backlog.oldest_undelivered, now=now)
    tally.set(UNCLEAR_OPERATIONS, value=backlog.unclear_operations, now=now)
