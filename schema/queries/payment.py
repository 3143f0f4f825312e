"""Payment notifications this gateway received."""

from typing import Annotated

import strawberry

from gateway.context import Info
from gateway.journal import records
from gateway.loaders.paging import Slice
from gateway.normalise.states import DeliveryState
from schema.types.arguments import OptionalCommunityCode, communities_of
from schema.types.connection import Window, connection_field
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
    @connection_field(
        Payment,
        "Payment notifications, newest first. One whose order no list has shown yet has no community, and is seen by "
        "callers of every community only (缴费通知列表).",
        "payment:read",
    )
    async def payments(
        self,
        info: Info,
        part: Window,
        community_code: OptionalCommunityCode = None,
        state: State = None,
        conflicting: Conflicting = None,
    ) -> Slice[records.Payment] | None:
        codes = communities_of(info, community_code)
        if codes is not None and not codes:
            return None
        found = await info.context.journal.payments.list(codes, state, part.offset, part.first, conflicting=conflicting)
        return Slice(found.items, part.offset, part.first, found.total)
