"""The platforms behind this gateway."""

import strawberry

from gateway.context import Info
from gateway.loaders.platform import PlatformStatus
from schema.types.platform import Platform


@strawberry.type
class PlatformQueries:
    @strawberry.field(
        description="Both platforms and their endpoints, as far as the gateway knows without asking them (平台状态).",
        graphql_type=list[Platform],
    )
    def platforms(self, info: Info) -> list[PlatformStatus]:
        return info.context.loaders.platforms()
