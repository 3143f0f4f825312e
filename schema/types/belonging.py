"""How types declare which community their records belong to."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from gateway.context import Info
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
