"""Payment notifications as they arrive."""

import strawberry

from gateway.context import Info
from gateway.events import Event
from gateway.journal import records
from schema.subscriptions.stream import Stream, follow, nothing
from schema.types.arguments import OptionalCommunityCode, get_communities
from schema.types.fields import needs
from schema.types.payment import Payment


@strawberry.type
class PaymentSubscriptions:
    @strawberry.subscription(
        description="Payment notifications as they arrive, each once; without a community all that the caller may see. "
        "One whose order no list has shown yet has no community, and goes to callers of every community; to the "
        "others a moment after a list has. Ends at once for a community that is not the caller's to see (缴费通知).",
        directives=needs(["payment:read"]),
        graphql_type=Payment | None,
        deprecation_reason="Use paymentEvents: it says what happened, and goes on after an interruption.",
    )
    def order_paid(self, info: Info, community_code: OptionalCommunityCode = None) -> Stream[records.Payment]:
        codes = get_communities(info, community_code)
        if codes is not None and not codes:
            return nothing()

        async def read(event: Event) -> records.Payment | None:
            payment = await info.context.journal.payments.get(event.record_id)
            if payment is None or (codes is not None and payment.community_code not in codes):
                return None
            return payment

        payments = info.context.watches.payment(placed=codes is not None)
        return follow(info, payments, read, lambda payment: payment.id, once=True)
