"""What does not arrive as documented."""

import strawberry

from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.loaders.data_quality import Finding
from schema.types.arguments import OptionalCommunityCode, get_communities
from schema.types.data_quality import DataQualityFinding
from schema.types.fields import needs


@strawberry.type
class DataQualityQueries:
    @strawberry.field(
        description="What does not arrive as documented: data issues, the most frequent first, as far as this process "
        "has read since it started; each of several workers has its own, and `gateway_data_issues_total` of `/metrics` "
        "has all. People, and what is of no known community, are counted "
        "for callers of every community only. Null when the community is not the caller's to see (数据质量).",
        directives=needs([Scope.OPERATION_READ]),
        graphql_type=list[DataQualityFinding] | None,
    )
    def data_quality(self, info: Info, community_code: OptionalCommunityCode = None) -> list[Finding] | None:
        codes = get_communities(info, community_code)
        if codes is not None and not codes:
            return None
        return info.context.loaders.findings(codes)
