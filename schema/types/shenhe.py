"""Registration reviews (document 1.2)."""

from typing import Annotated

import strawberry

from gateway.actions.identity import part_of_review
from gateway.auth.masking import mask_content_raw
from gateway.auth.principal import Scope
from gateway.context import REVEALING, Info
from gateway.execution.variants import attribute_in
from gateway.loaders import lists
from gateway.normalise.shenhe import Shenhe as ShenheRecord
from gateway.normalise.shenhe import ShenheQuery
from gateway.normalise.shenhe_content import ShenheContent as ShenheContentRecord
from gateway.normalise.shenhe_content import ShenheHouse as ShenheHouseRecord
from gateway.normalise.shenhe_content import ShenhePeople as ShenhePeopleRecord
from gateway.normalise.verification import applied_house
from gateway.normalise.vocabulary import ShenheStatus
from schema.types.belonging import its_community
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import needs, plain, record_input, record_type
from schema.types.history import with_history
from schema.types.house import House
from schema.types.identity import node_id
from schema.types.node import Node
from schema.types.person import Person
from schema.types.record_list import CommunityList
from schema.types.verification import ShenheVerification


@record_type(
    ShenhePeopleRecord,
    description="The applicant, as submitted (申请人).",
    identity=part_of_review("content.people."),
)
class ShenhePeople(Person):
    pass


@record_type(
    ShenheHouseRecord,
    description="The house applied for, as submitted (申请房屋).",
    identity=part_of_review("content.house."),
)
class ShenheHouse:
    house: House | None = plain(
        "The same house on the security platform, in the community of the review (房屋).", "people:read"
    )
    data_issues: list[DataIssue] = data_issues()


@record_type(
    ShenheContentRecord,
    description="What the applicant submitted (审核数据).",
    identity=part_of_review("content."),
)
class ShenheContent:
    user_id: int | None = plain("The applicant's number in the mini program (用户id).")
    people: ShenhePeople | None = plain("The applicant (申请人).")
    house: ShenheHouse | None = plain("The house applied for (申请房屋).")
    raw: str | None = strawberry.field(
        resolver=attribute_in(REVEALING, "raw", otherwise=mask_content_raw),
        description="Exactly what the platform sent; personal values masked for this caller (原文).",
    )

    @strawberry.field(description="Names of the fields masked for this caller (脱敏字段).")
    def masked_fields(root: strawberry.Parent[ShenheContentRecord], info: Info) -> list[str]:
        return [] if root.raw is None or info.context.principal.reveals_pii else ["raw"]


@record_type(ShenheRecord, description="A registration review: an application that staff decide (审核).")
@with_history()
class Shenhe(Node):
    content: ShenheContent | None = plain("What was submitted; null when unreadable, see dataIssues (审核数据).")
    data_issues: list[DataIssue] = data_issues()

    id: strawberry.ID = node_id("Shenhe", "platform_id", "The review's node id (节点标识).")
    community = its_community("when it was reached by the bare number")

    @strawberry.field(description="Whether it is pending and this caller may decide it (是否可审核).")
    def can_review(root: strawberry.Parent[ShenheRecord], info: Info) -> bool:
        principal = info.context.principal
        return (
            root.status is ShenheStatus.PENDING
            and principal.may(Scope.SHENHE_REVIEW)
            and principal.sees(root.community_code)
        )

    @strawberry.field(
        description="The application held against the security platform: what a reviewer needs to decide; null when "
        "there is no readable application (核验).",
        directives=needs(["people:read"]),
        graphql_type=ShenheVerification | None,
    )
    def verification(root: strawberry.Parent[ShenheRecord]) -> ShenheRecord | None:
        if root.content is None or (root.content.people is None and applied_house(root) is None):
            return None
        return root


@record_input(ShenheQuery, description="Which reviews (审核筛选).")
class ShenheFilter:
    pass


FilterShenhes = Annotated[ShenheFilter | None, strawberry.argument(description="Which reviews (审核筛选).")]

SHENHES = CommunityList(
    records=lists.SHENHES,
    node=Shenhe,
    filter=FilterShenhes,
    name="shenhe",
    noun="review",
    chinese="审核",
    of_community="Reviews of a community (审核列表).",
    listed="Registration reviews (审核).",
    count=("pending_shenhes", "Reviews to decide (待审核数)."),
    changes="new applications and decisions, whoever makes them",
)
