"""Creating orders (document 2.1.1)."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

import msgspec

from gateway.actions.order_finder import OrderFinder, house_query, order_done, payer_query
from gateway.actions.write import (
    Done,
    MarkSent,
    ReadBack,
    Write,
    Written,
    community_errors,
    invalid,
    masked,
    refuse_if_any,
    refused_by_platform,
    user_error,
)
from gateway.actions.writer import Writer
from gateway.auth.masking import contains_mask
from gateway.auth.principal import Principal, Scope
from gateway.errors import RefusedError
from gateway.events import EventBus, ReadsDropped
from gateway.journal.journal import Journal
from gateway.journal.records import Operation, UserError
from gateway.normalise.plausible import id_card_problem, is_invisible, is_json_number, number_problem, plate_problem
from gateway.normalise.requests import CarPayer, HousePayer, IdCardPayer, NewOrder, ParkingPayer, PhonePayer
from gateway.normalise.states import UserErrorCode
from gateway.platforms.wjdh import Wjdh
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from gateway.wording.writes import WriteWording

NO_SUCH_PAYER = 2
NOT_REGISTERED = 3

SMALLEST_AMOUNT, LARGEST_AMOUNT = Decimal("0.01"), Decimal("9999999.99")
LONGEST_TITLE = 100


class OrderActions:
    """Orders cannot be created twice by accident: the platform has no idempotency, so the gateway has (quirk 154)."""

    def __init__(self, writer: Writer, wjdh: Wjdh, journal: Journal, events: EventBus) -> None:
        self._writer = writer
        self._wjdh = wjdh
        self._finder = OrderFinder(wjdh, journal.operations, writer.digest)
        self._events = events

    async def create(self, principal: Principal, new: NewOrder, key: str, count_lookup: Callable[[], None]) -> Written:
        """Create an order. Raises GatewayError for faults."""
        return await self._writer.carry_out(principal, self.make_creation(principal, new, key, count_lookup))

    def make_creation(self, principal: Principal, new: NewOrder, key: str, count_lookup: Callable[[], None]) -> Write:
        """`count_lookup` is called before the platform is asked about a person; it raises RateLimitedError."""
        principal.require(Scope.ORDER_CREATE)
        payer = payer_query(new)

        async def check() -> None:
            refuse_if_any([*community_errors(principal, new.community_code), *invalid(order_violations(new))])

        async def perform(mark_sent: MarkSent) -> Done:
            if isinstance(new.payer, PhonePayer | IdCardPayer):
                count_lookup()  # the platform says whether it knows such a person
            await mark_sent(None if payer is None else await self._finder.expected(new, payer))
            return order_done(new.community_code, await self._wjdh.create_order(new))

        return Write(
            mutation="createOrder",
            arguments=new,
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
