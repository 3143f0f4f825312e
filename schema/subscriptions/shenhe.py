"""Registration reviews as they change."""

import strawberry

from gateway.context import Info
from gateway.events import Event
from gateway.execution.load import Load
from gateway.loaders.shenhe import ShenheKey
from gateway.loaders.watch import shenhe_state
from gateway.normalise.shenhe import Shenhe as ShenheRecord
from schema.subscriptions.stream import Stream, follow, nothing
from schema.types.arguments import CommunityCode, community
from schema.types.costs import ONE_CALL
from schema.types.fields import needs
from schema.types.shenhe import Shenhe


@strawberry.type
class ShenheSubscriptions:
    @strawberry.subscription(
        description="Reviews of a community as they change: new applications and decisions, whoever makes them. Ends "
        "at once for a community that is not the caller's to see (审核变动).",
        directives=needs(["shenhe:read"]),
        graphql_type=Shenhe | None,
        metadata=ONE_CALL,
    )
    def shenhe_changed(self, info: Info, community_code: CommunityCode) -> Stream[ShenheRecord]:
        code = community(community_code)
        if not info.context.principal.sees(code):
            return nothing()

        async def read(event: Event) -> ShenheRecord | None:
            if event.community_code != code:
                return None
            review: ShenheRecord | None = await Load(info.context.loaders.shenhe, ShenheKey(int(event.record_id), code))
            return review

        return follow(info, info.context.watches.shenhe(code), read, shenhe_state)
