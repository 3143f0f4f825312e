"""Payment notifications and where their delivery stands (document 2.2)."""

from datetime import datetime

import strawberry

from gateway.context import Info
from gateway.journal import records
from schema.normalise.states import DeliveryState
from schema.types.fields import plain, record_type
from schema.types.node import Node


@record_type(records.Payment, description="A payment notification this gateway received and delivers (缴费通知).")
class Payment(Node):
    community_code: strawberry.ID | None = plain(
        "Code of the community of the order; null until an order with that number was seen through this gateway, and "
        "then visible only to callers of every community (小区标识)."
    )
    order_number: str = plain("The order's number (订单编号).")
    shop_number: str = plain("The merchant's number (商户单号).")
    weixin_number: str = plain("WeChat's number (微信单号).")
    state: DeliveryState = plain("Where the delivery stands (投递状态).")
    attempts: int = plain("How often delivery was tried (投递次数).")
    received_at: datetime = plain("When it was kept for good (接收时间).")
    delivered_at: datetime | None = plain("When the security platform had saved it (送达时间).")
    next_attempt_at: datetime | None = plain("When delivery is tried next (下次投递时间).")
    last_error: str | None = plain("The code of the last failure (最近错误).")

    @strawberry.field(description="The notification's node id (节点标识).")
    def id(root: strawberry.Parent[records.Payment], info: Info) -> strawberry.ID:
        return strawberry.ID(info.context.ids.encode("Payment", root.community_code, root.id))
