"""Payment notifications this gateway received."""

from typing import Annotated

import strawberry

from gateway.context import Info
from gateway.journal import records
from gateway.loaders.paging import Slice
from gateway.normalise.states import DeliveryState
from schema.types.arguments import OptionalCommunityCode, communities_of
from schema.types.connection import After, Connection, First, PageNumber, window
from schema.types.fields import needs
from schema.types.payment import Payment

State = Annotated[DeliveryState | None, strawberry.argument(description="Only those in this state (投递状态).")]

Conflicting = Annotated[
    bool | None,
    strawberry.argument(
        description="true: only those that another notification contradicts; false: no such (有无冲突)."
    ),
]


@strawberry.type
class PaymentQueries:
    @strawberry.field(
        description="Payment notifications, newest first. One whose order no list has shown yet has no community, and "
        "is seen by callers of every community only (缴费通知列表).",
        directives=needs(["payment:read"]),
        graphql_type=Connection[Payment] | None,
    )
    async def payments(
        self,
        info: Info,
        community_code: OptionalCommunityCode = None,
        state: State = None,
        conflicting: Conflicting = None,
        first: First = 20,
        after: After = None,
        page: PageNumber = None,
    ) -> Slice[records.Payment] | None:
        part = window(first, after, page)
        codes = communities_of(info, community_code)
        if codes is not None and not codes:
            return None
        found = await info.context.journal.payments.list(codes, state, part.offset, part.first, conflicting=conflicting)
        return Slice(found.items, *part, found.total)
