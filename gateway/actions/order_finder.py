"""Finding an order whose answer was lost, in the list of its payer: the platform has no idempotency (quirk 154)."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from gateway.actions.write import Done, Found, ReadBack
from gateway.actions.writer import settled_after
from gateway.journal.operations import Operations
from gateway.journal.records import Operation, RecordRef
from gateway.normalise.order import Order, OrderQuery
from gateway.normalise.records import Page
from gateway.normalise.requests import CarPayer, HousePayer, NewOrder, ParkingPayer
from gateway.normalise.vocabulary import OrderStatus, PaymentStatus
from gateway.platforms.wjdh import Wjdh

SEARCHED_PAGES = 20


class OrderFinder:
    """Before an order is sent the payer's newest one is noted. When the answer is lost, an order of the same payer,
    title and amount that is newer than that, and that no other operation has claimed or may claim, is the one. While a
    newer one cannot be read, or it is unclear which are newer, the outcome stays unclear: it may be the one.

    A person's list may hold what they are charged or what they have paid: nobody says which (quirk 149). So an order of
    theirs is known by being unpaid and of no house, and one that is not in the list may have been made all the same.

    `digest` is how the journal may hold a title.
    """

    def __init__(self, wjdh: Wjdh, operations: Operations, digest: Callable[[str], str]) -> None:
        self._wjdh = wjdh
        self._operations = operations
        self._digest = digest

    def expected(self, new: NewOrder, payer: OrderQuery, page: Page[Order]) -> dict[str, Any]:
        """What `find` goes by, as `Operation.expected`: with the payer's first page, read before the order is sent."""
        house = [payer.building, payer.unit, payer.floor, payer.room] if payer.building is not None else None
        title = self._digest(new.title.strip())
        newest = max((order.platform_id for order in page.items), default=0) if _shows_newest(page) else None
        return {"after": newest, "title_digest": title, "amount": str(new.amount), "house": house}

    async def find(self, operation: Operation, payer: OrderQuery | None) -> ReadBack:
        """Whether the order of an operation was created."""
        expected = operation.expected or {}
        after = expected.get("after")
        community_code = operation.community_code
        if payer is None or community_code is None or after is None:
            return ReadBack(Found.NOT_READ)
        newer = await self._newer(community_code, payer, after)
        if newer is None:
            return ReadBack(Found.UNCLEAR)
        alike = {
            order.number: order
            for order in newer
            if order.number
            and order.amount
            and Decimal(order.amount.yuan) == Decimal(expected["amount"])
            and self._digest(order.title.strip()) == expected["title_digest"]
        }
        # In this order: a rival that ends meanwhile is then among those who have recorded an order.
        has_rival = await self._has_rival(operation, community_code)
        claimed = await self._operations.recorded("Order", community_code, list(alike))
        unclaimed = [number for number in alike if number not in claimed]
        of_house = payer.building is not None
        if len(unclaimed) == 1 and not has_rival and (of_house or _is_charge_of_person(alike[unclaimed[0]])):
            return ReadBack(Found.APPLIED, order_done(community_code, unclaimed[0]))
        return ReadBack(Found.NOT_APPLIED if of_house and not unclaimed else Found.UNCLEAR)

    async def _newer(self, community_code: str, payer: OrderQuery, after: int) -> list[Order] | None:
        """The payer's orders since the one that was the newest then, however many; each once, since one that is made
        meanwhile moves the others on. None while any of them cannot be read, or they may not be all.
        """
        newer: dict[int, Order] = {}
        for number in range(1, SEARCHED_PAGES + 1):
            page = await self._wjdh.orders(community_code, payer, number)
            found = [order for order in page.items if order.platform_id > after]
            if not _shows_newest(page) or not all(map(_is_readable, found)):
                return None
            newer |= {order.platform_id: order for order in found}
            if len(found) < len(page.items) or number >= (page.last_page or 1):
                return list(newer.values())
        return None

    async def _has_rival(self, operation: Operation, community_code: str) -> bool:
        """Whether another write may have made the order that this one looks for: not if it was settled before this one
        began, for then its order is none of the newer ones. Of one that was sent before it began, by a clock that was
        wrong, nobody knows what was before.
        """
        others = await self._operations.unresolved(operation.mutation, community_code)
        wanted, settled = _wanted(operation), operation.started_at - settled_after(self._wjdh.call_timeout)
        knows_times = operation.sent_at is None or operation.sent_at >= operation.started_at
        return any(
            other.id != operation.id
            and _wanted(other) == wanted
            and not (knows_times and (other.sent_at or other.started_at) <= settled)
            for other in others
        )


def standing_order(new: NewOrder, page: Page[Order], since: datetime) -> str | None:
    """The number of an equal order on the payer's page, made `since` then, that is not known to be paid or closed, nor
    to have another remark: that of another month, say.
    """
    for order in page.items:
        is_equal = (
            order.amount and Decimal(order.amount.yuan) == new.amount and order.title.strip() == new.title.strip()
        )
        is_over = order.payment_status is PaymentStatus.PAID or order.status is OrderStatus.CLOSED
        is_other = order.remark and new.remark and order.remark.strip() != new.remark.strip()
        is_theirs = isinstance(new.payer, HousePayer) or order.address is None
        is_new = order.created_at is not None and order.created_at >= since
        if is_equal and is_theirs and is_new and not is_over and not is_other:
            return order.number
    return None


def _wanted(operation: Operation) -> list[Any]:
    """What an order is recognised by. Who pays, if not a house, is not in the journal: then two may look alike."""
    expected = operation.expected or {}
    amount = expected.get("amount")
    return [expected.get("title_digest"), amount and Decimal(amount), expected.get("house")]


def _shows_newest(page: Page[Order]) -> bool:
    """Whether no page after this one has a newer order: each row has a number, and this page is all of the list, or is
    sorted as in the document's example, newest first. The document does not say that lists are (quirk 142).
    """
    numbers = [order.platform_id for order in page.items]
    is_whole = page.last_page is None or page.last_page <= 1
    return not page.dropped and (is_whole or numbers == sorted(numbers, reverse=True))


def _is_charge_of_person(order: Order) -> bool:
    """Whether it cannot be one that a house or somebody else was charged, and this person has paid."""
    return order.address is None and order.payment_status is PaymentStatus.UNPAID


def _is_readable(order: Order) -> bool:
    return bool(order.number and order.amount and order.title)


def order_done(community_code: str, number: str) -> Done:
    return Done(RecordRef("Order", community_code, number), {"orderNumber": number})


def payer_query(new: NewOrder) -> OrderQuery | None:
    """How the list finds this payer's orders; None for a car or a parking space, which it cannot look for."""
    if isinstance(new.payer, CarPayer | ParkingPayer):
        return None
    query = OrderQuery(**msgspec.structs.asdict(new.payer))
    return msgspec.structs.replace(query, name=None)  # by the phone alone: the name is theirs to spell


def house_query(building: int, unit: int, floor: int, room: int) -> OrderQuery:
    return OrderQuery(building=building, unit=unit, floor=floor, room=room)
