"""Payment notifications and where their delivery stands (document 2.2)."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import strawberry

from gateway.actions.payment import Notification
from gateway.actions.write import Written
from gateway.auth.node_ids import resolve_node_id
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.journal import records
from gateway.journal.listing import PaymentQuery
from gateway.loaders.event_streams import Happened, Happenings
from gateway.loaders.order import OrderKey
from gateway.loaders.paging import KeyedSlice
from gateway.normalise.order import Order as OrderRecord
from gateway.normalise.states import DeliveryState, PaymentEventKind
from gateway.wording.wording import Violation
from schema import writes
from schema.arguments import OptionalCommunityCode, get_communities, wrong_name, wrong_period
from schema.connection import Window, connection_field, listed
from schema.costs import ONE_CALL, ONE_ORDER, PAYMENTS
from schema.event import NULL_RECORD, After, Event, make_cursor, nothing, renewed
from schema.fields import needs, node_id, optional, plain, record_type
from schema.operation import MutationPayload
from schema.record import Node, its_community

if TYPE_CHECKING:
    from schema.order import Order


LONGEST_NUMBER = 64


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
        description="Its order, looked for as `order` does; null while its community is "
        "unknown, or where the community has no such order (订单).",
        directives=needs([Scope.ORDER_READ]),
        graphql_type=Annotated["Order", strawberry.lazy("schema.order")] | None,
        metadata=ONE_ORDER,
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


Filter = Annotated[
    PaymentFilter | None, strawberry.argument(description="Which payment notifications; omitted: all (缴费通知筛选).")
]


def _wrong(asked: PaymentFilter | None) -> Iterator[Violation]:
    """What is wrong with the filter."""
    if asked is not None:
        yield from wrong_name(asked.order_number, LONGEST_NUMBER, "filter", "orderNumber")
        yield from wrong_period(asked.since, asked.until, "filter")


@strawberry.type
class PaymentQueries:
    @connection_field(
        Payment,
        "Payment notifications, newest first. One whose order no list has shown yet has no community, and is seen by "
        "callers of every community only (缴费通知列表).",
        "payment:read",
        metadata=PAYMENTS,
        cursors="rows",
        wrong_filter=_wrong,
    )
    async def payments(
        self,
        info: Info,
        part: Window,
        community_code: OptionalCommunityCode = None,
        filter: Filter = None,
    ) -> KeyedSlice[records.Payment] | None:
        codes = get_communities(info, community_code)
        refuse_input(_wrong(filter))
        if codes is not None and not codes:
            return None
        query = PaymentQuery(communities=codes, **vars(filter or PaymentFilter()))
        found = await info.context.journal.payments.list(query, part.cut)
        return listed(found, part, Load(info.context.loaders.payment_count, query))


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
        return writes.finished(
            info, await info.context.actions.payment.pay_callback(info.context.principal, notification)
        )

    @strawberry.mutation(
        description="Queue a dead delivery again (重新投递).",
        directives=needs(["payment:write"]),
        graphql_type=PayCallbackPayload | None,
        metadata=ONE_CALL,
    )
    async def retry_payment(self, info: Info, id: PaymentId) -> Written:
        node = resolve_node_id(info.context.principal, info.context.ids, id, "Payment")
        payment = node and await info.context.journal.payments.get(str(node.parts[0]))
        return writes.finished(info, await info.context.actions.payment.retry(info.context.principal, payment or None))


@record_type(Happened, description="What happened to a payment notification (缴费通知事件).")
class PaymentEvent(Event):
    @strawberry.field(description="What happened; RECEIVED, too, where no notification is named (事件类型).")
    def kind(root: strawberry.Parent[Happened]) -> PaymentEventKind:
        return PaymentEventKind.RECEIVED if root.kind is None else PaymentEventKind(root.kind)

    @strawberry.field(
        description=f"The notification as it is now; {NULL_RECORD} (缴费通知).",
        directives=needs(["payment:read"]),
        graphql_type=Payment | None,
    )
    async def payment(root: strawberry.Parent[Happened], info: Info) -> records.Payment | None:
        payment = root.record_id and await info.context.journal.payments.get(root.record_id)
        return payment if payment and info.context.principal.sees(payment.community_code) else None


@strawberry.type
class PaymentSubscriptions:
    @strawberry.subscription(
        description="What happens to payment notifications; without a community to all that the caller may see. One "
        "whose order no list has shown yet has no community, and is seen by callers of every community; the others get "
        "RECEIVED when a list has shown it. Ends at once for a community that is not the caller's to see "
        "(缴费通知事件).",
        directives=needs(["payment:read"]),
        graphql_type=PaymentEvent,
    )
    def payment_events(
        self, info: Info, community_code: OptionalCommunityCode = None, after: After = None
    ) -> Happenings:
        codes, cursor = get_communities(info, community_code), make_cursor(info, after)
        if codes is not None and not codes:
            return nothing()
        return renewed(info, info.context.event_streams.of_payments(codes, cursor))
