"""Payment orders (document 2.1)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import strawberry

from gateway.actions.order import LARGEST_AMOUNT, LONGEST_TITLE, Charge, Pages, order_violations
from gateway.actions.write import Write, Written
from gateway.auth.masking import has_number
from gateway.context import Info
from gateway.errors import UserInputError, find_violations, refuse_input
from gateway.execution.load import Load
from gateway.journal.records import Payment as PaymentRecord
from gateway.loaders import lists
from gateway.loaders.journal import NotificationKey
from gateway.loaders.order import OrderKey
from gateway.normalise import records
from gateway.normalise.order import Order as OrderRecord
from gateway.normalise.order import OrderDetail as OrderDetailRecord
from gateway.normalise.order import OrderQuery
from gateway.normalise.requests import (
    CarPayer,
    HousePayer,
    IdCardPayer,
    NewOrder,
    NewOrderDetail,
    ParkingPayer,
    Payer,
    PhonePayer,
)
from gateway.normalise.states import Outcome
from gateway.normalise.values import document_number, mobile_number, money_of_sum
from gateway.normalise.vocabulary import FeeType
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema import writes
from schema.arguments import CommunityCode, community
from schema.costs import MOST_ENTRIES, ONE_ORDER, WRITE, bulk_costs
from schema.fields import free_text, needs, node_id, optional, parts_with_text, plain, record_input, record_type
from schema.operation import MutationPayload, with_history
from schema.payment import LONGEST_NUMBER, Payment
from schema.record import DataIssue, Node, data_issues, its_community
from schema.record_list import CommunityList

if TYPE_CHECKING:
    from schema.house import House


@record_type(records.Money, description="An amount of money in yuan (金额).")
class Money:
    yuan: Decimal = plain("Exactly, in yuan (元).")
    fen: int | None = plain("In fen; null beyond 32 bits, or when it is no whole number of them (分).")
    text: str = plain('For display, such as "¥0.01" (显示文本).')


@record_type(OrderDetailRecord, description="One line of what an order is made of (收费参数).")
class OrderDetail:
    name: str = free_text('Its name, such as "单价" (名称).', "name", observed=False)
    value: str = free_text('Its value, such as "100元/平方" (值).', "value", observed=False)


def _order_number(order: OrderRecord) -> str:
    return order.number or str(order.platform_id)


@record_type(OrderRecord, description="A payment order (订单).")
@with_history()
class Order(Node):
    created_at: datetime | None = plain(
        "When it was created, in China's time, as its number seems to say, which no platform promises; null where that "
        "cannot be read (创建时间)."
    )
    amount: Money | None = plain("The amount; null when unreadable, see dataIssues (缴费金额).")
    details: list[OrderDetail] | None = parts_with_text(
        "What the amount is made of, in the platform's order; null when unreadable, see dataIssues (订单明细).",
        "details",
        lambda detail: has_number(detail.name) or has_number(detail.value),
    )
    house: Annotated["House", strawberry.lazy("schema.house")] | None = plain(
        "The house it charges, read from the label, which is all the platform gives; null for a personal charge, or "
        "when the label is of another form (房屋).",
        "people:read",
    )
    data_issues: list[DataIssue] = data_issues()

    @strawberry.field(
        description="The payment notification this gateway received for it; null when none came (缴费通知).",
        directives=needs(["payment:read"]),
        graphql_type=Payment | None,
    )
    def notification(
        root: strawberry.Parent[OrderRecord], info: Info
    ) -> Load[NotificationKey, PaymentRecord | None] | None:
        if root.number is None:
            return None
        return Load(info.context.loaders.notification, NotificationKey(root.community_code, root.number))

    id: strawberry.ID = node_id("Order", "platform_id", "The order's node id (节点标识).", identifier=_order_number)
    community = its_community()


@record_input(OrderQuery, description="Which orders; a part of a house needs those before it (订单筛选).")
class OrderFilter:
    fee_type: FeeType | None = optional("The kind of fee; excludes title, and OTHER cannot be asked for (收费类型).")


def decided_filters(filters: OrderFilter | None, whose: str, *names: str) -> list[Violation]:
    """The filters given that the object around them decides."""
    if filters is None:
        return []
    return [
        Violation(("filter", name), InputWording.DECIDED(field=f"filter.{name}", part=whose))
        for name in names
        if getattr(filters, name) is not None
    ]


FilterOrders = Annotated[OrderFilter | None, strawberry.argument(description="Which orders (订单筛选).")]


def _complete(filters: OrderFilter, given: dict[str, Any]) -> Mapping[str, Any]:
    """Raises UserInputError (quirks 103, 147)."""
    wrong = [*_incomplete_house(given)]
    fee_type = filters.fee_type
    if fee_type is not None:
        if given["title"] is not None:
            message = InputWording.EXCLUSIVE(field="filter.feeType", other="filter.title")
            wrong.append(Violation(("filter", "feeType"), message))
        if fee_type is FeeType.OTHER:
            wrong.append(Violation(("filter", "feeType"), InputWording.NO_TITLE(field="filter.feeType")))
    if wrong:
        refuse_input(wrong)
    return given if fee_type is None else given | {"title": fee_type.wire_label}


def _incomplete_house(given: Mapping[str, Any]) -> Iterator[Violation]:
    missing = None
    for name in ("building", "unit", "floor", "room"):
        if given[name] is None:
            missing = missing or name
        elif missing is not None:
            message = InputWording.NEEDS(field=f"filter.{name}", other=f"filter.{missing}")
            yield Violation(("filter", name), message)


ORDERS = CommunityList(
    records=lists.ORDERS,
    node=Order,
    filter=FilterOrders,
    name="order",
    noun="order",
    chinese="订单",
    of_community="Orders of a community, newest first (订单列表).",
    listed="Payment orders, newest first (订单).",
    count=("unpaid_orders", "Open orders not yet paid (未付款订单数)."),
    complete=_complete,
)


@strawberry.type
class OrderQueries:
    @strawberry.field(
        description="One order by its number; null when the community has none. Looked for by halves, since lists "
        "are newest first; where one is not, page by page, and beyond a bound that is an error, never null (订单).",
        directives=needs(["order:read"]),
        graphql_type=Order | None,
        metadata=ONE_ORDER,
    )
    def order(
        self,
        info: Info,
        community_code: CommunityCode,
        number: Annotated[str, strawberry.argument(description="The order's number (订单编号).")],
    ) -> Load[OrderKey, OrderRecord | None] | None:
        refuse_input(find_violations(community, community_code), find_violations(_require_number, number))
        code = str(community_code)
        return (
            Load(info.context.loaders.order, OrderKey(code, number.strip()))
            if info.context.principal.sees(code)
            else None
        )


def _require_number(number: str) -> None:
    """Raises UserInputError."""
    if not number.strip() or len(number) > LONGEST_NUMBER:
        raise UserInputError("number", InputWording.LENGTH(field="number", min=1, max=LONGEST_NUMBER))


MOST_DETAILS = 50

_NONE = Decimal(0)


@strawberry.input(description="Everyone entitled to pay for a house (房屋收费对象).")
class PayerHouseInput:
    building: int = strawberry.field(description="Building number (楼号).")
    unit: int = strawberry.field(description="Unit number (单元号).")
    floor: int = strawberry.field(description="Floor (楼层).")
    room: int = strawberry.field(description="Room (房间号).")


@strawberry.input(description="The holder of a phone (手机号收费对象).")
class PayerPhoneInput:
    phone: str = strawberry.field(description="Phone number (手机号).")
    name: str | None = optional("With the name, also a resident who has not registered (姓名).")


@strawberry.input(one_of=True, description="Who is charged: exactly one (收费对象).")
class PayerInput:
    house: PayerHouseInput | None = strawberry.field(default=strawberry.UNSET, description="A house (房屋).")
    phone: PayerPhoneInput | None = strawberry.field(default=strawberry.UNSET, description="A phone (手机号).")
    id_card: str | None = strawberry.field(default=strawberry.UNSET, description="An ID number (身份证号).")
    car_number: str | None = strawberry.field(
        default=strawberry.UNSET, description="A number plate; documented as not developed yet (车牌号)."
    )
    parking_number: str | None = strawberry.field(
        default=strawberry.UNSET, description="A parking space; documented as not developed yet (车位号)."
    )


@strawberry.input(description="One line of what an order is made of (收费参数).")
class OrderDetailInput:
    name: str = strawberry.field(description="Its name, not empty (名称).")
    value: str = strawberry.field(description="Its value (值).")
    numeric: bool = strawberry.field(
        default=False, description="Whether the value, then a JSON number, is sent as a number (是否按数字发送)."
    )


@strawberry.input
class _ChargeInput:
    """What is asked of one payer."""

    payer: PayerInput = strawberry.field(description="Who is charged (收费对象).")
    amount: Decimal = strawberry.field(description=f"In yuan, above 0, at most {LARGEST_AMOUNT}, in whole fen (金额).")
    remark: str | None = optional("Remark (补充说明).")
    details: list[OrderDetailInput] | None = optional(
        f"What the amount is made of: at most {MOST_DETAILS} lines, each name once (收费参数)."
    )


@strawberry.input
class _BillInput:
    """What an order has in common with others."""

    community_code: strawberry.ID = strawberry.field(description="Code of the community (小区标识).")
    title: str = strawberry.field(
        description=f'What is charged, such as "物业费", in 1 to {LONGEST_TITLE} characters (收费名称).'
    )
    manager: str | None = optional("Who collects; omitted: the community (收费管理主体).")
    allow_repeat: bool | None = strawberry.field(
        default=False, description="Charge although an equal open order of the last day stands (允许重复收费)."
    )


@strawberry.input(description="Create an order (生成订单).")
class CreateOrderInput(_ChargeInput, _BillInput):
    idempotency_key: strawberry.ID = strawberry.field(description=writes.KEY)


@strawberry.input(description="One of several orders (批量生成订单的一项).")
class NewOrderInput(_ChargeInput):
    pass


@strawberry.input(description="Create several orders of one title (批量生成订单).")
class CreateOrdersInput(_BillInput):
    orders: list[NewOrderInput] = strawberry.field(
        description=f"The orders, 1 to {MOST_ENTRIES}: each is one of its own, also where two are equal (订单列表)."
    )
    dry_run: bool = strawberry.field(
        default=False, description="Only show what would be refused, but for unknown payers: nothing is sent (仅预览)."
    )
    idempotency_key: strawberry.ID = strawberry.field(
        description=f"{writes.EACH_KEY} An entry is known by its place in the list."
    )


Create = Annotated[CreateOrderInput, strawberry.argument(description="The order (输入).")]
CreateAll = Annotated[CreateOrdersInput, strawberry.argument(description="The orders (输入).")]


@record_type(Written, description="How the creation of an order ended (生成订单结果).")
class OrderPayload(MutationPayload):
    @strawberry.field(description="The new order's number; with ALREADY_CHARGED, of the one that stands (订单编号).")
    def order_number(root: strawberry.Parent[Written], info: Info) -> str | None:
        record = writes.written_record(info, root)
        return None if record is None else record.platform_id

    @strawberry.field(
        description="The new order, or the one that stands, looked for in the community's list (订单).",
        directives=needs(["order:read"]),
        graphql_type=Order | None,
        metadata=ONE_ORDER,
    )
    def order(root: strawberry.Parent[Written], info: Info) -> Load[OrderKey, OrderRecord | None] | None:
        record = writes.written_record(info, root)
        return (
            None
            if record is None
            else Load(info.context.loaders.order, OrderKey(str(record.community_code), record.platform_id))
        )


class Created(NamedTuple):
    """The source of an OrdersPayload: the results, and the amounts of their entries."""

    results: list[Written]
    amounts: list[Decimal]

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)


@strawberry.type(description="How the creation of several orders ended (批量生成订单结果).")
class OrdersPayload:
    @strawberry.field(
        description="One result for each entry, in their order (结果列表).", graphql_type=list[OrderPayload]
    )
    def results(root: strawberry.Parent[Created]) -> list[Written]:
        return root.results

    @strawberry.field(description="How many could be created, of a dry run (可生成数).")
    def planned(root: strawberry.Parent[Created]) -> int:
        return root.count(Outcome.PLANNED)

    @strawberry.field(description="The sum of their amounts (可生成总金额).", graphql_type=Money)
    def planned_amount(root: strawberry.Parent[Created]) -> records.Money:
        entries = zip(root.results, root.amounts, strict=True)
        return money_of_sum(sum((amount for result, amount in entries if result.outcome is Outcome.PLANNED), _NONE))

    @strawberry.field(description="How many were created (已生成数).")
    def confirmed(root: strawberry.Parent[Created]) -> int:
        return root.count(Outcome.CONFIRMED)

    @strawberry.field(description="How many were not created, or cannot be (被拒绝数).")
    def refused(root: strawberry.Parent[Created]) -> int:
        return root.count(Outcome.REFUSED)

    @strawberry.field(description="Of how many it is not known (结果未知数).")
    def unknown(root: strawberry.Parent[Created]) -> int:
        return root.count(Outcome.UNKNOWN)


@strawberry.type
class OrderMutations:
    @strawberry.mutation(
        description="Create an order. Never twice for one idempotency key, whatever happens on the way (生成订单).",
        directives=needs(["order:create"]),
        graphql_type=OrderPayload | None,
        metadata=WRITE,
    )
    async def create_order(self, info: Info, input: Create) -> Written:
        order = _order(input, input, find_violations(writes.idempotency_key, input.idempotency_key))
        key = str(input.idempotency_key)
        create, charge = info.context.actions.order.create, Charge(order, input.allow_repeat is True)
        return writes.finished(info, await create(info.context.principal, charge, key, info.context.count_lookup))

    @strawberry.mutation(
        description="Create several orders of one title: a result and an operation for each. None twice for one "
        "idempotency key, whatever happens on the way (批量生成订单).",
        directives=needs(["order:create"]),
        graphql_type=OrdersPayload | None,
        metadata=bulk_costs("input.orders"),
    )
    async def create_orders(self, info: Info, input: CreateAll) -> Created:
        key = input.idempotency_key
        writes.require(
            find_violations(writes.entries, "orders", input.orders),
            find_violations(writes.idempotency_key, key),
            find_violations(community, input.community_code, "input.communityCode"),
        )
        count = (lambda: None) if input.dry_run else partial(info.context.count_lookup, overdraft=MOST_ENTRIES)
        make_creation = info.context.actions.order.make_creation
        pages: Pages = {}

        def creation(place: int) -> Write:
            charge = Charge(_order(input, input.orders[place]), input.allow_repeat is True)
            return make_creation(info.context.principal, charge, writes.entry_key(key, place) or "", count, pages)

        creations = [writes.entry_write("createOrder", partial(creation, place)) for place in range(len(input.orders))]
        results = await writes.write_all(info, creations, dry_run=input.dry_run)
        return Created(results, [order.amount for order in input.orders])


def _order(bill: _BillInput, charge: _ChargeInput, *found: Iterable[Violation]) -> NewOrder:
    """Raises UserInputError, with what else is `found` wrong."""
    details = charge.details or []
    order = NewOrder(
        community_code=str(bill.community_code),
        payer=_payer(charge.payer),
        title=bill.title,
        amount=charge.amount,
        remark=charge.remark or None,
        details=tuple(NewOrderDetail(detail.name, detail.value, detail.numeric) for detail in details),
        manager=bill.manager or None,
    )
    writes.require(
        *found,
        _detail_violations(details),
        find_violations(community, order.community_code, "input.communityCode"),
        _no_payer(charge.payer),
        besides=lambda: order_violations(order),
    )
    return order


def _detail_violations(details: list[OrderDetailInput]) -> Iterable[Violation]:
    if len(details) > MOST_DETAILS:
        yield Violation(("input", "details"), InputWording.COUNT_AT_MOST(field="details", max=MOST_DETAILS))
    if len({detail.name for detail in details}) < len(details):
        yield Violation(("input", "details"), InputWording.EACH_NAME_ONCE(field="details"))


def _no_payer(payer: PayerInput) -> Iterable[Violation]:
    """That the one field given says nothing, not even blanks."""
    if not any(vars(payer).values()):
        yield Violation(("input", "payer"), InputWording.EMPTY(field="payer"))


def _payer(payer: PayerInput) -> Payer:
    if payer.house:
        return HousePayer(payer.house.building, payer.house.unit, payer.house.floor, payer.house.room)
    if payer.phone:
        name = payer.phone.name
        return PhonePayer(mobile_number(payer.phone.phone.strip()), name.strip() if name else None)
    if payer.car_number:
        return CarPayer(document_number(payer.car_number))
    if payer.parking_number:
        return ParkingPayer(payer.parking_number.strip())
    return IdCardPayer(document_number(payer.id_card or ""))
