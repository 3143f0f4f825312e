"""Reads one stream of a platform: rows from an offset on, or after the row that a reader saw last.

A platform's offsets are of the moment. Where three rows have left a filtered list, because somebody dealt with them,
three that nobody saw stand before the offset. So a reader goes on after a row, not at an offset: the page that is read
holds that row as well, and shows that all is as it was. Where it is not, its place is looked for on the pages around,
by the numbers of the rows, which platforms list in order (quirk 142).
"""

from collections.abc import Sequence
from enum import Enum, auto
from itertools import takewhile
from typing import Any, Generic, NamedTuple, TypeVar

from gateway.errors import GatewayError, ProtocolError
from gateway.loaders.paging import DOWN, NEITHER, Direction, Identified, Place, direction
from gateway.loaders.record_list import PageKey, PageLoader, RecordList
from gateway.normalise.records import Page, Record
from gateway.wording.faults import FaultWording

RowT = TypeVar("RowT", bound=Identified)

LARGEST_PAGE = 100
"""Rows that are asked for in any case, if one page is to hold all that is wanted."""

SCANNED_PAGES = 10
"""Pages on which a row is looked for in a list that is in no order."""


class Stretch(Record, Generic[RowT], frozen=True, gc=False):
    """Rows of a stream that begin `offset` rows from its start, of `total`. `direction`: what was seen of the numbers
    around them, None where nobody looked. `error`: why the rows after these could not be read, if more were wanted.
    """

    items: tuple[RowT, ...]
    offset: int
    total: int
    direction: Direction | None = None
    error: GatewayError | None = None


class StreamReader(Generic[RowT]):
    """Reads the streams of one list."""

    def __init__(self, records: RecordList[RowT], pages: PageLoader[RowT]) -> None:
        self._records = records
        self._pages = pages

    async def read(self, code: str, query: Any, offset: int, first: int) -> Stretch[RowT]:
        """Rows `offset` to `offset + first` of what one query finds, as far as they can be read. Raises GatewayError
        where not even the first of them can be.

        The size of a page in the answer counts: where it is not the one that was expected, the rows are cut by it. One
        page is read first, then the others, side by side.
        """
        if not self._pages.turns_pages:
            return await self._read_only_page(code, query, offset, first)
        expected_size = self._pages.page_size or first
        number = offset // expected_size + 1
        [page] = [counted] = await self._pages.load_all([PageKey(code, query, number, expected_size)])
        if counted.total is None and number > 1:  # beyond the end no page has the total: the first has (quirk 139)
            [counted] = await self._pages.load_all([PageKey(code, query, 1, expected_size)])
        size, total = counted.per_page or expected_size, counted.total or 0
        if size != expected_size and offset // size + 1 != number:
            number = offset // size + 1
            [page] = await self._pages.load_all([PageKey(code, query, number, expected_size)])
        last_wanted = (min(offset + first, total) - 1) // size + 1
        items, error = page.items, None
        if last_wanted > number:
            later = [PageKey(code, query, wanted, expected_size) for wanted in range(number + 1, last_wanted + 1)]
            pages, error = _following(page, await self._pages.load_level(later), self._pages.endpoint)
            items = _distinct(pages)
        skip = offset - (number - 1) * size
        return _stretch(items[skip : skip + first], offset, total, error=error)

    async def resume(self, code: str, query: Any, place: Place, first: int) -> Stretch[RowT]:
        """The `first` rows that come after the place. As `read`."""
        if not place.last:
            return await self.read(code, query, place.offset, first)
        if not self._pages.turns_pages:
            return await self._read_only_page(code, query, place.offset, first, after=place.last)
        begin, end = place.offset, min(place.offset + first, max(place.total, place.offset + 1))
        size = self._pages.page_size
        if size is None:
            begin = max(0, begin - 1)  # a page of the right size holds the row seen last as well, unless it has left
            size = _size_of_one_page(begin, place.offset + first)
        search = _Search(self._records, _Pages(self._pages, code, query, size), query, place)
        return await search.read(begin, end, first)

    async def _read_only_page(self, code: str, query: Any, offset: int, first: int, after: int = 0) -> Stretch[RowT]:
        """Of a list that has more rows than it gives: from the row `after` this one, else from the offset. Raises
        GatewayError where the rows are there and cannot be had.
        """
        size = self._pages.page_size or min(offset + first, LARGEST_PAGE)
        [page] = await self._pages.load_all([PageKey(code, query, 1, size)])
        rows, total = page.items, page.total or 0
        offset = next((place for place, row in enumerate(rows, 1) if row.platform_id == after), offset)
        if len(rows) <= offset < total:
            raise _only_first_page(self._pages.endpoint)
        return _stretch(rows[offset : offset + first], offset, total)


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
    """Pages of one stream, of one size: that which the platform cuts."""

    def __init__(self, loader: PageLoader[RowT], code: str, query: Any, size: int) -> None:
        self._loader = loader
        self._key = PageKey(code, query, 1, size)
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

    async def read(self, numbers: Sequence[int]) -> GatewayError | None:
        """Read these pages that follow each other, as far as they can be: `known` gives them. The error of the next
        one; that of the first is raised.
        """
        missing = [number for number in numbers if number not in self._pages]
        keys = [self._key._replace(page=number) for number in missing]
        for number, outcome in zip(missing, await self._loader.load_level(keys), strict=True):
            if isinstance(outcome, GatewayError) and number != numbers[0]:
                return outcome
            if isinstance(outcome, Exception):
                raise outcome
            self._pages[number] = outcome
            self.total = self.total if outcome.total is None else outcome.total
            self.size = outcome.per_page or self.size
        return None

    def known(self, numbers: Sequence[int]) -> Sequence[int]:
        """Those of the pages that were read, up to the first that was not."""
        return [*takewhile(self._pages.__contains__, numbers)]

    async def rows(self, wanted: Sequence[int]) -> tuple[tuple[RowT, ...], GatewayError | None]:
        """Those of these pages, as far as they can be read, and the error of the next page. As `read`."""
        error = await self.read(wanted)
        known = self.known(wanted)
        if not known:
            return (), error
        first, *others = [self._pages[number] for number in known]
        pages, same = _following(first, others, self._loader.endpoint)
        return _distinct(pages), same or error

    async def require_turned(self, number: int) -> None:
        """Raises ProtocolError where this page is the first one again."""
        await self.read([1])
        if _is_same(self._pages[1], self._pages[number]):
            raise _only_first_page(self._loader.endpoint)

    def __getitem__(self, number: int) -> Page[RowT]:
        return self._pages[number]


class _Search(Generic[RowT]):
    """Looks for the row after a place."""

    def __init__(self, records: RecordList[RowT], pages: _Pages[RowT], query: Any, place: Place) -> None:
        self._records = records
        self._pages = pages
        self._query = query
        self._place = place
        self._direction = place.direction

    async def read(self, begin: int, end: int, first: int) -> Stretch[RowT]:
        """`first` rows after the place, which is expected before or among the rows from `begin` to `end`."""
        pages = self._pages
        size = pages.size
        numbers = pages.numbers(begin, end)
        await pages.read(numbers)
        if pages.size != size:
            numbers = pages.numbers(begin, end)
            await pages.read(numbers)
        start = await self._find(pages.known(numbers))
        offset = (start.page - 1) * pages.size + start.position
        is_end = start.position and start.position == len(pages[start.page].items)
        if is_end and start.page > 1 and offset > self._place.offset:
            await pages.require_turned(start.page)
        if pages.total is None:  # beyond the end no page has the total: the first has (quirk 139)
            await pages.read([1])
        total = pages.total or 0
        offset = min(offset, total)  # the last page may be short
        wanted = pages.numbers(offset, min(offset + first, total)) if offset < total else range(0)
        rows, error = await pages.rows(wanted)
        skip = start.position if wanted and wanted[0] == start.page else 0
        return _stretch(rows[skip : skip + first], offset, total, self._direction, error)

    async def _find(self, numbers: Sequence[int]) -> _Start:
        """Where to begin, with these pages read. Each step halves what is left, or doubles what is known."""
        found = self._look_at(numbers)
        if found is _Side.NOT_SEEN and self._is_next(numbers[0]):
            return _Start(numbers[0], 0)
        seen, not_seen, step = 0, max(self._pages.last, numbers[-1]) + 1, 1
        goes_back, is_bounded = found is _Side.NOT_SEEN, False
        if goes_back:
            not_seen = numbers[0]
        else:
            seen = numbers[-1]
        while not isinstance(found, _Start):
            if found is _Side.IN_NO_ORDER:
                return await self._scan(numbers[0])
            if not_seen - seen == 1:
                return _Start(not_seen, 0)
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

    def _is_next(self, number: int) -> bool:
        """Whether the page certainly begins with the row that comes after the place, though the row seen last was not
        looked at.

        In a list whose newest rows come first, they push the others back. So rows that left from before the place show
        in the total, unless others have come in behind it: those that get the status that the filter names.
        """
        ids = [row.platform_id for row in self._pages[number].items]
        is_aligned = (number - 1) * self._pages.size == self._place.offset
        if not ids or not is_aligned or direction([self._place.last, *ids], DOWN) != DOWN:
            return False
        leaves, enters = self._records.flows(self._query)
        return not leaves or (not enters and (self._pages.total or 0) >= self._place.total)

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
    items: tuple[RowT, ...],
    offset: int,
    total: int,
    going: Direction | None = None,
    error: GatewayError | None = None,
) -> Stretch[RowT]:
    """Raises the error where it left no rows. A total that the rows themselves contradict is theirs."""
    if error is not None and not items:
        raise error
    return Stretch(items, offset, max(total, offset + len(items)) if items else total, going, error)


def _size_of_one_page(begin: int, end: int) -> int:
    """A size of pages of which one holds the rows from `begin` to `end`; else, if all such are too large, two do."""
    count = end - begin
    sizes = range(count, max(2 * count, LARGEST_PAGE) + 1)
    return next((size for size in sizes if begin // size == (end - 1) // size), count)


def _following(
    page: Page[RowT], outcomes: Sequence[Page[RowT] | Exception], endpoint: str
) -> tuple[Sequence[Page[RowT]], GatewayError | None]:
    """The page and those that were read after it, up to the first that was not, and its error."""
    pages = [page]
    for outcome in outcomes:
        if isinstance(outcome, GatewayError):
            return pages, outcome
        if isinstance(outcome, Exception):
            raise outcome
        if _is_same(pages[-1], outcome):
            return pages, _only_first_page(endpoint)
        pages.append(outcome)
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
