"""Creating orders (document 2.1.1)."""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import msgspec

from gateway.actions.action import (
    NOT_APPLIED,
    Action,
    Done,
    Prepared,
    Undecided,
    Write,
    WriteRefusal,
    masked,
    refused_by_platform,
    user_error,
)
from gateway.actions.writer import settled_after
from gateway.auth.masking import contains_mask
from gateway.auth.principal import Scope
from gateway.errors import ProtocolError, RefusedError
from gateway.futures import join
from gateway.journal.records import Operation, RecordRef, UserError
from gateway.normalise.records import Page
from gateway.normalise.values import id_card_problem, is_invisible, is_json_number, number_problem, plate_problem
from gateway.normalise.vocabulary import UserErrorCode
from gateway.orders.reads import ORDERS
from gateway.orders.record import NewOrder, Order, OrderQuery, OrderStatus, Payer, PaymentStatus, new_order_form
from gateway.platforms.endpoint import Effect, Endpoint
from gateway.platforms.wjdh import WJDH, Wjdh
from gateway.wording.faults import FaultWording
from gateway.wording.inputs import InputWording, WriteWording
from gateway.wording.wording import Violation

ORDER_NEW = Endpoint(WJDH, "order/new", "POST", "order/new", Effect.WRITE)
_ORDER_NUMBER = re.compile(r"(?=.*[1-9])[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
"""Digits as documented; letters may be among them, but "null" and 0 are no number."""


async def create_order(wjdh: Wjdh, order: NewOrder) -> str:
    """Create an order and return its number. Never repeated: a lost answer leaves it unknown (quirk 154)."""
    number = (await wjdh.succeed(ORDER_NEW, new_order_form(order))).get("data")
    text = str(number).strip() if type(number) is int or isinstance(number, str) else ""
    if _ORDER_NUMBER.fullmatch(text):
        return text
    raise ProtocolError(WJDH, ORDER_NEW.name, FaultWording.NO_ORDER_NUMBER())


SEARCHED_PAGES = 20


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
        is_theirs = new.payer.wire_type == "house" or order.address is None
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
    """Whether no page after this one has a newer order: it is all of the list, or sorted as in the document's example,
    newest first (quirk 142).
    """
    numbers = [order.platform_id for order in page.items]
    is_whole = page.last_page is None or page.last_page <= 1
    return not page.dropped and (is_whole or numbers == sorted(numbers, reverse=True))


def order_done(community_code: str, number: str) -> Done:
    return Done(RecordRef("Order", community_code, number), {"orderNumber": number})


def payer_query(new: NewOrder) -> OrderQuery | None:
    """How the list finds this payer's orders; None for a car or a parking space, which it cannot look for."""
    query = new.payer.query  # by the phone alone: the name is theirs to spell
    return None if query is None else msgspec.structs.replace(query, name=None)


HOUSE_PARTS = ("building", "unit", "floor", "room")

NO_SUCH_PAYER = 2
NOT_REGISTERED = 3

SMALLEST_AMOUNT, LARGEST_AMOUNT = Decimal("0.01"), Decimal("9999999.99")
LONGEST_TITLE = 100
MOST_DETAILS = 50

REPEATED_WITHIN = timedelta(days=1)  # an equal open order of this age is taken for the same charge, sent twice


class Lookups:
    """The look-ups of one request: a payer is looked for before the first of its orders is made, and once. `count` is
    called before the platform is asked about a person; it raises RateLimitedError.
    """

    def __init__(self, count: Callable[[], None]) -> None:
        self.count = count
        self.pages: dict[OrderQuery, asyncio.Future[Page[Order]]] = {}


class Charge(NamedTuple):
    """An order to create; `allows_repeat`: also beside an equal one."""

    order: NewOrder
    allows_repeat: bool
    lookups: Lookups

    @property
    def community_code(self) -> str:
        return self.order.community_code


class CreateOrder(Action[Charge]):
    """Orders cannot be created twice by accident: the platform has no idempotency, so the gateway has (quirk 154).

    Before an order is sent the payer's newest one is noted. When the answer is lost, an order of the same payer, title
    and amount that is newer than that, and that no other operation has claimed or may claim, is the one. While a newer
    one cannot be read, or it is unclear which are newer, the outcome stays unclear: it may be the one.

    A person's list may hold what they are charged or what they have paid: nobody says which (quirk 149). So an order of
    theirs is known by being unpaid and of no house, and one that is not in the list may have been made all the same.
    """

    mutation = "createOrder"
    scope = Scope.ORDER_CREATE
    endpoint = ORDER_NEW
    stale = ORDERS.shown_by

    def wrong(self, charge: Charge) -> Iterator[Violation]:
        details = charge.order.details
        if len(details) > MOST_DETAILS:
            yield Violation(("details",), InputWording.COUNT_AT_MOST(field="details", max=MOST_DETAILS))
        if len({detail.name for detail in details}) < len(details):
            yield Violation(("details",), InputWording.EACH_NAME_ONCE(field="details"))

    def violations(self, charge: Charge) -> Iterator[Violation]:
        """An amount, title or detail that no order has (quirk 160), a payer that nobody is, and masked values."""
        new = charge.order
        exponent = new.amount.normalize().as_tuple().exponent
        if not 0 < new.amount <= LARGEST_AMOUNT:
            yield Violation(("amount",), InputWording.AMOUNT(min=SMALLEST_AMOUNT, max=LARGEST_AMOUNT))
        elif not isinstance(exponent, int) or exponent < -2:
            yield Violation(("amount",), InputWording.WHOLE_FEN())
        if is_invisible(new.title) or len(new.title) > LONGEST_TITLE:
            yield Violation(("title",), InputWording.LENGTH(field="title", min=1, max=LONGEST_TITLE))
        yield from _payer_violations(new.payer)
        for field in ("title", "remark", "manager"):
            yield from masked(getattr(new, field), field)
        for index, detail in enumerate(new.details):
            if is_invisible(detail.name):
                yield Violation(("details", str(index), "name"), InputWording.DETAIL_NAME())
            yield from masked(detail.name, "details", str(index), "name")
            yield from masked(detail.value, "details", str(index), "value")
            if detail.numeric and not is_json_number(detail.value):
                yield Violation(("details", str(index), "value"), InputWording.JSON_NUMBER(field="value"))

    def arguments(self, write: Write[Charge]) -> object:
        return write.asked[:2] if write.asked.allows_repeat else write.asked.order

    async def prepare(self, write: Write[Charge]) -> Prepared:
        new, allows_repeat, lookups = write.asked
        payer = payer_query(new)
        if payer is None:
            return Prepared(partial(self._create, new))
        if payer.building is None:
            lookups.count()  # the platform says whether it knows such a person
        if payer not in lookups.pages:
            lookups.pages[payer] = asyncio.ensure_future(ORDERS.read_page(self.wjdh, new.community_code, payer, 1))
        page = await join(lookups.pages[payer])
        standing = None if allows_repeat else standing_order(new, page, self.services.clock() - REPEATED_WITHIN)
        if standing is not None:
            error = user_error(UserErrorCode.ALREADY_CHARGED, WriteWording.ALREADY_CHARGED())
            raise WriteRefusal(error, record=RecordRef("Order", new.community_code, standing))
        newest = max((order.platform_id for order in page.items), default=0) if _shows_newest(page) else None
        house = [getattr(payer, part) for part in HOUSE_PARTS] if payer.building is not None else None
        title = self.services.digest(new.title.strip())
        expected = {"after": newest, "title_digest": title, "amount": str(new.amount), "house": house}
        return Prepared(partial(self._create, new), expected)

    async def _create(self, new: NewOrder) -> Done:
        return order_done(new.community_code, await create_order(self.wjdh, new))

    def refusal(self, write: Write[Charge], error: RefusedError) -> UserError:
        """The platform's codes 2 and 3 (2.1.1.5). The message of code 2 names two causes at once; the kind of payer
        shows which it is (quirk 35).
        """
        if error.upstream_code == NOT_REGISTERED:
            code, message = UserErrorCode.NOT_REGISTERED, WriteWording.NOT_REGISTERED()
        elif error.upstream_code != NO_SUCH_PAYER:
            return refused_by_platform(error)
        elif write.asked.order.payer.query is None:
            code, message = UserErrorCode.VEHICLE_NOT_FOUND, WriteWording.NO_SUCH_VEHICLE()
        else:
            code, message = UserErrorCode.PERSON_NOT_FOUND, WriteWording.NO_SUCH_PERSON()
        return user_error(code, message, "payer", upstream_message=error.upstream_message)

    async def read_back(self, operation: Operation, write: Write[Charge] | None = None) -> Done | Undecided:
        """Only a house can be looked up again later: who else pays is personal, and the journal does not keep it."""
        if write is not None:
            return await self._find(operation, payer_query(write.asked.order))
        house = (operation.expected or {}).get("house")
        return await self._find(operation, house and OrderQuery(**dict(zip(HOUSE_PARTS, house, strict=True))))

    async def _find(self, operation: Operation, payer: OrderQuery | None) -> Done | Undecided:
        """Whether the order of an operation was created."""
        expected = operation.expected or {}
        after = expected.get("after")
        community_code = operation.community_code
        if payer is None or community_code is None or after is None:
            return Undecided.NOT_READ
        newer = await self._newer(community_code, payer, after)
        if newer is None:
            return Undecided.UNCLEAR
        alike = {
            order.number: order
            for order in newer
            if order.number
            and order.amount
            and Decimal(order.amount.yuan) == Decimal(expected["amount"])
            and self.services.digest(order.title.strip()) == expected["title_digest"]
        }
        # In this order: a rival that ends meanwhile is then among those who have recorded an order.
        has_rival = await self._has_rival(operation, community_code)
        claimed = await self.services.journal.operations.recorded("Order", community_code, list(alike))
        unclaimed = [number for number in alike if number not in claimed]
        of_house = payer.building is not None
        if len(unclaimed) == 1 and not has_rival:
            order = alike[unclaimed[0]]
            if of_house or (order.address is None and order.payment_status is PaymentStatus.UNPAID):
                return order_done(community_code, unclaimed[0])
        return NOT_APPLIED if of_house and not unclaimed else Undecided.UNCLEAR

    async def _newer(self, community_code: str, payer: OrderQuery, after: int) -> list[Order] | None:
        """The payer's orders since the one that was the newest then, however many; each once, since one that is made
        meanwhile moves the others on. None while any of them cannot be read, or they may not be all.
        """
        newer: dict[int, Order] = {}
        for number in range(1, SEARCHED_PAGES + 1):
            page = await ORDERS.read_page(self.wjdh, community_code, payer, number)
            found = [order for order in page.items if order.platform_id > after]
            if not _shows_newest(page) or not all(order.number and order.amount and order.title for order in found):
                return None
            newer |= {order.platform_id: order for order in found}
            if len(found) < len(page.items) or number >= (page.last_page or 1):
                return list(newer.values())
        return None

    async def _has_rival(self, operation: Operation, community_code: str) -> bool:
        """Whether another write may have made the order that this one looks for: not if it was settled before this one
        began, unless the clock was wrong: then an operation was sent before it began.
        """
        others = await self.services.journal.operations.unresolved(operation.mutation, community_code)
        wanted, settled = _wanted(operation), operation.started_at - settled_after(self.wjdh.call_timeout)
        knows_times = operation.sent_at is None or operation.sent_at >= operation.started_at
        return any(
            other.id != operation.id
            and _wanted(other) == wanted
            and not (knows_times and (other.sent_at or other.started_at) <= settled)
            for other in others
        )


def _payer_violations(payer: Payer) -> Iterator[Violation]:
    query = payer.query or OrderQuery()
    for part in HOUSE_PARTS:
        if (number := getattr(query, part)) is not None and (problem := number_problem(part, number)):
            yield Violation(("payer", "house", part), problem(field=part))
    texts = [text for text in (payer.number, query.phone, query.name, query.id_card) if text is not None]
    if any(map(is_invisible, texts)):
        yield Violation(("payer",), InputWording.EMPTY(field="payer"))
    elif any(map(contains_mask, texts)):
        yield Violation(("payer",), InputWording.MASKED())
    elif query.id_card is not None and (problem := id_card_problem(query.id_card)):
        yield Violation(("payer", "idCard"), problem(field="idCard"))
    elif payer.wire_type == "car_number" and (problem := plate_problem(payer.number or "")):
        yield Violation(("payer", "carNumber"), problem(field="carNumber"))
