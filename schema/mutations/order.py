"""Creating orders."""

from decimal import Decimal
from typing import Annotated

import strawberry

from gateway.actions.order import LARGEST_AMOUNT, LONGEST_TITLE
from gateway.actions.write import Written
from gateway.context import Info
from gateway.errors import UserInputError
from gateway.execution.load import Load
from gateway.loaders.order import OrderKey
from gateway.normalise.order import Order as OrderRecord
from gateway.normalise.order import OrderDetail as OrderDetailRecord
from gateway.normalise.requests import CarPayer, HousePayer, IdCardPayer, NewOrder, ParkingPayer, Payer, PhonePayer
from schema.mutations.input import KEY, finished, idempotency_key, written_record
from schema.types.arguments import community
from schema.types.costs import ANY_RECORD, WRITE
from schema.types.fields import needs, optional, record_type
from schema.types.order import Order
from schema.types.payload import MutationPayload

MOST_DETAILS = 50


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


@strawberry.input(description="Create an order (生成订单).")
class CreateOrderInput:
    community_code: strawberry.ID = strawberry.field(description="Code of the community (小区标识).")
    payer: PayerInput = strawberry.field(description="Who is charged (收费对象).")
    title: str = strawberry.field(
        description=f'What is charged, such as "物业费", in 1 to {LONGEST_TITLE} characters (收费名称).'
    )
    amount: Decimal = strawberry.field(description=f"In yuan, above 0, at most {LARGEST_AMOUNT}, in whole fen (金额).")
    remark: str | None = optional("Remark (补充说明).")
    details: list[OrderDetailInput] | None = optional(
        f"What the amount is made of: at most {MOST_DETAILS} lines, each name once (收费参数)."
    )
    manager: str | None = optional("Who collects; omitted: the community (收费管理主体).")
    idempotency_key: strawberry.ID = strawberry.field(description=KEY)


Create = Annotated[CreateOrderInput, strawberry.argument(description="The order (输入).")]


@record_type(Written, description="How the creation of an order ended (生成订单结果).")
class OrderPayload(MutationPayload):
    @strawberry.field(description="The new order's number (订单编号).")
    def order_number(root: strawberry.Parent[Written], info: Info) -> str | None:
        answer = root.operation.answer if root.operation and written_record(info, root) else None
        return answer.get("orderNumber") if answer else None

    @strawberry.field(
        description="The new order, looked for in the community's list (订单).",
        directives=needs(["order:read"]),
        graphql_type=Order | None,
        metadata=ANY_RECORD,
    )
    def order(root: strawberry.Parent[Written], info: Info) -> Load[OrderKey, OrderRecord | None] | None:
        record = written_record(info, root)
        return (
            None
            if record is None
            else Load(info.context.loaders.order, OrderKey(str(record.community_code), record.platform_id))
        )


@strawberry.type
class OrderMutations:
    @strawberry.mutation(
        description="Create an order. Never twice for one idempotency key, whatever happens on the way (生成订单).",
        directives=needs(["order:create"]),
        graphql_type=OrderPayload | None,
        metadata=WRITE,
    )
    async def create_order(self, info: Info, input: Create) -> Written:
        key = idempotency_key(input.idempotency_key) or ""
        details = input.details or []
        if len(details) > MOST_DETAILS or len({detail.name for detail in details}) < len(details):
            raise UserInputError("input.details", f"details must have at most {MOST_DETAILS} entries, each name once.")
        order = NewOrder(
            community_code=community(input.community_code, "input.communityCode"),
            payer=_payer(input.payer),
            title=input.title,
            amount=input.amount,
            remark=input.remark or None,
            details=tuple(OrderDetailRecord(detail.name, detail.value) for detail in details),
            manager=input.manager or None,
        )
        if isinstance(order.payer, PhonePayer | IdCardPayer):
            info.context.count_lookup()  # the platform says whether it knows such a person
        return finished(info, await info.context.actions.order.create(info.context.principal, order, key))


def _payer(payer: PayerInput) -> Payer:
    if payer.house:
        return HousePayer(payer.house.building, payer.house.unit, payer.house.floor, payer.house.room)
    if payer.phone:
        name = payer.phone.name
        return PhonePayer(payer.phone.phone.strip(), name.strip() if name else None)
    if payer.id_card:
        return IdCardPayer(payer.id_card.strip())
    if payer.car_number:
        return CarPayer(payer.car_number.strip())
    if payer.parking_number:
        return ParkingPayer(payer.parking_number.strip())
    raise UserInputError("input.payer", "payer must not be empty.")
