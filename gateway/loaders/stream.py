"""Reads one stream of a platform: rows from an offset on, or after the row that a reader saw last.

A platform's offsets are of the moment. Where three rows have left a filtered list, because somebody dealt with them,
three that nobody saw stand before the offset. So a reader goes on after a row, not at an offset: the page that is read
holds that row as well, and shows that all is as it was. Where it is not, its place is looked for on the pages around,
by the numbers of the rows, which platforms list in order (quirk 142).
"""

from collections.abc import Sequence
from itertools import pairwise, takewhile
from math import inf
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from gateway.errors import GatewayError, ProtocolError
from gateway.loaders.loader import ReadLoader
from gateway.loaders.paging import NEITHER, Direction, Identified, PageKey, Place, Stream, Stretch, direction
from gateway.normalise.records import Page
from gateway.wording.faults import FaultWording

RowT = TypeVar("RowT", bound=Identified)
PageLoader: TypeAlias = ReadLoader[PageKey, Page[RowT]]

LARGEST_PAGE = 100  # rows that are asked for in any case, if one page is to hold all that is wanted
SCANNED_PAGES = 10  # pages on which a row is looked for in a list that is in no order
ATTEMPTS = 3  # how often a part is read that changed meanwhile, or of which the platform gives less than it counts


class _Start(NamedTuple):
    """The row to begin with: by the page, and its position there."""

    page: int
    position: int


class StreamReader(msgspec.Struct, Generic[RowT], eq=False):
    """Reads what one query finds, once: from the `place` where a reader stands, if there is one. `going` is where
    numbers go, as far as was seen.

    `pages` are those that were read, by number, all of one `size`: that which the platform cuts, whatever it is asked
    for. None is from before `since`; where that is -inf, they may be cached.
    """

    loader: PageLoader[RowT]
    stream: Stream
    query: Any
    place: Place | None
    going: Direction
    asked_size: int = 0
    size: int = 0
    total: int = 0
    since: float = -inf
    pages: dict[int, Page[RowT]] = {}

    async def read(self, offset: int, first: int) -> Stretch[RowT]:
        """Rows `offset` to `offset + first`, or the `first` that come after the place, as far as they can be read.
        Raises GatewayError where not even the first of them can be, and where none comes though some follow.

        Without a place one page is read first, which mostly shows that it is enough. If it is not all are read anew,
        side by side: then none of them is cached from before. After a place, no page is used that was read before.
        """
        loader, place, going = self.loader, self.place, self.going
        if place is not None:
            offset = place.offset
        clock, size, since = loader.source.shared.clock, loader.page_size or first, -inf
        begin, end = offset, offset + 1
        if not loader.turns_pages:
            size = loader.page_size or min(offset + first, LARGEST_PAGE)
        elif place is not None and place.last:
            # The row seen last shows that all is as it was, or that it has left: rows of its page may have left too.
            begin, end = max(0, offset - 1), min(offset + first, max(place.total, offset + 1))
            size, going = loader.page_size or _size_of_one_page(begin, offset + first), place.direction
            since = clock()
        began = clock()
        if place is None and loader.turns_pages and (found := await self._take_page(offset, first, size)) is not None:
            return found
        for _ in range(ATTEMPTS):
            self.asked_size = self.size = size
            self.since, self.going, self.total, self.pages = since, going, 0, {}
            if not loader.turns_pages:
                return await self._take_only(offset, first)
            numbers = await self._settle(begin, end)
            start = _Start(numbers[0], offset - (numbers[0] - 1) * self.size)
            if place is not None and place.last:
                start = await self._find_after(place, numbers)
            stretch = await self._take(start, first)
            if stretch.items or not stretch.has_more:
                return stretch
            since = began if since == -inf else clock()
        raise ProtocolError("WJDH", loader.endpoint, FaultWording.ROWS_MISSING())

    async def _take_page(self, offset: int, first: int, size: int) -> Stretch[RowT] | None:
        """The rows from the page that has them by this size, where it shows that it has them all."""
        number = offset // size + 1
        [page] = await self.loader.read((PageKey(self.stream.community_code, self.query, number, size),))
        if isinstance(page, Exception) or not page.per_page or page.total is None:
            return None
        size, total = page.per_page, page.total
        before, last = (number - 1) * size, -(-total // size)
        is_clear = len(page.items) + page.dropped == min(size, total - before) and page.last_page == max(last, 1)
        shown = page.items[offset - before :]
        if not is_clear or offset // size + 1 != number or (len(shown) < first and number < last):
            return None
        return self._stretch(shown[:first], min(offset, total), total, len(shown) > first or number < last)

    @property
    def last(self) -> int:
        """The number of the last page there is."""
        return -(-self.total // self.size)

    async def _settle(self, begin: int, end: int) -> range:
        """Read the pages that hold the rows from `begin` to `end`, by the size that they turn out to have."""
        size, numbers = None, range(0)
        while True:
            before, numbers = numbers, range(begin // self.size + 1, max(begin, end - 1) // self.size + 2)
            if numbers == before:
                return numbers
            await self._read_pages(numbers)
            known, size = size, self._find_size(1 if 1 in self.pages else numbers[0])
            if size is None or (known and size != known):
                await self._read_pages([1])
                size = self._find_size(1)
            if not size or size == self.size:
                return numbers
            self.size = size

    def _find_size(self, number: int) -> int | None:
        """The size of the pages by the rows of one of them. None: only the first shows it (quirks 135 to 139)."""
        page = self.pages[number]
        rows, said, total = len(page.items) + page.dropped, page.per_page or 0, page.total or 0
        if number == 1:
            return min(rows, said or rows) if rows < total else max(rows, said or self.size)
        is_clear = said and rows == min(said, total - (number - 1) * said) and page.last_page == -(-total // said)
        return said if is_clear else None

    async def _read_pages(self, numbers: Sequence[int]) -> GatewayError | None:
        """Read these adjacent pages, as far as possible. Returns the error of a later one, raises that of the first."""
        code, query, size = self.stream.community_code, self.query, self.asked_size
        keys = [PageKey(code, query, number, size) for number in numbers if number not in self.pages]
        if not keys:
            return None
        outcomes = await self.loader.read(keys, self.since)
        for (_, _, number, _), outcome in zip(keys, outcomes, strict=True):
            if isinstance(outcome, Exception):
                if isinstance(outcome, GatewayError) and number != numbers[0]:
                    return outcome
                raise outcome
            self.pages[number] = outcome
            self.total = self.total if outcome.total is None else outcome.total
        return None

    async def _take(self, start: _Start, first: int) -> Stretch[RowT]:
        """`first` rows from there, on a page that was read, as far as they can be read and the pages fit each other. No
        rows, though some follow, where it takes several pages and the first may be cached.
        """
        offset = min((start.page - 1) * self.size + start.position, self.total)  # the last page may be short
        end = max(start.page, -(-min(offset + first, self.total) // self.size))
        if self.since == -inf and end > start.page:
            return self._stretch((), offset, self.total, has_more=True)
        pages, error = [self.pages[start.page]], None
        while True:
            if end > start.page:
                pages, error = await self._read_fitting(range(start.page, end + 1))
            rows = pages[0].items if len(pages) == 1 else _distinct(pages)
            shown, is_cut = rows[start.position :], len(pages) <= end - start.page
            if is_cut or len(shown) >= first or end >= self.last:
                break
            end += 1  # rows without an identifier are no rows
        has_more = is_cut or len(shown) > first or end < self.last
        return self._stretch(shown[:first], offset, self.total, has_more, error)

    async def _take_only(self, offset: int, first: int) -> Stretch[RowT]:
        """Of a list that turns no pages: from the row after the place, else the offset. Raises GatewayError."""
        await self._read_pages([1])
        page, after = self.pages[1], self.place.last if self.place else 0
        rows, total = page.items, page.total or 0
        offset = next((position for position, row in enumerate(rows, 1) if row.platform_id == after), offset)
        is_cut = len(rows) + page.dropped < total
        if len(rows) <= offset < total and is_cut:
            raise _only_first_page(self.loader.endpoint)
        has_more = is_cut or len(rows) > offset + first
        return self._stretch(rows[offset : offset + first], min(offset, total), total, has_more)

    def _stretch(
        self, items: tuple[RowT, ...], offset: int, total: int, has_more: bool, error: GatewayError | None = None
    ) -> Stretch[RowT]:
        """Raises the error where it left no rows. A total that the rows themselves contradict is theirs."""
        if error is not None and not items:
            raise error
        start, place, going = None, self.place, self.going
        if items:
            total = max(total, offset + len(items))
        if offset or place:
            start = Place(place.last if place else 0, offset, total, going)
        return Stretch(self.stream, items, offset, total, going, start, has_more, error)

    async def _read_fitting(self, numbers: range) -> tuple[list[Page[RowT]], GatewayError | None]:
        """These pages, up to the first that cannot be read or does not fit the one before, and the error of that: rows
        may have left between one with less in total, or none at all, and the page before.
        """
        error = await self._read_pages(numbers)
        pages = [self.pages[number] for number in takewhile(self.pages.__contains__, numbers)]
        for at, (page, following) in enumerate(pairwise(pages), 1):
            if _is_same(page, following):
                return pages[:at], _only_first_page(self.loader.endpoint)
            if (not following.items and not following.dropped) or (following.total or 0) < (page.total or 0):
                return pages[:at], error
        return pages, error

    async def _find_after(self, place: Place, numbers: range) -> _Start:
        """Where the row after the place is, which is expected before or among the rows of these pages."""
        start = await self._find(place.last, [*takewhile(self.pages.__contains__, numbers)])
        is_end = start.position and start.position == len(self.pages[start.page].items)
        if is_end and start.page > 1 and (start.page - 1) * self.size + start.position > place.offset:
            await self._read_pages([1])
            if _is_same(self.pages[1], self.pages[start.page]):
                raise _only_first_page(self.loader.endpoint)
        return start

    async def _find(self, last: int, numbers: Sequence[int]) -> _Start:
        """Where the row after `last` is, with these pages read. Each step doubles what is known, or halves the rest."""
        first, step = numbers[0], 1
        seen, not_seen = 0, max(self.last, numbers[-1]) + 1  # the pages around those where it may be
        beyond = not_seen
        while True:
            rows = [
                (row.platform_id, _Start(number, position))
                for number in numbers
                for position, row in enumerate(self.pages[number].items)
            ]
            self.going = direction([number for number, _ in rows], self.going)
            for number, (page, position) in rows:
                if number == last:
                    return _Start(page, position + 1)
            if rows and self.going == NEITHER:
                return await self._scan(last, first)
            after = [start for number, start in rows if (number - last) * self.going > 0]
            if 0 < len(after) < len(rows):
                return after[0]
            if len(after) == len(rows):
                not_seen = numbers[0]
            else:
                seen = numbers[-1]
            if not_seen - seen == 1:  # the pages on both sides are to fit each other
                return _Start(seen, len(self.pages[seen].items)) if seen else _Start(not_seen, 0)
            number = (seen + not_seen) // 2
            if not seen:
                number = max(1, not_seen - step)
            elif not_seen == beyond:
                number = min(not_seen - 1, seen + step)
            step *= 2
            numbers = [number]
            await self._read_pages(numbers)

    async def _scan(self, last: int, before: int) -> _Start:
        """The same in a list that is in no order. What is not found is shown again, rather than skipped."""
        earliest = max(1, before - SCANNED_PAGES)
        for number in range(before - 1, earliest - 1, -1):
            await self._read_pages([number])
            for position, row in enumerate(self.pages[number].items, 1):
                if row.platform_id == last:
                    return _Start(number, position)
        return _Start(earliest, 0)


def _size_of_one_page(begin: int, end: int) -> int:
    """A size of pages of which one holds the rows from `begin` to `end`; else, if all such are too large, two do."""
    count = end - begin
    sizes = range(count, max(2 * count, LARGEST_PAGE) + 1)
    return next((size for size in sizes if begin // size == (end - 1) // size), count)


def _distinct(pages: Sequence[Page[RowT]]) -> tuple[RowT, ...]:
    """Rows that shifted onto the next page meanwhile would come twice (quirk 142)."""
    return tuple({row.platform_id: row for page in pages for row in page.items}.values())


def _is_same(page: Page[RowT], other: Page[RowT]) -> bool:
    """Whether both have the very same rows: a platform that turns no pages may still count them."""
    rows = [row.platform_id for row in page.items]
    return bool(rows) and rows == [row.platform_id for row in other.items]


def _only_first_page(endpoint: str) -> ProtocolError:
    return ProtocolError("WJDH", endpoint, FaultWording.ONLY_FIRST_PAGE())
