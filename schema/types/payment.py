"""Payment notifications and where their delivery stands (document 2.2)."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import strawberry

from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.execution.load import Load
from gateway.journal import records
from gateway.loaders.order import OrderKey
from gateway.normalise.order import Order as OrderRecord
from gateway.normalise.states import DeliveryState
from schema.types.belonging import its_community
from schema.types.costs import ANY_RECORD
from schema.types.fields import needs, optional, plain, record_type
from schema.types.identity import node_id
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.order import Order


@record_type(
    records.PaymentConflict,
    description="A notification that was not taken, as its order or WeChat number is known with other numbers "
    "(缴费通知冲突).",
)
class PaymentConflict:
    order_number: str | None = plain(
        "The order's number it came with; null for another order than the payment's, of which nobody knows the "
        "community, but for callers of every community (订单编号)."
    )
    shop_number: str = plain("The merchant's number it came with (商户单号).")
    weixin_number: str = plain("WeChat's number it came with (微信单号).")
    received_at: datetime = plain("When it came first (接收时间).")


@strawberry.input(description="Which payment notifications: all that is given has to be so (缴费通知筛选).")
class PaymentFilter:
    state: DeliveryState | None = optional("Where the delivery stands (投递状态).")
    conflicting: bool | None = optional(
        "true: only those that another notification contradicts; false: no such (有无冲突)."
    )
    order_number: str | None = optional("The order's number, exactly (订单编号).")
    since: datetime | None = optional("Received at this time or later (起始时间).")
    until: datetime | None = optional("Received before this time (截止时间).")


@record_type(records.Payment, description="A payment notification this gateway received and delivers (缴费通知).")
class Payment(Node):
    community_code: strawberry.ID | None = plain(
        "Code of the community of the order; null until a list of orders read through this gateway has shown it, "
        "and until then visible only to callers of every community (小区标识)."
    )
    order_number: str = plain("The order's number (订单编号).")
    shop_number: str = plain("The merchant's number (商户单号).")
    weixin_number: str = plain("WeChat's number (微信单号).")
    state: DeliveryState = plain("Where the delivery stands (投递状态).")
    attempts: int = plain("How often delivery was tried (投递次数).")
    received_at: datetime = plain("When it was stored (接收时间).")
    delivered_at: datetime | None = plain("When the security platform had saved it (送达时间).")
    next_attempt_at: datetime | None = plain("When delivery is tried next (下次投递时间).")
    last_error: str | None = plain("The code of the last failure (最近错误).")

    id: strawberry.ID = node_id("Payment", "id", "The notification's node id (节点标识).")
    community = its_community("while it is not known")

    @strawberry.field(
        description="Node id of its order; null while its community is unknown. Costs no call (订单节点标识)."
    )
    def order_id(root: strawberry.Parent[records.Payment], info: Info) -> strawberry.ID | None:
        if root.community_code is None:
            return None
        return strawberry.ID(info.context.ids.encode("Order", root.community_code, root.order_number))

    @strawberry.field(
        description="Its order, looked for page by page from the newest, as `order` does; null while its community is "
        "unknown, or where the community has no such order (订单).",
        directives=needs([Scope.ORDER_READ]),
        graphql_type=Annotated["Order", strawberry.lazy("schema.types.order")] | None,
        metadata=ANY_RECORD,
    )
    def order(root: strawberry.Parent[records.Payment], info: Info) -> Load[OrderKey, OrderRecord | None] | None:
        if root.community_code is None:
            return None
        return Load(info.context.loaders.order, OrderKey(root.community_code, root.order_number))

    @strawberry.field(
        description="Notifications that contradict this one, oldest first: the first 20 different ones are recorded. "
        "Somebody has to look into them (冲突通知).",
        graphql_type=list[PaymentConflict],
    )
    def conflicts(
        root: strawberry.Parent[records.Payment], info: Info
    ) -> Load[str, tuple[records.PaymentConflict, ...]]:
        sees_all = info.context.principal.sees_all

        def visible(found: tuple[records.PaymentConflict, ...]) -> tuple[records.PaymentConflict, ...]:
            return tuple(
                conflict
                if sees_all or conflict.order_number == root.order_number
                else msgspec.structs.replace(conflict, order_number=None)
                for conflict in found
            )

        return Load(info.context.loaders.conflicts, root.id, visible)
