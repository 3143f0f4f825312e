"""Payment orders (document 2.1)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec
import strawberry

from gateway.context import Info, Lookup
from gateway.errors import UserInputError
from gateway.execution.load import Load
from gateway.journal.records import Payment as PaymentRecord
from gateway.loaders.order import NO_FILTERS, OrdersKey
from gateway.loaders.paging import Slice
from gateway.loaders.payment import NotificationKey
from gateway.normalise import records
from gateway.normalise.field import DeclaredField, declared_fields
from gateway.normalise.kinds import IDENTIFIER
from gateway.normalise.order import Order as OrderRecord
from gateway.normalise.order import OrderDetail as OrderDetailRecord
from gateway.normalise.order import OrderQuery as OrderQueryRecord
from gateway.normalise.vocabulary import FeeType
from gateway.normalise.wire_enum import WireEnum
from schema.types.arguments import community, recognized
from schema.types.connection import Window
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import (
    free_text,
    has_number,
    needs,
    optional,
    parts_with_text,
    plain,
    record_input,
    record_type,
)
from schema.types.identity import node_id
from schema.types.node import Node
from schema.types.payment import Payment

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
class Order(Node):
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


@record_input(OrderQueryRecord, description="Which orders; a part of a house needs those before it (订单筛选).")
class OrderFilter:
    fee_type: FeeType | None = optional("The kind of fee; excludes title, and OTHER cannot be asked for (收费类型).")


def refuse_filters(filters: OrderFilter | None, whose: str, *names: str) -> None:
    """Raises UserInputError where a filter is given that the object around it decides."""
    for name in names:
        if filters is not None and getattr(filters, name) is not None:
            raise UserInputError(f"filter.{name}", f"filter.{name} cannot be given here: the {whose} is this one.")


_FILTERS = declared_fields(OrderQueryRecord)

FilterOrders = Annotated[OrderFilter | None, strawberry.argument(description="Which orders (订单筛选).")]


OrdersLoad: TypeAlias = Lookup[OrdersKey, Slice[OrderRecord]]


def load_orders(
    info: Info, community_code: str, filters: OrderFilter | None, part: Window, **fixed: str | int | None
) -> OrdersLoad | None:
    """Orders of a community; None when the caller may not see it. `fixed` are filters that are not the caller's own.

    Raises UserInputError for a code or filter that is none. Who asks for somebody's orders may be guessing at what is
    masked: such filters of the caller's make it a look-up of people.
    """
    code = community(community_code)
    query = _query(filters)
    if not info.context.principal.sees(code):
        return None
    asked = msgspec.structs.replace(query, **fixed) if fixed else query
    load: Load[OrdersKey, Slice[OrderRecord]] = Load(info.context.loaders.orders, OrdersKey(code, asked, *part))
    return info.context.counted(load) if query.names_someone else load


def _query(filters: OrderFilter | None) -> OrderQueryRecord:
    """What to ask the platform for. Raises UserInputError (quirks 103, 147, 151)."""
    if filters is None:
        return NO_FILTERS
    given = {name: getattr(filters, name) for name in _FILTERS}
    _require_outer_parts(given)
    asked = {name: _asked(declared, given[name]) for name, declared in _FILTERS.items()}
    return OrderQueryRecord(**asked | {"title": _title(filters, given["title"])})


def _asked(declared: DeclaredField, value: Any) -> Any:
    argument = f"filter.{declared.path}"
    if isinstance(value, str) and not isinstance(value, WireEnum):
        if not value.strip():
            raise UserInputError(argument, f"{argument} must not be empty: leave it out instead.")
        return value.strip() if declared.field.kind is IDENTIFIER else value  # the platform compares every character
    return recognized(value, argument) if isinstance(value, WireEnum) else value


def _require_outer_parts(given: Mapping[str, object]) -> None:
    missing = None
    for name in ("building", "unit", "floor", "room"):
        if given[name] is None:
            missing = missing or name
        elif missing is not None:
            raise UserInputError(f"filter.{name}", f"filter.{name} needs filter.{missing}.")


def _title(filters: OrderFilter, title: str | None) -> str | None:
    if filters.fee_type is None:
        return title
    if title is not None:
        raise UserInputError("filter.feeType", "filter.feeType and filter.title exclude each other.")
    if filters.fee_type is FeeType.OTHER:
        raise UserInputError("filter.feeType", "filter.feeType cannot be OTHER: that is no title.")
    return filters.fee_type.wire_label
