"""Feature modules."""

import strawberry

from gateway.context import Info
from gateway.execution.load import Load
from gateway.normalise.module import Module as ModuleRecord
from schema.types.arguments import CommunityCode
from schema.types.costs import ONE_CALL
from schema.types.fields import needs
from schema.types.module import Module, load_modules


@strawberry.type
class ModuleQueries:
    @strawberry.field(
        description="The feature modules of a community, as wjdh switches them (功能模块列表).",
        directives=needs(["module:read"]),
        graphql_type=list[Module] | None,
        metadata=ONE_CALL,
    )
    def modules(self, info: Info, community_code: CommunityCode) -> Load[str, tuple[ModuleRecord, ...]] | None:
        return load_modules(info, community_code)
