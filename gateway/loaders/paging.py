"""From the platforms' pages to any slice of their lists.

Platforms cut their lists into pages of a size they choose (quirks 134 to 143); callers ask for `first` items from an
offset. A slice is put together from as few pages as hold it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeAlias, TypeVar

from schema.normalise.records import Page, Record


class Identified(Protocol):
    @property
    def platform_id(self) -> int: ...


ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT", bound=Identified)


ReadPages: TypeAlias = Callable[[Sequence[int]], Awaitable[list[Page[RowT]]]]
"""Reads pages by their numbers."""


class Slice(Record, Generic[ItemT], frozen=True, gc=False):
    """`items` from `offset` on, of a list of `total`. Offsets are of the moment: lists may shift (quirk 142)."""

    items: tuple[ItemT, ...]
    offset: int
    first: int
    total: int


async def read_slice(read: ReadPages[RowT], offset: int, first: int, page_size: int) -> Slice[RowT]:
    """Read items `offset` to `offset + first`.

    `read(numbers)` reads the platform's pages, 1-based and side by side; `page_size` is what their size is expected to
    be. The size in the answer counts: where it differs, the slice is cut by it. One page is read first, then the
    others.
    """
    number = offset // page_size + 1
    (page,) = await read((number,))
    size = page.per_page or page_size
    if size != page_size and offset // size + 1 != number:
        number = offset // size + 1
        (page,) = await read((number,))
    total = page.total
    if total is None:
        total = await _total_beyond_the_end(read, number)
    last_wanted = (min(offset + first, total) - 1) // size + 1
    later = range(number + 1, last_wanted + 1)
    items = _distinct([page, *await read(later)]) if later else page.items
    skip = offset - (number - 1) * size
    return Slice(items[skip : skip + first], offset, first, total)


async def _total_beyond_the_end(read: ReadPages[RowT], number: int) -> int:
    """A page beyond the end looks like "nothing found" (quirk 139): only the first page tells them apart."""
    if number == 1:
        return 0
    (first,) = await read((1,))
    return first.total or 0


def _distinct(pages: list[Page[RowT]]) -> tuple[RowT, ...]:
    """Rows that shifted onto the next page meanwhile would come twice (quirk 142)."""
    return tuple({item.platform_id: item for page in pages for item in page.items}.values())
