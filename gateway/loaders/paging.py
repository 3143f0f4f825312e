"""From the platforms' pages to any slice of their lists.

Platforms cut their lists into pages of a size they choose (quirks 134 to 143); callers ask for `first` items from an
offset. A slice is put together from as few pages as hold it.
"""

from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from gateway.execution.level_loader import LevelLoader
from gateway.normalise.records import Page, Record


class Identified(Protocol):
    """A record of a platform's row."""

    @property
    def platform_id(self) -> int: ...


ItemT = TypeVar("ItemT")
KeyT = TypeVar("KeyT", bound=Hashable)
RowT = TypeVar("RowT", bound=Identified)


class Slice(Record, Generic[ItemT], frozen=True, gc=False):
    """`items` from `offset` on, of a list of `total`. Offsets are of the moment: lists may shift (quirk 142)."""

    items: tuple[ItemT, ...]
    offset: int
    first: int
    total: int


async def read_slice(
    pages: LevelLoader[KeyT, Page[RowT]], key_for: Callable[[int], KeyT], offset: int, first: int, page_size: int
) -> Slice[RowT]:
    """Read items `offset` to `offset + first`. Raises GatewayError.

    `key_for` gives the key of a page by its number, from 1; `page_size` is what its size is expected to be. The size in
    the answer counts: where it differs, the slice is cut by it. One page is read first, then the others, side by side.
    """
    number = offset // page_size + 1
    [page] = [counted] = await pages.load_all([key_for(number)])
    if counted.total is None and number > 1:  # beyond the end no page has the total: the first has (quirk 139)
        [counted] = await pages.load_all([key_for(1)])
    size, total = counted.per_page or page_size, counted.total or 0
    if size != page_size and offset // size + 1 != number:
        number = offset // size + 1
        [page] = await pages.load_all([key_for(number)])
    last_wanted = (min(offset + first, total) - 1) // size + 1
    items = page.items
    if last_wanted > number:
        later = await pages.load_all([key_for(wanted) for wanted in range(number + 1, last_wanted + 1)])
        items = _distinct([page, *later])
    skip = offset - (number - 1) * size
    items = items[skip : skip + first]
    return Slice(items, offset, first, max(total, offset + len(items)) if items else total)


def _distinct(pages: list[Page[RowT]]) -> tuple[RowT, ...]:
    """Rows that shifted onto the next page meanwhile would come twice (quirk 142)."""
    return tuple({item.platform_id: item for page in pages for item in page.items}.values())
