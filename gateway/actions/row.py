"""A platform's row that a write is about: a review or a repair."""

from typing import NamedTuple

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
