"""Which community a record belongs to, and which there are for the caller."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from gateway.context import Info
from gateway.execution.load import Load
from gateway.loaders.module import ModuleStates
from gateway.normalise import composed

if TYPE_CHECKING:
    from schema.types.community import Community

CommunityType = Annotated["Community", strawberry.lazy("schema.types.community")]


def its_community(unknown: str = "") -> Any:
    """The community of a record. `unknown` says when it is null; without it, it never is."""

    def resolve(root: strawberry.Parent[Any], info: Info) -> composed.Community | None:
        code = root.community_code
        return composed.Community(code) if code is not None and info.context.principal.sees(code) else None

    return strawberry.field(
        resolver=resolve,
        description=f"Its community{unknown and f'; null {unknown}'} (小区).",
        graphql_type=CommunityType | None if unknown else CommunityType,
    )


async def community_codes(info: Info) -> Iterable[str]:
    """The codes of all communities that the caller may see. Raises GatewayError where a platform has to be asked."""
    codes = info.context.communities
    if codes is not None:
        return codes
    states: ModuleStates = await Load(info.context.loaders.module_states, "all")
    return sorted(states)
