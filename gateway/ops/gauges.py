"""Gauges of what is open, taken or waiting now, for Prometheus."""

from gateway.ops.slots import Slots
from gateway.ops.tally import Family, Tally

CONNECTIONS = Family("gateway_open_connections", "gauge", "Connections of clients, WebSockets included")

WATCHES = Family("gateway_watches", "gauge", "Lists of the platforms that are polled for subscribers")

BUILD = Family("gateway_build_info", "gauge", "1: this version and build runs", ("version", "build"), across="max")

AUDIT_WAITING = Family("gateway_audit_waiting", "gauge", "Notes that are not in the audit trail yet")

SLOTS = Family(
    "gateway_upstream_slots",
    "gauge",
    "Calls to a platform that may be under way at once, in all workers",
    ("platform",),
)

SLOTS_TAKEN = Family("gateway_upstream_slots_taken", "gauge", "Calls to a platform under way", ("platform",))

CALLS_WAITING = Family(
    "gateway_upstream_calls_waiting", "gauge", "Calls to a platform that wait for a slot", ("platform",)
)


def watch_slots(tally: Tally, platform: str, slots: Slots) -> None:
    """Have these gauges of one platform exposed."""
    tally.watch(SLOTS, platform, read=lambda: slots.limit)
    tally.watch(SLOTS_TAKEN, platform, read=lambda: slots.taken)
    tally.watch(CALLS_WAITING, platform, read=lambda: slots.waiting)
