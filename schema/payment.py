"""Payment notifications and where their delivery stands (document 2.2)."""

from collections.abc import Iterator
from datetime import datetime

import msgspec
import strawberry
from strawberry.types.lazy_type import LazyType

from gateway.actions.action import Written
from gateway.auth.node_ids import resolve_node_id
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.execution.load import Load
from gateway.journal import records
from gateway.journal.listing import PaymentQuery
from gateway.loaders.event_streams import Happened, Happenings
from gateway.loaders.paging import Slice
from gateway.normalise.vocabulary import DeliveryState, PaymentEventKind
from gateway.orders.reads import OrderKey
from gateway.orders.record import Order as OrderRecord
from gateway.payments.writes import NO_SUCH_PAYMENT, NOT_FOR_SOME_COMMUNITIES, PayCallback, Received, RetryPayment
from gateway.wording.wording import Violation
from schema import record, writes
from schema.connection import Window, connection_field, listed
from schema.costs import ONE_CALL, ONE_ORDER
from schema.fields import derived, described, node_id, optional, plain, record_type, required, resolved, subscribed
from schema.operation import MutationPayload, written_field
from schema.record import Node, its_community

LONGEST_NUMBER = 64


@record_type(
    records.PaymentConflict,
    "A notification that was not accepted: its order or WeChat number is recorded with other numbers (缴费通知冲突).",
)
class PaymentConflict:
    order_number: str | None = plain(
        "Its order number; null if it is another order than the payment's, except for callers with all communities "
        "(订单编号)."
    )
    shop_number: str = plain("Its merchant's number (商户单号).")
    weixin_number: str = plain("Its WeChat number (微信单号).")
    received_at: datetime = plain("When it was first received (接收时间).")


@strawberry.input(description="Filter for payment notifications: all given conditions apply (缴费通知筛选).")
class PaymentFilter:
    state: DeliveryState | None = optional("State of the delivery (投递状态).")
    conflicting: bool | None = optional(
        "true: only those that another notification contradicts; false: only the others (有无冲突)."
    )
    order_number: str | None = optional("The order's number, exactly (订单编号).")
    since: datetime | None = optional("Received at this time or later (起始时间).")
    until: datetime | None = optional("Received before this time (截止时间).")

    def wrong(self) -> Iterator[Violation]:
        yield from record.wrong_name(self.order_number, LONGEST_NUMBER, "filter", "orderNumber")
        yield from record.wrong_period(self.since, self.until, "filter")


@record_type(records.Payment, "A payment notification this gateway received and delivers (缴费通知).")
class Payment(Node):
    community_code: strawberry.ID | None = plain(
        "Code of the order's community; null until this gateway has read the order in a list. Until then only "
        "callers with all communities see the notification (小区标识)."
    )
    order_number: str = plain("The order's number (订单编号).")
    shop_number: str = plain("The merchant's number (商户单号).")
    weixin_number: str = plain("WeChat's number (微信单号).")
    state: DeliveryState = plain("State of the delivery (投递状态).")
    attempts: int = plain("Number of delivery attempts (投递次数).")
    received_at: datetime = plain("When it was stored (接收时间).")
    delivered_at: datetime | None = plain("When the security platform saved it; null until then (送达时间).")
    next_attempt_at: datetime | None = plain("When delivery is tried next; null if it is not (下次投递时间).")
    last_error: str | None = plain("The code of the last failure; null if none (最近错误).")

    id: strawberry.ID = node_id("Payment", "id", "The notification's node id (节点标识).")
    community = its_community("while it is not known")

    @resolved()
    def order_id(root: records.Payment, info: Info) -> strawberry.ID | None:
        """Node id of its order; null while its community is unknown. Costs no call (订单节点标识)."""
        if root.community_code is None:
            return None
        return strawberry.ID(info.context.ids.encode("Order", root.community_code, root.order_number))

    @resolved(LazyType("Order", "schema.order") | None, Scope.ORDER_READ, cost=ONE_ORDER)
    def order(root: records.Payment, info: Info) -> Load[OrderKey, OrderRecord | None] | None:
        """Its order, looked up like `Query.order`; null while its community is unknown, or if the community has no
        such order (订单)."""
        if root.community_code is None:
            return None
        return Load(info.context.loaders.order, OrderKey(root.community_code, root.order_number))

    @resolved(list[PaymentConflict])
    def conflicts(root: records.Payment, info: Info) -> Load[str, tuple[records.PaymentConflict, ...]]:
        """Notifications that contradict this one, oldest first: the first 20 different ones, for staff to check
        (冲突通知)."""
        sees_all = info.context.principal.sees_all

        def visible(conflict: records.PaymentConflict) -> records.PaymentConflict:
            is_visible = sees_all or conflict.order_number == root.order_number
            return conflict if is_visible else msgspec.structs.replace(conflict, order_number=None)

        return Load(info.context.loaders.conflicts, root.id, lambda found: tuple(map(visible, found)))


class PaymentQueries:
    @connection_field(Payment, "payment:read")
    @described(filter="Filter for payment notifications; omitted: all (缴费通知筛选).")
    async def payments(
        self,
        info: Info,
        part: Window,
        community_code: record.OptionalCommunityCode = None,
        filter: PaymentFilter | None = None,
    ) -> Slice[records.Payment] | None:
        """Payment notifications, newest first. One whose order has not been read in a list has no community yet, and
        only callers with all communities see it (缴费通知列表)."""
        codes = record.get_communities(info, community_code)
        if codes is not None and not codes:
            return None
        query = PaymentQuery(communities=codes, **vars(filter or PaymentFilter()))
        return await listed(info, info.context.journal.payments, query, part)


@strawberry.input(description="A payment notification, as the resident platform sends it (缴费通知).")
class PayCallbackInput:
    order_number: str = required("The order's number (订单编号).")
    shop_number: str = required("The merchant's number (商户单号).")
    weixin_number: str = required("WeChat's number (微信单号).")


@record_type(Written, "Result of submitting a payment notification (缴费通知结果).")
class PayCallbackPayload(MutationPayload):
    payment = written_field(
        Payment,
        "The notification; null if it was not accepted or the caller may not see its community (缴费通知).",
        None,
    )


class PaymentMutations:
    @writes.mutation(PayCallback, PayCallbackPayload, ONE_CALL)
    @described(input="The notification (输入).")
    async def pay_callback(self, info: Info, input: PayCallbackInput) -> Written:
        """Submit a payment notification. CONFIRMED means stored; its `state` shows the delivery. The same
        notification again changes nothing; other numbers for a known order are a CONFLICT (接收缴费信息)."""
        principal = info.context.principal
        if not principal.sees_all:
            return NOT_FOR_SOME_COMMUNITIES
        numbers = records.Numbers(input.order_number, input.shop_number, input.weixin_number)
        return await writes.write_one(info, PayCallback, Received(numbers, principal.subject), None)

    @writes.mutation(RetryPayment, PayCallbackPayload, ONE_CALL)
    @described(id="A payment's node id (缴费通知标识).")
    async def retry_payment(self, info: Info, id: strawberry.ID) -> Written:
        """Queue a failed delivery (DEAD) again (重新投递)."""
        node = resolve_node_id(info.context.principal, info.context.ids, id, "Payment")
        payment = node and await info.context.journal.payments.get(node.identifier)
        return await writes.write_one(info, RetryPayment, payment, None) if payment else NO_SUCH_PAYMENT


@record_type(Happened, "What happened to a payment notification (缴费通知事件).")
class PaymentEvent(record.Event):
    kind = derived(
        PaymentEventKind,
        "What happened; also RECEIVED if `payment` is null (事件类型).",
        lambda root: PaymentEventKind(root.kind or PaymentEventKind.RECEIVED),
    )

    @resolved(
        Payment | None,
        "payment:read",
        description=f"The notification in its current state; {record.NULL_RECORD} (缴费通知).",
    )
    async def payment(root: Happened, info: Info) -> records.Payment | None:
        payment = root.record_id and await info.context.journal.payments.get(root.record_id)
        return payment if payment and info.context.principal.sees(payment.community_code) else None


class PaymentSubscriptions:
    @subscribed(PaymentEvent, "payment:read")
    def payment_events(
        self,
        info: Info,
        community_code: record.OptionalCommunityCode = None,
        community_codes: record.SeveralCodes = None,
        after: record.After = None,
    ) -> Happenings:
        """Events of payment notifications; without a community, of all that the caller may see. One whose order has
        not been read in a list has no community yet: only callers with all communities see it, the others get
        RECEIVED once the community is known. Communities that the caller may not see are left out; ends at once if
        none is left (缴费通知事件)."""
        codes, streams = record.get_communities(info, community_code, community_codes), info.context.event_streams
        is_visible = codes is None or bool(codes)
        return record.noticed(info, after, lambda cursor: streams.of_payments(codes, cursor), visible=is_visible)
