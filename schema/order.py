"""Payment orders (document 2.1)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import strawberry

from gateway.actions.action import Write, Written, invalid
from gateway.auth.masking import has_number
from gateway.context import Info
from gateway.errors import find_violations, refuse_input
from gateway.execution.load import Load
from gateway.journal.records import Payment as PaymentRecord
from gateway.normalise.records import Money as MoneyRecord
from gateway.normalise.records import declared_fields
from gateway.normalise.values import document_number, mobile_number, money_of_sum
from gateway.normalise.vocabulary import Outcome
from gateway.orders import reads
from gateway.orders import record as records
from gateway.orders.reads import OrderKey
from gateway.orders.record import FeeType
from gateway.orders.writes import LARGEST_AMOUNT, LONGEST_TITLE, MOST_DETAILS, Charge, CreateOrder, Lookups
from gateway.payments.reads import NotificationKey
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema import fields, writes
from schema.costs import MOST_ENTRIES, ONE_ORDER, bulk_cost
from schema.fields import derived, described, free_text, optional, plain, record_type, required, resolved
from schema.operation import MutationPayload, writes_of, written_field
from schema.payment import LONGEST_NUMBER, Payment
from schema.record import CommunityCode, Node, community, its_community, wrong_name
from schema.record_list import CommunityList

if TYPE_CHECKING:
    from schema.people import House


@record_type(MoneyRecord, "An amount of money in yuan (金额).")
class Money:
    yuan: Decimal = plain("The exact amount in yuan (元).")
    fen: int | None = plain("The amount in fen; null if beyond 32 bits or not a whole number (分).")
    text: str = plain('For display, such as "¥0.01" (显示文本).')


@record_type(records.OrderDetail, "One line of an order's breakdown (收费参数).")
class OrderDetail:
    name: str = free_text('Its name, such as "单价" (名称).', "name", observed=False)
    value: str = free_text('Its value, such as "100元/平方" (值).', "value", observed=False)


@record_type(records.Order, "A payment order (订单).")
class Order(Node):
    created_at: datetime | None = plain(
        "Creation time in China time, inferred from the order number, since no platform sends it; null if that "
        "cannot be read (创建时间)."
    )
    amount: Money | None = plain("The amount; null when unreadable, see dataIssues (缴费金额).")
    details: list[OrderDetail] | None = fields.parts_with_text(
        "Breakdown of the amount, in the platform's order; null if unreadable, see dataIssues (订单明细).",
        "details",
        lambda detail: has_number(detail.name) or has_number(detail.value),
    )
    house: Annotated["House", strawberry.lazy("schema.people")] | None = plain(
        "The house charged, parsed from `address`; null for a personal charge, or if the label cannot be parsed "
        "(房屋).",
        "people:read",
    )

    @resolved(Payment | None, "payment:read")
    def notification(root: records.Order, info: Info) -> Load[NotificationKey, PaymentRecord | None] | None:
        """The payment notification this gateway received for it; null if there is none (缴费通知)."""
        if root.number is None:
            return None
        return Load(info.context.loaders.notification, NotificationKey(root.community_code, root.number))

    id: strawberry.ID = fields.node_id("Order", "identifier", "The order's node id (节点标识).")
    community = its_community()
    history = writes_of(id)


@fields.record_input(
    declared_fields(records.OrderQuery),
    "Filter for orders. Each part of a house address needs the parts before it (订单筛选).",
)
class OrderFilter:
    fee_type: FeeType | None = optional("The kind of fee, except OTHER; not together with title (收费类型).")


def decided_filters(filters: OrderFilter | None, whose: str, *names: str) -> Iterator[Violation]:
    """The filters given that the object around them decides."""
    for name in names:
        if filters is not None and getattr(filters, name) is not None:
            yield Violation(("filter", name), InputWording.DECIDED(field=f"filter.{name}", part=whose))


def _complete(filters: OrderFilter, given: dict[str, Any]) -> Mapping[str, Any]:
    """Raises UserInputError (quirks 103, 147)."""
    fee_type = filters.fee_type
    refuse_input(_wrong_together(fee_type, given))
    return given if fee_type is None else given | {"title": fee_type.wire_label}


def _wrong_together(fee_type: FeeType | None, given: Mapping[str, Any]) -> Iterator[Violation]:
    missing = None
    for name in ("building", "unit", "floor", "room"):
        if given[name] is None:
            missing = missing or name
        elif missing is not None:
            yield Violation(("filter", name), InputWording.NEEDS(field=f"filter.{name}", other=f"filter.{missing}"))
    field = "filter.feeType"
    if fee_type is not None and given["title"] is not None:
        yield Violation(("filter", "feeType"), InputWording.EXCLUSIVE(field=field, other="filter.title"))
    if fee_type is FeeType.OTHER:
        yield Violation(("filter", "feeType"), InputWording.NO_TITLE(field=field))


ORDERS = CommunityList(
    records=reads.ORDERS,
    node=Order,
    filters=OrderFilter,
    name="order",
    of_community="Orders of a community, newest first (订单列表).",
    listed="Payment orders, newest first (订单).",
    count=("unpaid_orders", "Number of open orders not yet paid (未付款订单数)."),
    complete=_complete,
)


class OrderQueries:
    @resolved(Order | None, "order:read", cost=ONE_ORDER)
    @described(number="The order's number (订单编号).")
    def order(
        self, info: Info, community_code: CommunityCode, number: str
    ) -> Load[OrderKey, records.Order | None] | None:
        """One order by its number; null if the community has none. Found by binary search in the list, newest first;
        if the list is not sorted, page by page, and beyond a limit it is an error, never null (订单)."""
        wrong_number = wrong_name(number.strip() and number, LONGEST_NUMBER, "number")
        refuse_input(find_violations(community, community_code), wrong_number)
        if not info.context.principal.sees(community_code):
            return None
        return Load(info.context.loaders.order, OrderKey(str(community_code), number.strip()))


@strawberry.input(description="Everyone entitled to pay for a house (房屋收费对象).")
class PayerHouseInput:
    building: int = required("Building number (楼号).")
    unit: int = required("Unit number (单元号).")
    floor: int = required("Floor (楼层).")
    room: int = required("Room (房间号).")


@strawberry.input(description="The holder of a phone (手机号收费对象).")
class PayerPhoneInput:
    phone: str = required("Phone number (手机号).")
    name: str | None = optional("Full name; with it, a resident who has not registered is found too (姓名).")


@strawberry.input(one_of=True, description="Who is charged: exactly one of the fields (收费对象).")
class PayerInput:
    house: PayerHouseInput | None = optional("A house (房屋).", strawberry.UNSET)
    phone: PayerPhoneInput | None = optional("The holder of a phone number (手机号).", strawberry.UNSET)
    id_card: str | None = optional("The holder of an ID card number (身份证号).", strawberry.UNSET)
    car_number: str | None = optional(
        "The owner of a vehicle, by its number plate; documented as not developed yet (车牌号).", strawberry.UNSET
    )
    parking_number: str | None = optional(
        "The holder of a parking space; documented as not developed yet (车位号).", strawberry.UNSET
    )


@strawberry.input(description="One line of an order's breakdown (收费参数).")
class OrderDetailInput:
    name: str = required("Its name, not empty (名称).")
    value: str = required("Its value (值).")
    numeric: bool = optional("Whether to send the value as a number: it must be a JSON number (是否按数字发送).", False)


@strawberry.input
class _ChargeInput:
    """What is asked of one payer."""

    payer: PayerInput = required("Who is charged (收费对象).")
    amount: Decimal = required(f"In yuan, above 0, at most {LARGEST_AMOUNT}, in whole fen (金额).")
    remark: str | None = optional("Remark (补充说明).")
    details: list[OrderDetailInput] | None = optional(
        f"Breakdown of the amount: at most {MOST_DETAILS} lines, with unique names (收费参数)."
    )


@strawberry.input
class _BillInput:
    """What an order has in common with others."""

    community_code: strawberry.ID = required("Code of the community (小区标识).")
    title: str = required(f'What is charged, such as "物业费", in 1 to {LONGEST_TITLE} characters (收费名称).')
    manager: str | None = optional("Who collects the fee; omitted: the community (收费管理主体).")
    allow_repeat: bool | None = optional(
        "Create the order even if an equal open one was created in the last day (允许重复收费).", False
    )


@strawberry.input(description="Create an order (生成订单).")
class CreateOrderInput(_ChargeInput, _BillInput):
    idempotency_key: strawberry.ID = required(writes.KEY)


@strawberry.input(description="One of several orders (批量生成订单的一项).")
class NewOrderInput(_ChargeInput):
    pass


@strawberry.input(description="Create several orders of one title (批量生成订单).")
class CreateOrdersInput(_BillInput):
    orders: list[NewOrderInput] = required(
        f"The orders, 1 to {MOST_ENTRIES}; equal entries create separate orders (订单列表)."
    )
    dry_run: bool = optional(
        "Only check what would be refused, except unknown payers; nothing is sent (仅预览).", False
    )
    idempotency_key: strawberry.ID = required(f"{writes.EACH_KEY} An entry is identified by its position in the list.")


@record_type(Written, "Result of creating an order (生成订单结果).")
class OrderPayload(MutationPayload):
    @resolved()
    def order_number(root: Written, info: Info) -> str | None:
        """The new order's number; with ALREADY_CHARGED, of the existing order; null if there is none (订单编号)."""
        record = writes.written_record(info, root)
        return None if record is None else record.platform_id

    order = written_field(
        Order,
        "The new or the existing order, looked up in the community's list; null if there is none (订单).",
        ONE_ORDER,
    )


class Created(NamedTuple):
    """The source of an OrdersPayload: the results, and the amounts of their entries."""

    results: list[Written]
    amounts: list[Decimal]


def _how_many(outcome: Outcome, description: str) -> Any:
    """The field that counts the entries that ended so."""
    return derived(int, description, lambda root: sum(result.outcome is outcome for result in root.results))


@strawberry.type(description="Result of creating several orders (批量生成订单结果).")
class OrdersPayload:
    results = derived(
        list[OrderPayload], "One result per entry, in the order of the input (结果列表).", lambda root: root.results
    )
    planned = _how_many(Outcome.PLANNED, "For a dry run, how many could be created (可生成数).")

    @resolved(Money)
    def planned_amount(root: Created) -> MoneyRecord:
        """The sum of their amounts (可生成总金额)."""
        entries = zip(root.results, root.amounts, strict=True)
        planned = (amount for result, amount in entries if result.outcome is Outcome.PLANNED)
        return money_of_sum(sum(planned, Decimal(0)))

    confirmed = _how_many(Outcome.CONFIRMED, "How many were created (已生成数).")
    refused = _how_many(Outcome.REFUSED, "How many were not created, or cannot be (被拒绝数).")
    unknown = _how_many(Outcome.UNKNOWN, "Number of orders whose outcome is unknown (结果未知数).")


class OrderMutations:
    @writes.mutation(CreateOrder, OrderPayload)
    @described(input="The order (输入).")
    async def create_order(self, info: Info, input: CreateOrderInput) -> Written:
        """Create an order: at most once per idempotency key, whatever fails (生成订单)."""
        charge = _charge(input, input, Lookups(info.context.count_lookup))
        wrong = (writes.wrong_community(input.community_code), _no_payer(input.payer))
        return await writes.write_one(info, CreateOrder, charge, str(input.idempotency_key), *wrong)

    @writes.mutation(CreateOrder, OrdersPayload, bulk_cost("input.orders"))
    @described(input="The orders (输入).")
    async def create_orders(self, info: Info, input: CreateOrdersInput) -> Created:
        """Create several orders of one title, each with its own result and operation, and at most once per
        idempotency key, whatever fails (批量生成订单)."""
        writes.require(
            writes.wrong_count("orders", input.orders),
            writes.wrong_key(input.idempotency_key),
            writes.wrong_community(input.community_code),
        )
        count = (lambda: None) if input.dry_run else partial(info.context.count_lookup, overdraft=MOST_ENTRIES)
        action, lookups = info.context.actions[CreateOrder], Lookups(count)

        def creation(place: int, order: NewOrderInput) -> Write[Any]:
            charge = _charge(input, order, lookups)
            violations = tuple(action.violations(charge))
            if wrong := [*action.wrong(charge), *_no_payer(order.payer)]:
                return action.write(charge, None, invalid(dict.fromkeys([*wrong, *violations])))
            errors = action.judge(info.context.principal, charge, violations)
            return action.write(charge, writes.entry_key(input.idempotency_key, place), errors)

        creations = [creation(place, order) for place, order in enumerate(input.orders)]
        results = await writes.write_all(info, creations, dry_run=input.dry_run)
        return Created(results, [order.amount for order in input.orders])


def _charge(bill: _BillInput, charge: _ChargeInput, lookups: Lookups) -> Charge:
    order = records.NewOrder(
        community_code=str(bill.community_code),
        payer=_payer(charge.payer),
        title=bill.title,
        amount=charge.amount,
        remark=charge.remark or None,
        details=tuple(records.NewOrderDetail(**vars(detail)) for detail in charge.details or ()),
        manager=bill.manager or None,
    )
    return Charge(order, bill.allow_repeat is True, lookups)


def _no_payer(payer: PayerInput) -> Iterable[Violation]:
    """That the one field given says nothing, not even blanks."""
    if not any(vars(payer).values()):
        yield Violation(("payer",), InputWording.EMPTY(field="payer"))


def _payer(payer: PayerInput) -> records.Payer:
    if payer.house:
        return records.Payer("house", records.OrderQuery(**vars(payer.house)))
    if payer.phone:
        phone, name = mobile_number(payer.phone.phone.strip()), payer.phone.name
        return records.Payer("phone", records.OrderQuery(phone=phone, name=name.strip() if name else None))
    if payer.car_number:
        return records.Payer("car_number", number=document_number(payer.car_number))
    if payer.parking_number:
        return records.Payer("parking_number", number=payer.parking_number.strip())
    return records.Payer("idcard", records.OrderQuery(id_card=document_number(payer.id_card or "")))
