"""Who asks."""

import strawberry

from gateway.context import Info


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
