"""Communities."""

from typing import Annotated

import strawberry

from gateway.context import Info
from gateway.normalise import composed
from schema.types.arguments import community
from schema.types.community import Community, community_list

Code = Annotated[
    strawberry.ID,
    strawberry.argument(description='Its code, such as "10002" or "00001": a text, zeros kept (小区标识).'),
]


@strawberry.type
class CommunityQueries:
    @strawberry.field(
        description="A community by its code; null when the caller may not see it. No platform says whether a code "
        "exists (小区).",
        graphql_type=Community | None,
    )
    def community(self, info: Info, code: Code) -> composed.Community | None:
        checked = community(code, "code")
        return composed.Community(checked) if info.context.principal.sees(checked) else None

    communities = community_list("The communities that the caller may see")
