"""One order by its number: no endpoint gives a single one (quirk 150)."""

from typing import NamedTuple

from gateway.errors import QueryTooComplexError
from gateway.loaders.lists import ORDERS
from gateway.loaders.loader import ComposedLoader
from gateway.loaders.record_list import PageKey, PageLoader
from gateway.normalise.order import Order
from gateway.normalise.records import Page
from gateway.wording.requests import RequestWording

SCANNED_PAGES = 40
SCANNED_AT_ONCE = 4


class OrderKey(NamedTuple):
    """One order, by its number; by the platform's row id where a row has no number."""

    community_code: str
    identifier: str

    def matches(self, order: Order) -> bool:
        return self.identifier == (str(order.platform_id) if order.number is None else order.number)


class OrderLoader(ComposedLoader[OrderKey, Order | None]):
    """Finds one order by looking through the list.

    Newest first, so that what people ask for is near the start; bounded, and an order that may lie beyond the bound
    is an error, never "not found".
    """

    def __init__(self, pages: PageLoader[Order]) -> None:
        super().__init__()
        self._pages = pages

    async def compose(self, key: OrderKey) -> Order | None:
        [first] = await self._read(key, range(1, 2))
        found = _find(key, first)
        last = first.last_page or 1
        scanned = SCANNED_PAGES if self._pages.turns_pages else 1
        end = min(last, scanned) + 1
        for start in range(2, end, SCANNED_AT_ONCE):
            if found is not None:
                break
            for page in await self._read(key, range(start, min(start + SCANNED_AT_ONCE, end))):
                found = found or _find(key, page)
        if found is None and last > scanned:
            raise QueryTooComplexError(
                RequestWording.ORDER_NOT_NEWEST(),
                limit="scannedOrderPages",
                bound=scanned,
                requested=last,
            )
        return found

    async def _read(self, key: OrderKey, numbers: range) -> list[Page[Order]]:
        size = self._pages.page_size or 1
        return await self._pages.load_all(
            [PageKey(key.community_code, ORDERS.everything, number, size) for number in numbers]
        )


def _find(key: OrderKey, page: Page[Order]) -> Order | None:
    return next((order for order in page.items if key.matches(order)), None)
