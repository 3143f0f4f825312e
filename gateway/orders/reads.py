"""Orders as wjdh lists them (document 2.1.2): a page, one by its number, all of a community."""

from asyncio import Semaphore, get_running_loop
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from gateway.auth.principal import Scope
from gateway.cache import Read
from gateway.errors import PlatformError, QueryTooComplexError, drop_tracebacks
from gateway.execution.load import fetch, only_values
from gateway.loaders.lists import RecordList
from gateway.loaders.loader import ComposedLoader
from gateway.loaders.paging import DOWN, PageKey
from gateway.loaders.stream import PageLoader
from gateway.normalise.records import Page, WholeList
from gateway.normalise.times import time_digits
from gateway.orders.record import ORDER_ROWS, Order, OrderQuery, OrderStatus, PaymentStatus
from gateway.platforms.endpoint import Effect, Endpoint
from gateway.platforms.wjdh import WJDH
from gateway.wording.requests import RequestWording
from gateway.wording.wording import Noun

ORDER_LIST = Endpoint(
    WJDH, "order/list", "POST", "order/list", Effect.READ, shows_why=False, decode=ORDER_ROWS.decode_list, record=Order
)


ORDERS = RecordList[Order](
    type_name="Order",
    noun=Noun("order", "订单"),
    scope=Scope.ORDER_READ,
    query=OrderQuery,
    waiting=OrderQuery(status=OrderStatus.OPEN, payment_status=PaymentStatus.UNPAID),
    endpoint=ORDER_LIST,
    rows=ORDER_ROWS,
    cached_as="orders",
    direction=DOWN,
    page_size=15,  # of the document's example (quirk 135); the platform takes no `per_page` here (quirk 134)
)

SCANNED_PAGES = 40
SCANNED_AT_ONCE = 4


class OrderKey(NamedTuple):
    """One order, by its number; by the platform's row id where a row has no number."""

    community_code: str
    identifier: str

    def matches(self, order: Order) -> bool:
        return self.identifier == (str(order.platform_id) if order.number is None else order.number)


@dataclass(eq=False, repr=False)
class OrderLoader(ComposedLoader[OrderKey, Order | None]):
    """Finds one order in the list of its community, of which the platform gives pages alone.

    By halves, where the list keeps the order of the times that numbers begin with, newest first; else page by page,
    bounded: an order that may lie beyond the bound is an error, never "not found". Nothing is missing by halves alone.
    """

    _pages: PageLoader[Order]

    async def compose(self, key: OrderKey) -> Order | None:
        found, is_missing = await self.search(key)
        if found is not None:
            return found
        pages = await self._read(key, range(1, 2))
        last = pages[0].last_page or 1
        scanned = SCANNED_PAGES if self._pages.turns_pages else 1
        end = min(last, scanned) + 1
        for start in range(2, end, SCANNED_AT_ONCE):
            pages += await self._read(key, range(start, min(start + SCANNED_AT_ONCE, end)))
            if (found := _find(key, *pages[-SCANNED_AT_ONCE:])) is not None:
                return found
        if last > scanned and not (is_missing and _in_order(map(_span, pages))):
            raise QueryTooComplexError(
                RequestWording.ORDER_NOT_NEWEST(), limit="scannedOrderPages", bound=scanned, requested=last
            )
        return None

    async def search(self, key: OrderKey) -> tuple[Order | None, bool]:
        """The order, by halves; and whether there is none if the list is in order as far as it was read. The first page
        is read first, for most that is asked for is new.
        """
        moment = time_digits(key.identifier)
        spans: dict[int, tuple[str, str]] = {}
        newer, older, total = 0, 2, None  # the pages between may hold it
        while True:
            number = (newer + older) // 2
            if older - newer == 1:  # orders of one second may fill the pages before
                number = next(before for before in range(newer, -1, -1) if before not in spans)
                if not number or spans[number + 1][0] != moment:
                    break
            [page] = await self._read(key, range(number, number + 1))
            if (found := _find(key, page)) is not None:
                return found, True
            if number == 1:
                older, total = (page.last_page or 1) + 1, page.total
                if older == 2:  # there is no second page
                    return None, True
            span = _span(page)
            if moment is None or span is None or page.total != total or not self._pages.turns_pages:
                return None, False
            spans[number] = span
            if number > newer:
                newer, older = (newer, number) if span[1] < moment else (number, older)
        return None, _in_order(spans[number] for number in sorted(spans))

    async def _read(self, key: OrderKey, numbers: range) -> list[Page[Order]]:
        size = self._pages.page_size or 1
        return await self._pages.load_all(
            [PageKey(key.community_code, ORDERS.everything, number, size) for number in numbers]
        )


def _find(key: OrderKey, *pages: Page[Order]) -> Order | None:
    return next((order for page in pages for order in page.items if key.matches(order)), None)


def _span(page: Page[Order]) -> tuple[str, str] | None:
    """The newest and the oldest time on a page, by the digits; None where it is not in their order."""
    times = [time_digits(order.number or "") or "" for order in page.items]
    if not times or page.dropped or "" in times or times != sorted(times, reverse=True):
        return None
    return times[0], times[-1]


def _in_order(spans: Iterable[tuple[str, str] | None]) -> bool:
    times = [time for span in spans for time in span or ("", "9")]
    return times == sorted(times, reverse=True)


MOST_PAGES = 400  # of one list: 6,000 orders, where the platform's pages have the size of its document
MOST_ORDERS = 50_000  # orders of all lists of a request: all of them are held in memory
MOST_SECONDS = 7.0  # until the last page is begun: with a call of 8 s, a request is answered within its 15
READ_AT_ONCE = 16  # pages of all lists of a request: half of the platform's slots by default, so that others get theirs


class AllOrdersKey(NamedTuple):
    community_code: str
    query: OrderQuery


@dataclass(eq=False, repr=False)
class AllOrdersLoader(ComposedLoader[AllOrdersKey, WholeList[Order]]):
    """Reads the first page, and when it has come the others, side by side.

    A page that fails after the first is missing, and the list is not whole. No page is older than the first, be it from
    the cache: so an order that comes in at the top and one that leaves the list cannot make up for each other.
    """

    _pages: PageLoader[Order]

    def __post_init__(self) -> None:
        self._orders = 0
        self._slots = Semaphore(READ_AT_ONCE)
        self._ends = get_running_loop().time() + MOST_SECONDS

    async def compose(self, key: AllOrdersKey) -> WholeList[Order]:
        shared = self._pages.source.shared
        first = await self._read(key, 1, since=-inf)
        last = first.outcome.last_page or 1 if self._pages.turns_pages else 1
        reads = {1: first}
        if last > 1:
            # When a page ended that was not cached nobody knows; but it has.
            since = min(getattr(first, "ended", inf), shared.clock())
            numbers = iter(range(2, min(last, MOST_PAGES) + 1))
            readers = min(READ_AT_ONCE, last - 1)
            only_values(await fetch([self._read_some(key, numbers, since, reads) for _ in range(readers)]))
        pages: list[Page[Order]] = [reads[number].outcome for number in sorted(reads)]
        items = {item.platform_id: item for page in pages for item in page.items}
        dropped = sum(page.dropped for page in pages)
        totals = {page.total or 0 for page in pages}
        rows, found = sum(len(page.items) for page in pages) + dropped, len(items) + dropped
        return WholeList(
            items=tuple(items.values()),
            dropped=dropped,
            missing=max(0, max(totals) - found),
            whole=len(pages) == last and totals == {rows} == {found},
            read_at=shared.time_of_day(min(read.began for read in reads.values())),
        )

    async def _read_some(self, key: AllOrdersKey, numbers: Iterator[int], since: float, reads: dict[int, Read]) -> None:
        """Read these pages, with all others that read them."""
        for number in numbers:
            if self._orders >= MOST_ORDERS or get_running_loop().time() > self._ends:
                break
            try:
                reads[number] = await self._read(key, number, since)
            except PlatformError as error:
                drop_tracebacks(error)

    async def _read(self, key: AllOrdersKey, number: int, since: float) -> Read:
        """The read of a page, which has its page. Raises GatewayError."""
        async with self._slots:
            page_key = PageKey(key.community_code, key.query, number, self._pages.page_size or 1)
            read = await self._pages.read_since(page_key, since)
        if isinstance(read.outcome, Exception):
            raise read.outcome
        self._orders += len(read.outcome.items)
        return read
