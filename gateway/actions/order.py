"""Creating orders (document 2.1.1)."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import msgspec

from gateway.actions.write import (
    Done,
    Expected,
    Found,
    MarkSent,
    ReadBack,
    Write,
    WriteRefusal,
    Written,
    community_errors,
    invalid,
    masked,
    refuse_if_any,
    refused_by_platform,
    user_error,
)
from gateway.actions.writer import Writer, settled_after
from gateway.auth.masking import contains_mask
from gateway.auth.principal import Principal, Scope
from gateway.errors import RefusedError
from gateway.events import EventBus, ReadsDropped
from gateway.futures import join
from gateway.journal.journal import Clock, Journal
from gateway.journal.operations import Operations
from gateway.journal.records import Operation, RecordRef, UserError
from gateway.normalise.order import Order, OrderQuery
from gateway.normalise.plausible import id_card_problem, is_invisible, is_json_number, number_problem, plate_problem
from gateway.normalise.records import Page
from gateway.normalise.requests import CarPayer, HousePayer, IdCardPayer, NewOrder, ParkingPayer, PhonePayer
from gateway.normalise.states import UserErrorCode
from gateway.normalise.vocabulary import OrderStatus, PaymentStatus
from gateway.platforms.wjdh import Wjdh
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from gateway.wording.writes import WriteWording

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


NO_SUCH_PAYER = 2
NOT_REGISTERED = 3

SMALLEST_AMOUNT, LARGEST_AMOUNT = Decimal("0.01"), Decimal("9999999.99")
LONGEST_TITLE = 100


REPEATED_WITHIN = timedelta(days=1)
"""An equal open order of this age is taken for the same charge, sent twice."""

Pages = dict[OrderQuery, asyncio.Future[Page[Order]]]


class Charge(NamedTuple):
    """An order to create; `allows_repeat`: also beside an equal one."""

    order: NewOrder
    allows_repeat: bool


class OrderActions:
    """Orders cannot be created twice by accident: the platform has no idempotency, so the gateway has (quirk 154)."""

    def __init__(self, writer: Writer, wjdh: Wjdh, journal: Journal, events: EventBus, clock: Clock) -> None:
        self._clock = clock
        self._writer = writer
        self._wjdh = wjdh
        self._finder = OrderFinder(wjdh, journal.operations, writer.digest)
        self._events = events

    async def create(self, principal: Principal, charge: Charge, key: str, count_lookup: Callable[[], None]) -> Written:
        """Create an order. Raises GatewayError for faults."""
        return await self._writer.carry_out(principal, self.make_creation(principal, charge, key, count_lookup, {}))

    def make_creation(
        self, principal: Principal, charge: Charge, key: str, count_lookup: Callable[[], None], pages: Pages
    ) -> Write:
        """`count_lookup` is called before the platform is asked about a person; it raises RateLimitedError. `pages` are
        those that the orders of one request have read: a payer's are looked for before the first of them is made.
        """
        principal.require(Scope.ORDER_CREATE)
        new, allows_repeat = charge
        payer = payer_query(new)

        async def check() -> Expected | None:
            refuse_if_any([*community_errors(principal, new.community_code), *invalid(order_violations(new))])
            if payer is None:
                return None
            if isinstance(new.payer, PhonePayer | IdCardPayer):
                count_lookup()  # the platform says whether it knows such a person
            if payer not in pages:
                pages[payer] = asyncio.ensure_future(self._wjdh.orders(new.community_code, payer, 1))
            page = await join(pages[payer])
            standing = None if allows_repeat else standing_order(new, page, self._clock() - REPEATED_WITHIN)
            if standing is not None:
                error = user_error(UserErrorCode.ALREADY_CHARGED, WriteWording.ALREADY_CHARGED())
                raise WriteRefusal(error, record=RecordRef("Order", new.community_code, standing))
            return self._finder.expected(new, payer, page)

        async def perform(mark_sent: MarkSent) -> Done:
            await mark_sent()
            return order_done(new.community_code, await self._wjdh.create_order(new))

        return Write(
            mutation="createOrder",
            arguments=charge if allows_repeat else new,
            community_code=new.community_code,
            idempotency_key=key,
            check=check,
            perform=perform,
            refusal=partial(_refusal, new),
            read_back=partial(self._finder.find, payer=payer),
            on_change=self.on_change,
        )

    async def read_back(self, operation: Operation) -> ReadBack:
        """Whether the order of an operation was created. Only a house can be looked up again later: who else pays is
        personal, and the journal does not keep it.
        """
        house = (operation.expected or {}).get("house")
        return await self._finder.find(operation, house and house_query(*house))

    def on_change(self, operation: Operation) -> None:
        """What was read before is out of date."""
        self._events.publish(ReadsDropped(operation.community_code, ("order/list",)))


def _refusal(new: NewOrder, error: RefusedError) -> UserError:
    """The platform's codes 2 and 3 (2.1.1.5). The message of code 2 names two causes at once; the kind of payer shows
    which it is (quirk 35).
    """
    if error.upstream_code == NOT_REGISTERED:
        return user_error(
            UserErrorCode.NOT_REGISTERED,
            WriteWording.NOT_REGISTERED(),
            "payer",
            upstream_message=error.upstream_message,
        )
    if error.upstream_code == NO_SUCH_PAYER:
        vehicle = isinstance(new.payer, CarPayer | ParkingPayer)
        return user_error(
            UserErrorCode.VEHICLE_NOT_FOUND if vehicle else UserErrorCode.PERSON_NOT_FOUND,
            WriteWording.NO_SUCH_VEHICLE() if vehicle else WriteWording.NO_SUCH_PERSON(),
            "payer",
            upstream_message=error.upstream_message,
        )
    return refused_by_platform(error)


def order_violations(new: NewOrder) -> Iterator[Violation]:
    """An amount, title or detail that no order has (quirk 160), a payer that nobody is, and masked values."""
    yield from _amount_violations(new.amount)
    if is_invisible(new.title) or len(new.title) > LONGEST_TITLE:
        yield Violation(("title",), InputWording.LENGTH(field="title", min=1, max=LONGEST_TITLE))
    yield from _payer_violations(new)
    for field in ("title", "remark", "manager"):
        yield from masked(getattr(new, field), field)
    for index, detail in enumerate(new.details):
        if is_invisible(detail.name):
            yield Violation(("details", str(index), "name"), InputWording.DETAIL_NAME())
        yield from masked(detail.name, "details", str(index), "name")
        yield from masked(detail.value, "details", str(index), "value")
        if detail.numeric and not is_json_number(detail.value):
            yield Violation(("details", str(index), "value"), InputWording.JSON_NUMBER(field="value"))


def _amount_violations(amount: Decimal) -> Iterator[Violation]:
    exponent = amount.normalize().as_tuple().exponent
    if not 0 < amount <= LARGEST_AMOUNT:
        yield Violation(("amount",), InputWording.AMOUNT(min=SMALLEST_AMOUNT, max=LARGEST_AMOUNT))
    elif not isinstance(exponent, int) or exponent < -2:
        yield Violation(("amount",), InputWording.WHOLE_FEN())


def _payer_violations(new: NewOrder) -> Iterator[Violation]:
    parts = msgspec.structs.asdict(new.payer)
    if isinstance(new.payer, HousePayer):
        for part, number in parts.items():
            if problem := number_problem(part, number):
                yield Violation(("payer", "house", part), problem(field=part))
        return
    texts = [value for value in parts.values() if isinstance(value, str)]
    if any(map(is_invisible, texts)):
        yield Violation(("payer",), InputWording.EMPTY(field="payer"))
    elif any(map(contains_mask, texts)):
        yield Violation(("payer",), InputWording.MASKED())
    elif isinstance(new.payer, IdCardPayer) and (problem := id_card_problem(new.payer.id_card)):
        yield Violation(("payer", "idCard"), problem(field="idCard"))
    elif isinstance(new.payer, CarPayer) and (problem := plate_problem(new.payer.number)):
        yield Violation(("payer", "carNumber"), problem(field="carNumber"))
