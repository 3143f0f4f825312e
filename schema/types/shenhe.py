"""Registration reviews (document 1.2)."""

from datetime import datetime
from typing import Annotated

import strawberry

from gateway.actions.identity import part_of_review
from gateway.auth.masking import mask_content_raw
from gateway.auth.principal import Scope
from gateway.context import REVEALING, Info
from gateway.execution.load import Load
from gateway.execution.variants import attribute_in
from gateway.loaders.paging import Slice
from gateway.loaders.shenhe import ShenhesKey
from gateway.normalise.shenhe import Shenhe as ShenheRecord
from gateway.normalise.shenhe_content import ShenheContent as ShenheContentRecord
from gateway.normalise.shenhe_content import ShenheHouse as ShenheHouseRecord
from gateway.normalise.shenhe_content import ShenhePeople as ShenhePeopleRecord
from gateway.normalise.verification import applied_house
from gateway.normalise.vocabulary import (
    HouseOwnership,
    HouseStatus,
    HouseUse,
    OccupantType,
    ResidentRole,
    ShenheStatus,
    ShenheType,
)
from schema.types.arguments import community, recognized
from schema.types.connection import Window
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import free_text, masked_names, needs, plain, record_type
from schema.types.house import House
from schema.types.identity import node_id
from schema.types.node import Node
from schema.types.person import Person
from schema.types.verification import ShenheVerification


@record_type(
    ShenhePeopleRecord,
    description="The applicant, as submitted (申请人).",
    identity=part_of_review("content.people."),
)
class ShenhePeople(Person):
    user_id: int | None = plain("The applicant's number in the mini program (用户id).")


@record_type(
    ShenheHouseRecord,
    description="The house applied for, as submitted (申请房屋).",
    identity=part_of_review("content.house."),
)
class ShenheHouse:
    community_code: strawberry.ID | None = free_text(
        "The community in the applicant's form: a legacy number at times, no proof of anything (小区标识).",
        "community_code",
        observed=False,  # a code: what else stands there is nobody's
    )
    building: int | None = plain("Building number (楼号).")
    unit: int | None = plain("Unit number (单元号).")
    floor: int | None = plain("Floor (楼层).")
    room: int | None = plain("Room (房间号).")
    role: ResidentRole | None = plain("The applicant's role in the house (居民角色).")
    status: HouseStatus | None = plain("How the house is occupied (房屋状态).")
    use: HouseUse | None = plain("What it is used for (房屋用途).")
    ownership: HouseOwnership | None = plain("Private or public property (房屋性质).")
    occupant_type: OccupantType | None = plain("Kind of occupant (住户类型).")
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
        return masked_names(root, {"raw": "raw"}, info)


@record_type(ShenheRecord, description="A registration review: an application that staff decide (审核).")
class Shenhe(Node):
    platform_id: int = plain("The platform's row number (审核id).")
    community_code: strawberry.ID | None = plain(
        "Code of the community whose list told of it; null when reached by the bare number (小区标识)."
    )
    type: ShenheType = plain("What is applied for (审核类型).")
    status: ShenheStatus = plain("Pending, approved or rejected (审核状态).")
    content: ShenheContent | None = plain("What was submitted; null when unreadable, see dataIssues (审核数据).")
    house_introduction: str | None = free_text(
        "The house in words: free text, and at times wrong (审核房屋地址简介).", "house_introduction"
    )
    action_introduction: str | None = free_text(
        "The application in words: free text, and at times wrong (审核动作简介).", "action_introduction"
    )
    rejection_reason: str | None = free_text("Why it was rejected (拒绝理由).", "rejection_reason")
    created_at: datetime | None = plain("When it was submitted (审核记录创建时间).")
    updated_at: datetime | None = plain("When it was last changed (审核记录修改时间).")
    data_issues: list[DataIssue] = data_issues()

    id: strawberry.ID = node_id("Shenhe", "platform_id", "The review's node id (节点标识).")

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


@strawberry.input(description="Which reviews (审核筛选).")
class ShenheFilter:
    type: ShenheType | None = strawberry.field(default=None, description="What is applied for (审核类型).")
    status: ShenheStatus | None = strawberry.field(default=None, description="How it stands (审核状态).")


FilterShenhes = Annotated[ShenheFilter | None, strawberry.argument(description="Which reviews (审核筛选).")]


def load_shenhes(
    info: Info, community_code: str, filters: ShenheFilter | None, part: Window
) -> Load[ShenhesKey, Slice[ShenheRecord]] | None:
    """Reviews of a community; None when the caller may not see it. Raises UserInputError."""
    code = community(community_code)
    asked = filters or ShenheFilter()
    kind, status = recognized(asked.type, "filter.type"), recognized(asked.status, "filter.status")
    if not info.context.principal.sees(code):
        return None
    return Load(info.context.loaders.shenhes, ShenhesKey(code, kind, status, *part))
