"""A platform's row that a write is about: a review or a repair."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from gateway.actions.write import Write
from gateway.journal.records import Operation, RecordRef


class RowRef(NamedTuple):
    """A row as a caller's id names it. `type` is its public name; `community_code` is None for a bare number."""

    type: str
    platform_id: int
    community_code: str | None

    @classmethod
    def of(cls, operation: Operation) -> "RowRef":
        """The row that an operation is about. Raises ValueError where it names none."""
        if operation.record is None:
            raise ValueError("an operation on a row names it")
        return cls(operation.record.type, int(operation.record.platform_id), operation.record.community_code)

    def record(self) -> RecordRef:
        return RecordRef(self.type, self.community_code, str(self.platform_id))


def write_each(rows: Iterable[RowRef], write: Callable[[RowRef], Write]) -> dict[int, Write]:
    """A write for each row, by its number: one for a row that is named twice.

    A bare number does not name the row's community: where it is given both ways, the id's counts.
    """
    rows = sorted(rows, key=lambda row: row.community_code is not None)
    return {row.platform_id: write(row) for row in {row.platform_id: row for row in rows}.values()}
