"""The three ways the platforms may speak, and how dirty values get into the third."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import msgspec

Row = dict[str, Any]
"""One JSON object on its way to the wire."""

Stain = Callable[[Row], None]
"""Makes one value of a row dirty."""

SOILED_ONE_IN = 8


class Dialect(StrEnum):
    """`documented`: as the document's tables say. `examples`: as its examples show. `mixed`: either, from one record
    to the next, every eighth record with one value that neither allows."""

    DOCUMENTED = "documented"
    EXAMPLES = "examples"
    MIXED = "mixed"


def put(field: str, value: object) -> Stain:
    """The stain that writes `value` over `field`."""

    def stain(row: Row) -> None:
        row[field] = value

    return stain


def stain_for(number: int, stains: Sequence[Stain]) -> Stain | None:
    """Every eighth number has a stain, the stains taken in turn."""
    turn, place = divmod(number, SOILED_ONE_IN)
    return stains[turn % len(stains)] if place == SOILED_ONE_IN - 1 else None


class Record(Protocol):
    """A record with a platform id."""

    id: int
    is_touched: bool


def soil(row: Row, record: Record, stains: Sequence[Stain]) -> Row:
    """Stain the row if it is the turn of its record."""
    stain = None if record.is_touched else stain_for(record.id, stains)
    if stain is not None:
        stain(row)
    return row


RecordT = TypeVar("RecordT", bound=Record)


class EncodedRows(Generic[RecordT]):
    """Rows rendered and encoded once, kept until their record changes: the sandbox is the upstream of benchmarks."""

    def __init__(self, render: Callable[[RecordT], Row]) -> None:
        self._render = render
        self._rows: dict[int, msgspec.Raw] = {}

    def __call__(self, record: RecordT) -> msgspec.Raw:
        row = self._rows.get(record.id)
        if row is None:
            row = self._rows[record.id] = msgspec.Raw(msgspec.json.encode(self._render(record)))
        return row

    def forget(self, record: RecordT) -> None:
        self._rows.pop(record.id, None)
