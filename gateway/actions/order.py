"""Creating orders (document 2.1.1)."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from gateway.actions.write import (
    Done,
    Found,
    MarkSent,
    ReadBack,
    Write,
    Written,
    mask_errors,
    refuse_if_any,
    refused_by_platform,
    require_community,
    user_error,
)
from gateway.actions.writer import Writer, settled_after
from gateway.auth.masking import contains_mask
from gateway.auth.principal import Principal, Scope
from gateway.errors import RefusedError
from gateway.events import EventBus, ReadsDropped
from gateway.journal.journal import Journal
from gateway.journal.records import Operation, RecordRef, UserError
from gateway.normalise.order import Order, OrderQuery
from gateway.normalise.plausible import is_invisible, number_problem
from gateway.normalise.records import Page
from gateway.normalise.requests import CarPayer, HousePayer, IdCardPayer, NewOrder, ParkingPayer, PhonePayer
from gateway.normalise.states import UserErrorCode
from gateway.normalise.vocabulary import PaymentStatus
from gateway.platforms.wjdh import Wjdh

NO_SUCH_PAYER = 2
NOT_REGISTERED = 3

LARGEST_AMOUNT = Decimal("9999999.99")
LONGEST_TITLE = 100
SEARCHED_PAGES = 20


class OrderActions:
    """Orders cannot be created twice by accident: the platform has no idempotency, so the gateway has (quirk 154).

    Before an order is sent the payer's newest one is noted. When the answer is lost, an order of the same payer, title
    and amount that is newer than that, and that no other operation has claimed or may claim, is the one. While a newer
    one cannot be read, or nobody can tell which are newer, nobody knows: it may be the one.

    A person's list may hold what they are charged or what they have paid: nobody says which (quirk 149). So an order of
    theirs is known by being unpaid and of no house, and one that is not in the list may have been made all the same.
    """

    def __init__(self, writer: Writer, wjdh: Wjdh, journal: Journal, events: EventBus) -> None:
        self._writer = writer
        self._wjdh = wjdh
        self._operations = journal.operations
        self._events = events

    async def create(self, principal: Principal, new: NewOrder, key: str) -> Written:
        """Create an order. Raises GatewayError for faults."""
        principal.require(Scope.ORDER_CREATE)
        payer = _payer_query(new)

        async def perform(mark_sent: MarkSent) -> Done:
            require_community(principal, new.community_code)
            refuse_if_any(_errors(new))
            await mark_sent(None if payer is None else await self._expected(new, payer))
            return _done(new.community_code, await self._wjdh.create_order(new))

        async def read_back(operation: Operation) -> ReadBack:
            return await self._look_for(operation, payer)

        write = Write(
            mutation="createOrder",
            arguments=new,
            community_code=new.community_code,
            idempotency_key=key,
            perform=perform,
            refusal=partial(_refusal, new),
            read_back=read_back,
            on_change=self.on_change,
        )
        return await self._writer.carry_out(principal, write)

    async def read_back(self, operation: Operation) -> ReadBack:
        """Whether the order of an operation was created. Only a house can be looked up again later: who else pays is
        personal, and the journal does not keep it.
        """
        house = (operation.expected or {}).get("house")
        return await self._look_for(operation, house and _house_query(*house))

    async def _expected(self, new: NewOrder, payer: OrderQuery) -> dict[str, Any]:
        page = await self._wjdh.orders(new.community_code, payer, 1)
        house = [payer.building, payer.unit, payer.floor, payer.room] if payer.building is not None else None
        title = self._writer.digest(new.title.strip())
        newest = max((order.platform_id for order in page.items), default=0) if _tells_newest(page) else None
        return {"after": newest, "title_digest": title, "amount": str(new.amount), "house": house}

    async def _look_for(self, operation: Operation, payer: OrderQuery | None) -> ReadBack:
        expected = operation.expected or {}
        after = expected.get("after")
        community_code = operation.community_code
        has_digest = "title_digest" in expected  # an earlier version kept the title itself
        if payer is None or community_code is None or after is None or not has_digest:
            return ReadBack(Found.UNCLEAR)
        newer = await self._newer(community_code, payer, after)
        if newer is None:
            return ReadBack(Found.UNCLEAR)
        alike = {
            order.number: order
            for order in newer
            if order.number
            and order.amount
            and Decimal(order.amount.yuan) == Decimal(expected["amount"])
            and self._writer.digest(order.title.strip()) == expected["title_digest"]
        }
        # In this order: a rival that ends meanwhile is then among those who have recorded an order.
        has_rival = await self._has_rival(operation, community_code)
        claimed = await self._operations.recorded("Order", community_code, list(alike))
        unclaimed = [number for number in alike if number not in claimed]
        of_house = payer.building is not None
        if len(unclaimed) == 1 and not has_rival and (of_house or _is_charge_of_person(alike[unclaimed[0]])):
            return ReadBack(Found.APPLIED, _done(community_code, unclaimed[0]))
        return ReadBack(Found.NOT_APPLIED if of_house and not unclaimed else Found.UNCLEAR)

    async def _newer(self, community_code: str, payer: OrderQuery, after: int) -> list[Order] | None:
        """The payer's orders since the one that was the newest then, however many; each once, since one that is made
        meanwhile moves the others on. None while any of them cannot be read, or they may not be all.
        """
        newer: dict[int, Order] = {}
        for number in range(1, SEARCHED_PAGES + 1):
            page = await self._wjdh.orders(community_code, payer, number)
            found = [order for order in page.items if order.platform_id > after]
            if not _tells_newest(page) or not all(map(_is_readable, found)):
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

    def on_change(self, operation: Operation) -> None:
        """What was read before is out of date."""
        self._events.publish(ReadsDropped(operation.community_code, ("order/list",)))


def _wanted(operation: Operation) -> list[Any]:
    """What an order is recognised by. Who pays, if not a house, is not in the journal: then two may look alike."""
    expected = operation.expected or {}
    amount = expected.get("amount")
    return [expected.get("title_digest"), amount and Decimal(amount), expected.get("house")]


def _tells_newest(page: Page[Order]) -> bool:
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


def _done(community_code: str, number: str) -> Done:
    return Done(RecordRef("Order", community_code, number), {"orderNumber": number})


def _payer_query(new: NewOrder) -> OrderQuery | None:
    """How the list finds this payer's orders; None for a car or a parking space, which it cannot look for."""
    match new.payer:
        case HousePayer(building, unit, floor, room):
            return _house_query(building, unit, floor, room)
        case PhonePayer(phone):
            return OrderQuery(phone=phone)
        case IdCardPayer(id_card):
            return OrderQuery(id_card=id_card)
        case _:
            return None


def _house_query(building: int, unit: int, floor: int, room: int) -> OrderQuery:
    return OrderQuery(building=building, unit=unit, floor=floor, room=room)


def _refusal(new: NewOrder, error: RefusedError) -> UserError:
    """The platform's codes 2 and 3 (2.1.1.5). The message of code 2 names two causes at once; the kind of payer tells
    which it is (quirk 35).
    """
    if error.upstream_code == NOT_REGISTERED:
        return user_error(
            UserErrorCode.NOT_REGISTERED,
            "The person is known and has not registered in the mini program yet.",
            "payer",
            upstream_message=error.upstream_message,
        )
    if error.upstream_code == NO_SUCH_PAYER:
        vehicle = isinstance(new.payer, CarPayer | ParkingPayer)
        return user_error(
            UserErrorCode.VEHICLE_NOT_FOUND if vehicle else UserErrorCode.PERSON_NOT_FOUND,
            "The platform knows no such vehicle." if vehicle else "The platform knows no such person.",
            "payer",
            upstream_message=error.upstream_message,
        )
    return refused_by_platform(error)


def _errors(new: NewOrder) -> Iterator[UserError]:
    """An amount, title or detail that no order has (quirk 160), a payer that nobody is, and masked values."""
    exponent = new.amount.normalize().as_tuple().exponent
    if not 0 < new.amount <= LARGEST_AMOUNT or not isinstance(exponent, int) or exponent < -2:
        yield user_error(
            UserErrorCode.INVALID, f"amount must be above 0, at most {LARGEST_AMOUNT}, in whole fen.", "amount"
        )
    if is_invisible(new.title) or len(new.title) > LONGEST_TITLE:
        yield user_error(UserErrorCode.INVALID, f"title must have 1 to {LONGEST_TITLE} characters.", "title")
    parts = msgspec.structs.asdict(new.payer)
    if isinstance(new.payer, HousePayer):
        for part, number in parts.items():
            if problem := number_problem(part, number):
                yield user_error(UserErrorCode.INVALID, f"{part} {problem}.", "payer", "house", part)
    elif any(isinstance(value, str) and (is_invisible(value) or contains_mask(value)) for value in parts.values()):
        yield user_error(UserErrorCode.INVALID, "The payer is empty or masked.", "payer")
    for field in ("title", "remark", "manager"):
        yield from mask_errors(getattr(new, field), field)
    for index, detail in enumerate(new.details):
        if is_invisible(detail.name):
            yield user_error(UserErrorCode.INVALID, "A detail must have a name.", "details", str(index), "name")
        yield from mask_errors(detail.name, "details", str(index), "name")
        yield from mask_errors(detail.value, "details", str(index), "value")
