"""Records of a community's lists as they change."""

from typing import Any

import strawberry

from gateway.context import Info
from gateway.events import Event
from gateway.loaders.record_list import Watched
from schema.subscriptions.stream import Stream, follow, nothing
from schema.types.arguments import CommunityCode, community
from schema.types.costs import ONE_CALL
from schema.types.fields import needs, with_fields
from schema.types.record_list import CommunityList
from schema.types.repair import REPAIRS
from schema.types.shenhe import SHENHES


def _changes_field(shown: CommunityList, watched: Watched[Any]) -> Any:
    records = shown.records

    def resolve(info: Info, community_code: CommunityCode) -> Stream[Any]:
        code = community(community_code)
        if not info.context.principal.sees(code):
            return nothing()

        async def read(event: Event) -> Any:
            is_here = event.community_code == code
            return await info.context.loaders.record(records, event.record_id, code) if is_here else None

        return follow(info, info.context.watches.changes(records, code), read, watched.state)

    return strawberry.subscription(
        resolver=resolve,
        description=f"{shown.noun.capitalize()}s of a community as they change: {shown.changes}. Ends at once for a "
        f"community that is not the caller's to see ({shown.chinese}变动).",
        directives=needs([records.scope]),
        graphql_type=shown.node | None,
        metadata=ONE_CALL,
        deprecation_reason=f"Use {shown.name}Events: it says what happened, and goes on after an interruption.",
    )


@strawberry.type
@with_fields(
    {
        f"{shown.name}_changed": _changes_field(shown, watched)
        for shown in (SHENHES, REPAIRS)
        if (watched := shown.records.watched)
    }
)
class RecordListSubscriptions:
    """Of the lists that had them first; the others have events alone."""
