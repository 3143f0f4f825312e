"""What does not arrive as documented, for those who take it up with a platform."""

from datetime import datetime

import strawberry

from gateway.actions.identity import public_id
from gateway.context import Info
from gateway.loaders import data_quality
from gateway.normalise.vocabulary import DataProblem, DriftKind, PlatformName
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
    count: int = plain("How many values, since this process began to see it; with drift, since any did (次数).")
    first_seen_at: datetime = plain("When it was seen first (首次发现时间).")
    last_seen_at: datetime = plain("When it was seen last (最近发现时间).")

    drift: DriftKind | None = plain(
        "What is new about it since the deployment's profile was written; null for data issues (新情况)."
    )
    record: str | None = plain("With drift: the kind of record, as in a profile (记录类型).")
    key: str | None = plain("With drift: the key on the wire (原始字段名).")
    found: str | None = plain(
        "With drift: the new word, or the type of JSON that came; '(withheld)' for a word that may be a person's "
        "(新词或类型)."
    )
    rows: int | None = plain(
        "With drift: of how many rows that were looked at, by all gateways, since it was seen first (检查行数)."
    )

    @strawberry.field(
        description="Node id of a record that shows it, the one seen last; null where none has an id (示例记录标识)."
    )
    def sample_id(root: strawberry.Parent[data_quality.Finding], info: Info) -> strawberry.ID | None:
        return None if root.sample is None else strawberry.ID(public_id(info.context.ids, root.sample))
