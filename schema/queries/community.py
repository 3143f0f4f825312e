"""Communities."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from gateway.context import Info
from gateway.execution.load import Load
from gateway.loaders.module import ModuleStates
from gateway.normalise import composed
from schema.types.arguments import community
from schema.types.community import Community
from schema.types.costs import ASSUMED_COMMUNITIES, costs

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

    @strawberry.field(
        description="The communities the caller may see; for one who may see all: those the security platform reports "
        "(小区列表).",
        graphql_type=list[Community] | None,
        metadata=costs(calls=1, items=ASSUMED_COMMUNITIES),
    )
    async def communities(self, info: Info) -> list[composed.Community]:
        codes: Iterable[str] | None = info.context.principal.communities
        if codes is None:
            states: ModuleStates = await Load(info.context.loaders.module_states, "all")
            codes = states
        return [composed.Community(code) for code in sorted(codes)]
