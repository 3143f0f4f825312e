"""Reads one stream of a platform: rows from an offset on, or after the row that a reader saw last.

A platform's offsets are of the moment. Where three rows have left a filtered list, because somebody dealt with them,
three that nobody saw stand before the offset. So a reader goes on after a row, not at an offset: the page that is read
holds that row as well, and shows that all is as it was. Where it is not, its place is looked for on the pages around,
by the numbers of the rows, which platforms list in order (quirk 142).
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from itertools import pairwise, takewhile
from typing import Any, Generic, NamedTuple, TypeVar

from gateway.errors import GatewayError, ProtocolError
from gateway.loaders.paging import NEITHER, Direction, Identified, Place, direction
from gateway.loaders.record_list import PageKey, PageLoader
from gateway.normalise.records import Page, Record
from gateway.wording.faults import FaultWording

RowT = TypeVar("RowT", bound=Identified)

LARGEST_PAGE = 100
"""Rows that are asked for in any case, if one page is to hold all that is wanted."""

SCANNED_PAGES = 10
"""Pages on which a row is looked for in a list that is in no order."""

ATTEMPTS = 3
"""How often a part is read that changed meanwhile, or of which the platform gives less than it counts."""


class Stretch(Record, Generic[RowT], frozen=True, gc=False):
    """Rows of a stream that begin `offset` rows from its start, of `total`. `has_more`: rows follow. `direction`: what
    was seen of the numbers around them, None where nobody looked. `error`: why the rows after these could not be read,
    if more were wanted.
    """

    items: tuple[RowT, ...]
    offset: int
    total: int
    has_more: bool = False
    direction: Direction | None = None
    error: GatewayError | None = None


class StreamReader(Generic[RowT]):
    """Reads the streams of one list."""

    def __init__(self, pages: PageLoader[RowT]) -> None:
        self._pages = pages

    async def read(self, code: str, query: Any, offset: int, first: int) -> Stretch[RowT]:
        """Rows `offset` to `offset + first` of what one query finds, as far as they can be read. Raises GatewayError
        where not even the first of them can be.

        One page is read first, then the others, side by side: then none of them is cached from before.
        """
        if not self._pages.turns_pages:
            return await self._read_only_page(code, query, offset, first)

        async def read(since: float | None) -> Stretch[RowT]:
            pages = _Pages(self._pages, code, query, self._pages.page_size or first, since)
            number = (await pages.settle(offset, offset + 1))[0]
            if offset >= (total := pages.total or 0):
                return Stretch((), offset, total)
            begin = _Start(number, offset - (number - 1) * pages.size)
            if since is None and pages.numbers(offset, min(offset + first, total))[-1] > number:
                return Stretch((), offset, total, has_more=True)
            return await pages.take(begin, first)

        return await self._settled(read, since=None)

    async def resume(self, code: str, query: Any, place: Place, first: int) -> Stretch[RowT]:
        """The `first` rows that come after the place, by no page that was read before. As `read`."""
        if not place.last:
            return await self.read(code, query, place.offset, first)
        if not self._pages.turns_pages:
            return await self._read_only_page(code, query, place.offset, first, after=place.last)
        # The row seen last shows that all is as it was, or that it has left: rows of its page may have left with it.
        begin, end = max(0, place.offset - 1), min(place.offset + first, max(place.total, place.offset + 1))
        size = self._pages.page_size or _size_of_one_page(begin, place.offset + first)

        async def read(since: float | None) -> Stretch[RowT]:
            pages = _Pages(self._pages, code, query, size, since)
            return await _Search(pages, place).read(begin, end, first)

        return await self._settled(read, since=self._pages.source.shared.clock())

    async def _settled(
        self, read: Callable[[float | None], Awaitable[Stretch[RowT]]], since: float | None
    ) -> Stretch[RowT]:
        """What is read, by no page from before that moment: anew where no rows came and some are to follow. Raises
        ProtocolError where that does not end.
        """
        clock = self._pages.source.shared.clock
        for _ in range(ATTEMPTS):
            began = clock()
            stretch = await read(since)
            if stretch.items or not stretch.has_more:
                return stretch
            since = began if since is None else clock()
        raise ProtocolError("WJDH", self._pages.endpoint, FaultWording.ROWS_MISSING())

    async def _read_only_page(self, code: str, query: Any, offset: int, first: int, after: int = 0) -> Stretch[RowT]:
        """Of a list that has more rows than it gives: from the row `after` this one, else from the offset. Raises
        GatewayError where the rows are there and cannot be had.
        """
        size = self._pages.page_size or min(offset + first, LARGEST_PAGE)
        [page] = await self._pages.load_all([PageKey(code, query, 1, size)])
        rows, total = page.items, page.total or 0
        offset = next((place for place, row in enumerate(rows, 1) if row.platform_id == after), offset)
        is_cut = len(rows) + page.dropped < total
        if len(rows) <= offset < total and is_cut:
            raise _only_first_page(self._pages.endpoint)
        has_more = is_cut or len(rows) > offset + first
        return _stretch(rows[offset : offset + first], offset, total, has_more, None, None)


class _Side(Enum):
    """Where the rows of some pages stand, of which none is next."""

    SEEN = auto()
    NOT_SEEN = auto()
    IN_NO_ORDER = auto()


class _Start(NamedTuple):
    """The row to begin with: by the page, and its position there."""

    page: int
    position: int


class _Pages(Generic[RowT]):
    """Pages of one stream, of one size: that which the platform cuts, whatever it is asked for. None is from before
    `since`; None: they may be cached.
    """

    def __init__(self, loader: PageLoader[RowT], code: str, query: Any, size: int, since: float | None) -> None:
        self._loader = loader
        self._key = PageKey(code, query, 1, size)
        self._since = since
        self._pages: dict[int, Page[RowT]] = {}
        self.size = size
        self.total: int | None = None

    @property
    def last(self) -> int:
        """The number of the last page there is."""
        return -(-(self.total or 0) // self.size)

    def numbers(self, begin: int, end: int) -> range:
        """Of the pages that hold the rows from `begin` to `end`."""
        return range(begin // self.size + 1, max(begin, end - 1) // self.size + 2)

    async def settle(self, begin: int, end: int) -> range:
        """Read the pages that hold the rows from `begin` to `end`, by the size that they turn out to have."""
        size = None
        while True:
            numbers = self.numbers(begin, end)
            await self.read(numbers)
            before, size = size, self._size_by(1 if 1 in self._pages else numbers[0])
            if size is None or (before and size != before):
                await self.read([1])
                size = self._size_by(1) or self.size
            if size == self.size:
                return numbers
            self.size = size

    def _size_by(self, number: int) -> int | None:
        """The size of the platform's pages by one of them: by its rows, whatever is said. None: only the first shows
        it (quirks 135 to 139).
        """
        page = self._pages[number]
        rows, said, total = len(page.items) + page.dropped, page.per_page or 0, page.total or 0
        if number == 1:
            return min(rows, said or rows) if rows < total else max(rows, said or self.size)
        is_clear = said and rows == min(said, total - (number - 1) * said) and page.last_page == -(-total // said)
        return said if is_clear else None

    async def read(self, numbers: Sequence[int]) -> GatewayError | None:
        """Read these pages that follow each other, as far as they can be: `known` gives them. The error of the next
        one; that of the first is raised.
        """
        missing = [number for number in numbers if number not in self._pages]
        keys = [self._key._replace(page=number) for number in missing]
        for number, outcome in zip(missing, await self._loader.load_since(keys, self._since), strict=True):
            if isinstance(outcome, GatewayError) and number != numbers[0]:
                return outcome
            if isinstance(outcome, Exception):
                raise outcome
            self._pages[number] = outcome
            self.total = self.total if outcome.total is None else outcome.total
        return None

    def known(self, numbers: Sequence[int]) -> Sequence[int]:
        """Those of the pages that were read, up to the first that was not."""
        return [*takewhile(self._pages.__contains__, numbers)]

    async def take(self, start: _Start, first: int, going: Direction | None = None) -> Stretch[RowT]:
        """`first` rows from there, as far as they can be read and the pages fit each other."""
        offset = min((start.page - 1) * self.size + start.position, self.total or 0)  # the last page may be short
        end = max(start.page, -(-min(offset + first, self.total or 0) // self.size))
        while True:
            error = await self.read(range(start.page, end + 1))
            pages = [self._pages[number] for number in self.known(range(start.page, end + 1))]
            fitting, same = _following(pages, self._loader.endpoint)
            error, rows = same or error, _distinct(fitting)[start.position :]
            is_cut = error is not None or len(fitting) < len(pages)
            if is_cut or len(rows) >= first or end >= self.last:
                break
            end += 1  # rows without an identifier are no rows
        has_more = is_cut or len(rows) > first or end < self.last
        return _stretch(rows[:first], offset, self.total or 0, has_more, going, error)

    async def require_turned(self, number: int) -> None:
        """Raises ProtocolError where this page is the first one again."""
        await self.read([1])
        if _is_same(self._pages[1], self._pages[number]):
            raise _only_first_page(self._loader.endpoint)

    def __getitem__(self, number: int) -> Page[RowT]:
        return self._pages[number]


class _Search(Generic[RowT]):
    """Looks for the row after a place."""

    def __init__(self, pages: _Pages[RowT], place: Place) -> None:
        self._pages = pages
        self._place = place
        self._direction = place.direction

    async def read(self, begin: int, end: int, first: int) -> Stretch[RowT]:
        """`first` rows after the place, which is expected before or among the rows from `begin` to `end`."""
        pages = self._pages
        start = await self._find(pages.known(await pages.settle(begin, end)))
        is_end = start.position and start.position == len(pages[start.page].items)
        if is_end and start.page > 1 and (start.page - 1) * pages.size + start.position > self._place.offset:
            await pages.require_turned(start.page)
        return await pages.take(start, first, self._direction)

    async def _find(self, numbers: Sequence[int]) -> _Start:
        """Where to begin, with these pages read. Each step halves what is left, or doubles what is known."""
        found = self._look_at(numbers)
        seen, not_seen, step = 0, max(self._pages.last, numbers[-1]) + 1, 1
        goes_back, is_bounded = found is _Side.NOT_SEEN, False
        if goes_back:
            not_seen = numbers[0]
        else:
            seen = numbers[-1]
        while not isinstance(found, _Start):
            if found is _Side.IN_NO_ORDER:
                return await self._scan(numbers[0])
            if not_seen - seen == 1:  # the pages on both sides are to fit each other
                return _Start(seen, len(self._pages[seen].items)) if seen else _Start(not_seen, 0)
            number = max(seen + 1, not_seen - step) if goes_back else min(not_seen - 1, seen + step)
            if is_bounded:
                number = (seen + not_seen) // 2
            await self._pages.read([number])
            found = self._look_at([number])
            is_bounded = is_bounded or (found is _Side.SEEN) is goes_back
            seen, not_seen, step = (number, not_seen, 2 * step) if found is _Side.SEEN else (seen, number, 2 * step)
        return found

    def _look_at(self, numbers: Sequence[int]) -> _Start | _Side:
        """Where to begin, if that is on these pages."""
        rows = [
            (row.platform_id, _Start(number, position))
            for number in numbers
            for position, row in enumerate(self._pages[number].items)
        ]
        last = self._place.last
        self._direction = going = direction([number for number, _ in rows], self._direction)
        for number, (page, position) in rows:
            if number == last:
                return _Start(page, position + 1)
        if not rows:
            return _Side.NOT_SEEN
        if going == NEITHER:
            return _Side.IN_NO_ORDER
        after = [start for number, start in rows if (number - last) * going > 0]
        if len(after) == len(rows):
            return _Side.NOT_SEEN
        return after[0] if after else _Side.SEEN

    async def _scan(self, before: int) -> _Start:
        """The same in a list that is in no order. What is not found is shown again, rather than skipped."""
        earliest = max(1, before - SCANNED_PAGES)
        for number in range(before - 1, earliest - 1, -1):
            await self._pages.read([number])
            if any(row.platform_id == self._place.last for row in self._pages[number].items):
                found = self._look_at([number])
                return found if isinstance(found, _Start) else _Start(number, 0)
        return _Start(earliest, 0)


def _stretch(
    items: tuple[RowT, ...], offset: int, total: int, more: bool, going: Direction | None, error: GatewayError | None
) -> Stretch[RowT]:
    """Raises the error where it left no rows. A total that the rows themselves contradict is theirs."""
    if error is not None and not items:
        raise error
    return Stretch(items, offset, max(total, offset + len(items)) if items else total, more, going, error)


def _size_of_one_page(begin: int, end: int) -> int:
    """A size of pages of which one holds the rows from `begin` to `end`; else, if all such are too large, two do."""
    count = end - begin
    sizes = range(count, max(2 * count, LARGEST_PAGE) + 1)
    return next((size for size in sizes if begin // size == (end - 1) // size), count)


def _following(pages: Sequence[Page[RowT]], endpoint: str) -> tuple[Sequence[Page[RowT]], GatewayError | None]:
    """Those of the pages that fit each other, up to the first that does not, and the error of that: rows may have left
    between one with less in total, or none at all, and the page before.
    """
    for at, (page, following) in enumerate(pairwise(pages), 1):
        if _is_same(page, following):
            return pages[:at], _only_first_page(endpoint)
        if (not following.items and not following.dropped) or (following.total or 0) < (page.total or 0):
            return pages[:at], None
    return pages, None


def _is_same(page: Page[RowT], other: Page[RowT]) -> bool:
    """Whether both have the very same rows: a platform that turns no pages may still count them."""
    rows, others = page.items, other.items
    return (
        bool(rows and others)
        and rows[0].platform_id == others[0].platform_id
        and [row.platform_id for row in rows] == [row.platform_id for row in others]
    )


def _only_first_page(endpoint: str) -> ProtocolError:
    return ProtocolError("WJDH", endpoint, FaultWording.ONLY_FIRST_PAGE())


def _distinct(pages: Sequence[Page[RowT]]) -> tuple[RowT, ...]:
    """Rows that shifted onto the next page meanwhile would come twice (quirk 142)."""
    return tuple({item.platform_id: item for page in pages for item in page.items}.values())
