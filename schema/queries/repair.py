"""Repairs."""

from typing import Annotated

import strawberry

from gateway.auth.access import reach
from gateway.context import Info
from gateway.execution.load import Load
from gateway.loaders.paging import Slice
from gateway.loaders.repair import RepairKey, RepairsKey
from gateway.normalise.repair import Repair as RepairRecord
from schema.types.arguments import CommunityCode
from schema.types.connection import After, Connection, First, PageNumber, window
from schema.types.costs import ONE_CALL, REPAIRS
from schema.types.fields import needs
from schema.types.repair import FilterRepairs, Repair, load_repairs

Id = Annotated[
    strawberry.ID,
    strawberry.argument(
        description="Its node id; or the platform's number, from callers of every community (报修标识)."
    ),
]


@strawberry.type
class RepairQueries:
    @strawberry.field(
        description="One repair; null when there is none, or it is not the caller's to see (报修).",
        directives=needs(["repair:read"]),
        graphql_type=Repair | None,
        metadata=ONE_CALL,
    )
    def repair(self, info: Info, id: Id) -> Load[RepairKey, RepairRecord | None] | None:
        node = reach(info.context.principal, info.context.ids, id, "Repair")
        return node and Load(info.context.loaders.repair, RepairKey(int(node.parts[0]), node.community_code))

    @strawberry.field(
        description="Repairs of a community; without a status both, the open ones first (报修列表).",
        directives=needs(["repair:read"]),
        graphql_type=Connection[Repair] | None,
        metadata=REPAIRS,
    )
    def repairs(
        self,
        info: Info,
        community_code: CommunityCode,
        filter: FilterRepairs = None,
        first: First = 20,
        after: After = None,
        page: PageNumber = None,
    ) -> Load[RepairsKey, Slice[RepairRecord]] | None:
        return load_repairs(info, community_code, filter, window(first, after, page))
