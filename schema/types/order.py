"""Payment orders (document 2.1)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from gateway.auth.masking import has_number
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.journal.records import Payment as PaymentRecord
from gateway.loaders import lists
from gateway.loaders.payment import NotificationKey
from gateway.normalise import records
from gateway.normalise.order import Order as OrderRecord
from gateway.normalise.order import OrderDetail as OrderDetailRecord
from gateway.normalise.order import OrderQuery
from gateway.normalise.vocabulary import FeeType
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.types.belonging import its_community
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import (
    free_text,
    needs,
    optional,
    parts_with_text,
    plain,
    record_input,
    record_type,
)
from schema.types.history import with_history
from schema.types.identity import node_id
from schema.types.node import Node
from schema.types.payment import Payment
from schema.types.record_list import CommunityList

if TYPE_CHECKING:
    from schema.types.house import House


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
    house: Annotated["House", strawberry.lazy("schema.types.house")] | None = plain(
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
