"""Orders: pages of a community's list, slices of it, and one order by its number (document 2.1.2)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.cache import Read, ReadKey
from gateway.errors import QueryTooComplexError
from gateway.loaders.loader import ComposedLoader, ReadLoader, Source
from gateway.loaders.paging import Slice, read_slice
from gateway.loaders.placement import Placement
from gateway.normalise.order import Order, OrderQuery
from gateway.normalise.records import Page

USUAL_PAGE = 15
"""The page size of the document's example (quirk 135); the platform takes no `per_page` here (quirk 134)."""

NO_FILTERS = OrderQuery()

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


class OrderPageLoader(ReadLoader[OrderPageKey, Page[Order]]):
    endpoint = "order/list"

    def __init__(self, source: Source, placement: Placement) -> None:
        super().__init__(source)
        self._placement = placement

    def identify(self, key: OrderPageKey) -> ReadKey:
        community_code, filters, page = key
        # Filters may be personal data: numbers, names and phones to look for.
        what = page if filters == NO_FILTERS else self.source.shared.conceal((filters, page))
        return community_code, what, self.source.view

    def read(self, key: OrderPageKey) -> Read:
        return self.source.platforms.wjdh.orders(key.community_code, key.filters, key.page)

    async def load_level(self, keys: Sequence[OrderPageKey]) -> list[Any]:
        pages = await super().load_level(keys)
        for key, page in zip(keys, pages, strict=True):
            if isinstance(page, Page):
                self._placement.look_at(key.community_code, page)
        return pages


class OrdersLoader(ComposedLoader[OrdersKey, Slice[Order]]):
    def __init__(self, pages: OrderPageLoader) -> None:
        super().__init__()
        self._pages = pages

    async def compose(self, key: OrdersKey) -> Slice[Order]:
        community_code, filters, offset, first = key
        return await read_slice(
            self._pages, lambda number: OrderPageKey(community_code, filters, number), offset, first, USUAL_PAGE
        )


class OrderLoader(ComposedLoader[OrderKey, Order | None]):
    """Finds one order by looking through the list: no endpoint gives a single one (quirk 150).

    Newest first, so that what people ask for is near the start; bounded, and an order that may lie beyond the bound
    is an error, never "not found".
    """

    def __init__(self, pages: OrderPageLoader) -> None:
        super().__init__()
        self._pages = pages

    async def compose(self, key: OrderKey) -> Order | None:
        [first] = await self._pages.load_all([OrderPageKey(key.community_code, NO_FILTERS, 1)])
        found = _find(key, first)
        last = first.last_page or 1
        end = min(last, SCANNED_PAGES) + 1
        for start in range(2, end, SCANNED_AT_ONCE):
            if found is not None:
                break
            numbers = range(start, min(start + SCANNED_AT_ONCE, end))
            keys = [OrderPageKey(key.community_code, NO_FILTERS, number) for number in numbers]
            for page in await self._pages.load_all(keys):
                found = found or _find(key, page)
        if found is None and last > SCANNED_PAGES:
            raise QueryTooComplexError(
                "The order is not among the newest ones, and the platform can only be searched page by page.",
                limit="scannedOrderPages",
                bound=SCANNED_PAGES,
                requested=last,
            )
        return found


def _find(key: OrderKey, page: Page[Order]) -> Order | None:
    return next((order for order in page.items if key.matches(order)), None)
