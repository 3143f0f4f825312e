"""Payment notifications and where their delivery stands (document 2.2)."""

from datetime import datetime

import msgspec
import strawberry

from gateway.context import Info
from gateway.execution.load import Load
from gateway.journal import records
from gateway.normalise.states import DeliveryState
from schema.types.belonging import its_community
from schema.types.fields import plain, record_type
from schema.types.identity import node_id
from schema.types.node import Node


@record_type(
    records.PaymentConflict,
    description="A notification that was not taken, as its order or WeChat number is known with other numbers. The "
    "numbers are null where an earlier version of the gateway has recorded it (缴费通知冲突).",
)
class PaymentConflict:
    order_number: str | None = plain(
        "The order's number it came with; null also for another order than the payment's, of which nobody knows the "
        "community, but for callers of every community (订单编号)."
    )
    shop_number: str | None = plain("The merchant's number it came with (商户单号).")
    weixin_number: str | None = plain("WeChat's number it came with (微信单号).")
    received_at: datetime = plain("When it came first (接收时间).")


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
