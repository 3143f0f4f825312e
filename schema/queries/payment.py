"""Payment notifications this gateway received."""

from collections.abc import Iterator
from typing import Annotated

import strawberry

from gateway.context import Info
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.journal import records
from gateway.journal.listing import PaymentQuery
from gateway.loaders.paging import KeyedSlice
from gateway.wording.wording import Violation
from schema.queries.order import LONGEST_NUMBER
from schema.types.arguments import OptionalCommunityCode, get_communities, wrong_name, wrong_period
from schema.types.connection import Window, connection_field, listed
from schema.types.costs import PAYMENTS
from schema.types.payment import Payment, PaymentFilter

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
        asked = filter or PaymentFilter()
        query = PaymentQuery(
            communities=codes,
            state=asked.state,
            conflicting=asked.conflicting,
            order_number=asked.order_number,
            since=asked.since,
            until=asked.until,
        )
        found = await info.context.journal.payments.list(query, part.cut)
        return listed(found, part, Load(info.context.loaders.payment_count, query))
