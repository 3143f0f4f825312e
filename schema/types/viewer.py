"""Who asks."""

import strawberry

from gateway.context import Info
from schema.types.community import community_list


@strawberry.type(description="The caller: who, with which rights, in which communities (当前用户).")
class Viewer:
    @strawberry.field(description="The caller's name in the token (主体).")
    def subject(self, info: Info) -> str:
        return info.context.principal.subject

    @strawberry.field(description="The caller's scopes (权限范围).")
    def scopes(self, info: Info) -> list[str]:
        return sorted(info.context.principal.scopes)

    @strawberry.field(description="Codes of the communities the caller may see; null: all (小区标识).")
    def community_codes(self, info: Info) -> list[strawberry.ID] | None:
        codes = info.context.principal.communities
        return None if codes is None else [strawberry.ID(code) for code in sorted(codes)]

    @strawberry.field(description="Whether no community is closed to the caller (能否查看全部小区).")
    def sees_all_communities(self, info: Info) -> bool:
        return info.context.principal.sees_all

    communities = community_list("The communities that the caller may see")
