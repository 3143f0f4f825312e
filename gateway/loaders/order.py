"""Orders: pages of a community's list, slices of it, and one order by its number (document 2.1.2)."""

import asyncio
from typing import NamedTuple

from gateway.errors import QueryTooComplexError
from gateway.loaders.batch import BatchLoader, Source
from gateway.loaders.paging import Slice, read_slice
from gateway.loaders.placement import Placement
from schema.normalise.records import Order, OrderQuery, Page

USUAL_PAGE = 15
"""The page size of the document's example (quirk 135); the platform takes no `per_page` here (quirk 134)."""

SCANNED_PAGES = 40
SCANNED_AT_ONCE = 4


class OrderPageKey(NamedTuple):
    community_code: str
    filters: OrderQuery
    page: int


class OrdersKey(NamedTuple):
    community_code: str
    filters: OrderQuery
    offset: int
    first: int


class OrderKey(NamedTuple):
    """One order, by its number; by the platform's row id where a row has no number."""

    community_code: str
    identifier: str

    def matches(self, order: Order) -> bool:
        return self.identifier == (str(order.platform_id) if order.number is None else order.number)


class OrderPageLoader(BatchLoader[OrderPageKey, Page[Order]]):
    def __init__(self, source: Source, placement: Placement) -> None:
        super().__init__(source)
        self._placement = placement

    async def load_one(self, key: OrderPageKey) -> Page[Order]:
        page = await self.source.read(
            "order/list",
            key.community_code,
            self.source.conceal(key.filters, key.page),
            lambda: self.source.platforms.wjdh.orders(key.community_code, key.filters, key.page),
        )
        self._placement.look_at(key.community_code, page)
        return page


class OrdersLoader(BatchLoader[OrdersKey, Slice[Order]]):
    def __init__(self, source: Source, pages: OrderPageLoader) -> None:
        super().__init__(source)
        self._pages = pages

    async def load_one(self, key: OrdersKey) -> Slice[Order]:
        def fetch(page: int) -> "asyncio.Future[Page[Order]]":
            return self._pages.load(OrderPageKey(key.community_code, key.filters, page))

        return await read_slice(fetch, key.offset, key.first, USUAL_PAGE)


class OrderLoader(BatchLoader[OrderKey, Order | None]):
    """Finds one order by looking through the list: no endpoint gives a single one (quirk 150).

    Newest first, so that what people ask for is near the start; bounded, and an order that may lie beyond the bound
    is an error, never "not found".
    """

    def __init__(self, source: Source, pages: OrderPageLoader) -> None:
        super().__init__(source)
        self._pages = pages

    async def load_one(self, key: OrderKey) -> Order | None:
        first = await self._page(key, 1)
        found = _find(key, first)
        last = first.last_page or 1
        end = min(last, SCANNED_PAGES) + 1
        for start in range(2, end, SCANNED_AT_ONCE):
            if found is not None:
                break
            numbers = range(start, min(start + SCANNED_AT_ONCE, end))
            for page in await asyncio.gather(*(self._page(key, number) for number in numbers)):
                found = found or _find(key, page)
        if found is None and last > SCANNED_PAGES:
            raise QueryTooComplexError(
                "The order is not among the newest ones, and the platform can only be searched page by page.",
                limit="scannedOrderPages",
                bound=SCANNED_PAGES,
                requested=last,
            )
        return found

    def _page(self, key: OrderKey, number: int) -> "asyncio.Future[Page[Order]]":
        return self._pages.load(OrderPageKey(key.community_code, OrderQuery(), number))


def _find(key: OrderKey, page: Page[Order]) -> Order | None:
    return next((order for order in page.items if key.matches(order)), None)
