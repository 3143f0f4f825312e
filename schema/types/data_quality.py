"""What does not arrive as documented, for those who take it up with a platform."""

from datetime import datetime

import strawberry

from gateway.actions.identity import public_id
from gateway.context import Info
from gateway.loaders import data_quality
from gateway.normalise.vocabulary import DataProblem, PlatformName
from schema.types.fields import plain, record_type


@record_type(
    data_quality.Finding,
    description="A field of an endpoint whose values do not arrive as documented (数据质量问题).",
)
class DataQualityFinding:
    platform: PlatformName = plain("The platform that sends it (来源平台).")
    endpoint: str = plain("The gateway's name of the endpoint, as in `platforms` (接口名称).")
    field: str = plain("Dotted path of public field names from the record (字段).")
    problem: DataProblem = plain("What is wrong with it (问题).")
    count: int = plain("How many values, since this process began to see it (次数).")
    first_seen_at: datetime = plain("When it was seen first (首次发现时间).")
    last_seen_at: datetime = plain("When it was seen last (最近发现时间).")

    @strawberry.field(
        description="Node id of a record that shows it, the one seen last; null where none has an id (示例记录标识)."
    )
    def sample_id(root: strawberry.Parent[data_quality.Finding], info: Info) -> strawberry.ID | None:
        return None if root.sample is None else strawberry.ID(public_id(info.context.ids, root.sample))
