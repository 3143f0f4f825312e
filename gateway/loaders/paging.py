"""Any slice of a list.

Platforms cut their lists into pages of a size they choose (quirks 134 to 143); callers ask for `first` items from an
offset. A slice is put together from as few pages as hold it (`gateway.loaders.record_list`).
"""

from typing import Generic, Protocol, TypeVar

from gateway.normalise.records import Record


class Identified(Protocol):
    """A record of a platform's row."""

    @property
    def platform_id(self) -> int: ...


ItemT = TypeVar("ItemT")


class Slice(Record, Generic[ItemT], frozen=True, gc=False):
    """`items` from `offset` on, of a list of `total`. Offsets are of the moment: lists may shift (quirk 142)."""

    items: tuple[ItemT, ...]
    offset: int
    first: int
    total: int
