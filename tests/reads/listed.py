"""What the lists of records hold, by the sandbox's world, and what in an answer can carry data issues."""

from collections.abc import Iterator
from typing import Any


def ids(part: Any) -> list[int]:
    return [node["platformId"] for node in part["nodes"]]


def expected_ids(world: Any, list_name: str, *codes: str) -> list[int]:
    """Oldest first, the open repairs before the others; orders newest first."""
    if list_name == "repairs":
        rows = [row for code in codes for row in world.repairs_of[code]]
        return [row.id for row in sorted(rows, key=lambda row: (row.is_resolved, row.id))]
    rows_of = world.shenhes_of if list_name == "shenhes" else world.orders_of
    return sorted((row.id for code in codes for row in rows_of[code]), reverse=list_name == "orders")


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of an answer that has its data issues."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(item)
    if isinstance(value, dict) and value.get("dataIssues") is not None:
        yield value
