"""Registration reviews."""

from typing import Annotated

import strawberry

from gateway.auth.access import reach
from gateway.context import Info
from gateway.execution.load import Load
from gateway.loaders.paging import Slice
from gateway.loaders.shenhe import ShenheKey, ShenhesKey
from gateway.normalise.shenhe import Shenhe as ShenheRecord
from schema.types.arguments import CommunityCode
from schema.types.connection import After, Connection, First, PageNumber, window
from schema.types.costs import ONE_CALL, SHENHES
from schema.types.fields import needs
from schema.types.shenhe import FilterShenhes, Shenhe, load_shenhes

Id = Annotated[
    strawberry.ID,
    strawberry.argument(
        description="Its node id; or the platform's number, from callers of every community (审核标识)."
    ),
]


@strawberry.type
class ShenheQueries:
    @strawberry.field(
        description="One review; null when there is none, or it is not the caller's to see (审核).",
        directives=needs(["shenhe:read"]),
        graphql_type=Shenhe | None,
        metadata=ONE_CALL,
    )
    def shenhe(self, info: Info, id: Id) -> Load[ShenheKey, ShenheRecord | None] | None:
        node = reach(info.context.principal, info.context.ids, id, "Shenhe")
        return node and Load(info.context.loaders.shenhe, ShenheKey(int(node.parts[0]), node.community_code))

    @strawberry.field(
        description="Reviews of a community (审核列表).",
        directives=needs(["shenhe:read"]),
        graphql_type=Connection[Shenhe] | None,
        metadata=SHENHES,
    )
    def shenhes(
        self,
        info: Info,
        community_code: CommunityCode,
        filter: FilterShenhes = None,
        first: First = 20,
        after: After = None,
        page: PageNumber = None,
    ) -> Load[ShenhesKey, Slice[ShenheRecord]] | None:
        return load_shenhes(info, community_code, filter, window(first, after, page))
