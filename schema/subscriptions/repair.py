"""Repairs as they change."""

import strawberry

from gateway.context import Info
from gateway.events import Event
from gateway.execution.load import Load
from gateway.loaders.repair import RepairKey
from gateway.loaders.watch import repair_state
from gateway.normalise.repair import Repair as RepairRecord
from schema.subscriptions.stream import Stream, follow, nothing
from schema.types.arguments import CommunityCode, community
from schema.types.costs import ONE_CALL
from schema.types.fields import needs
from schema.types.repair import Repair


@strawberry.type
class RepairSubscriptions:
    @strawberry.subscription(
        description="Repairs of a community as they change: new ones, and those answered, resolved or reopened. Ends "
        "at once for a community that is not the caller's to see (报修变动).",
        directives=needs(["repair:read"]),
        graphql_type=Repair | None,
        metadata=ONE_CALL,
    )
    def repair_changed(self, info: Info, community_code: CommunityCode) -> Stream[RepairRecord]:
        code = community(community_code)
        if not info.context.principal.sees(code):
            return nothing()

        async def read(event: Event) -> RepairRecord | None:
            if event.community_code != code:
                return None
            repair: RepairRecord | None = await Load(info.context.loaders.repair, RepairKey(int(event.record_id), code))
            return repair

        return follow(info, info.context.watches.repair(code), read, repair_state)
