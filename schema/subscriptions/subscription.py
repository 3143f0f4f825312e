"""What happened, with a place to go on from after an interruption."""

from typing import Any

import strawberry

from gateway.context import Info
from gateway.loaders.event_streams import Happenings
from schema.types.arguments import CommunityCode, OptionalCommunityCode, community, get_communities
from schema.types.event import LIST_EVENTS, After, OperationEvent, PaymentEvent, make_cursor, renewed
from schema.types.fields import needs, with_fields
from schema.types.lists import LISTS
from schema.types.record_list import CommunityList


def _list_events(shown: CommunityList) -> Any:
    def resolve(info: Info, community_code: CommunityCode, after: After = None) -> Happenings:
        code, cursor = community(community_code), make_cursor(info, after)
        if not info.context.principal.sees(code):
            return nothing()
        return renewed(info, info.context.event_streams.of_list(shown.records, code, cursor))

    return strawberry.subscription(
        resolver=resolve,
        description=f"What happens to {shown.noun}s of a community: {shown.changes}. Ends at once for a community that "
        f"is not the caller's to see ({shown.chinese}事件).",
        directives=needs([shown.records.scope]),
        graphql_type=LIST_EVENTS[shown.name],
    )


async def nothing() -> Happenings:
    """Ends at once: what the caller asks for is not theirs to see."""
    return
    yield


@strawberry.type(description="All events (订阅).")
@with_fields({f"{shown.name}_events": _list_events(shown) for shown in LISTS if shown.name in LIST_EVENTS})
class Subscription:
    """Of each list that is watched, of payments and of the caller's own writes."""

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

    @strawberry.subscription(
        description="The caller's own writes whose outcome was UNKNOWN and is known now (写入事件).",
        graphql_type=OperationEvent,
    )
    def operation_events(self, info: Info, after: After = None) -> Happenings:
        cursor = make_cursor(info, after)
        return renewed(info, info.context.event_streams.of_operations(info.context.principal.subject, cursor))
