"""Payment notifications by an operator's hand."""

from typing import Annotated

import strawberry

from gateway.actions.payment import Notification
from gateway.actions.write import Written
from gateway.auth.node_ids import resolve_node_id
from gateway.context import Info
from gateway.journal import records
from schema.mutations.input import finished
from schema.types.costs import ONE_CALL
from schema.types.fields import needs, record_type
from schema.types.payload import MutationPayload
from schema.types.payment import Payment


@strawberry.input(description="A payment notification, as the resident platform sends it (缴费通知).")
class PayCallbackInput:
    order_number: str = strawberry.field(description="The order's number (订单编号).")
    shop_number: str = strawberry.field(description="The merchant's number (商户单号).")
    weixin_number: str = strawberry.field(description="WeChat's number (微信单号).")


Notify = Annotated[PayCallbackInput, strawberry.argument(description="The notification (输入).")]
PaymentId = Annotated[strawberry.ID, strawberry.argument(description="A payment's node id (缴费通知标识).")]


@record_type(Written, description="What became of a payment notification (缴费通知结果).")
class PayCallbackPayload(MutationPayload):
    @strawberry.field(
        description="The notification; null when it was not taken, and for callers who may not see its community "
        "(缴费通知).",
        directives=needs(["payment:read"]),
        graphql_type=Payment | None,
    )
    async def payment(root: strawberry.Parent[Written], info: Info) -> records.Payment | None:
        record = root.operation.record if root.operation else None
        payment = record and await info.context.journal.payments.get(record.platform_id)
        return payment if payment and info.context.principal.sees(payment.community_code) else None


@strawberry.type
class PaymentMutations:
    @strawberry.mutation(
        description="Hand in a payment notification. CONFIRMED: stored, delivery shows in its state. The same "
        "one again changes nothing; other numbers for a known order are a CONFLICT (接收缴费信息).",
        directives=needs(["payment:write"]),
        graphql_type=PayCallbackPayload | None,
        metadata=ONE_CALL,
    )
    async def pay_callback(self, info: Info, input: Notify) -> Written:
        notification = Notification(input.order_number, input.shop_number, input.weixin_number)
        return finished(info, await info.context.actions.payment.pay_callback(info.context.principal, notification))

    @strawberry.mutation(
        description="Queue a dead delivery again (重新投递).",
        directives=needs(["payment:write"]),
        graphql_type=PayCallbackPayload | None,
        metadata=ONE_CALL,
    )
    async def retry_payment(self, info: Info, id: PaymentId) -> Written:
        node = resolve_node_id(info.context.principal, info.context.ids, id, "Payment")
        payment = node and await info.context.journal.payments.get(str(node.parts[0]))
        return finished(info, await info.context.actions.payment.retry(info.context.principal, payment or None))
