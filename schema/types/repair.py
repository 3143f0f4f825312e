"""Repairs (document chapter 4)."""

from datetime import datetime
from operator import attrgetter
from typing import Annotated

import strawberry

from gateway.actions.identity import part_of
from gateway.context import Info
from gateway.execution.load import Load
from gateway.loaders import lists
from gateway.loaders.people import PeopleKey
from gateway.loaders.record_list import RecordKey
from gateway.normalise.people import People as PeopleRecord
from gateway.normalise.repair import Repair as RepairRecord
from gateway.normalise.repair import RepairQuery
from schema.types.belonging import its_community
from schema.types.costs import ONE_CALL
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import masked_names, needs, record_input, record_type
from schema.types.history import with_history
from schema.types.house import load_people
from schema.types.identity import node_id
from schema.types.node import Node
from schema.types.people import People
from schema.types.record_list import CommunityList


@record_type(
    RepairRecord,
    description="Who reported a repair (报修人).",
    within="reporter",
    identity=part_of("Repair", attrgetter("community_code", "platform_id"), "reporter."),
)
class RepairReporter:
    @strawberry.field(
        description="The reporter on the security platform, by name and phone; null when it has no record, or one of "
        "them is missing (人员).",
        directives=needs(["people:read"]),
        graphql_type=People | None,
        metadata=ONE_CALL,
    )
    def people(root: strawberry.Parent[RepairRecord], info: Info) -> Load[PeopleKey, PeopleRecord | None] | None:
        return load_people(info, root.reporter_name, root.reporter_phone)

    @strawberry.field(description="Names of the fields masked for this caller (脱敏字段).")
    def masked_fields(root: strawberry.Parent[RepairRecord], info: Info) -> list[str]:
        return masked_names(root, info, "reporter")


@record_type(RepairRecord, description="A repair that a resident reported (报修).")
@with_history()
class Repair(Node):
    data_issues: list[DataIssue] = data_issues("; those of reportedAt stand in the single record, repair(id)")

    id: strawberry.ID = node_id("Repair", "platform_id", "The repair's node id (节点标识).")
    community = its_community("when it was reached by the bare number")

    @strawberry.field(
        description="When it was reported: only the single record has it, so it costs a call each (报修日期).",
        graphql_type=datetime | None,
        metadata=ONE_CALL,
    )
    def reported_at(
        root: strawberry.Parent[RepairRecord], info: Info
    ) -> Load[RecordKey, datetime | None] | datetime | None:
        if root.dated:
            return root.reported_at
        load = info.context.loaders.record(lists.REPAIRS, root.platform_id, root.community_code)
        return Load(load.loader, load.key, lambda single: None if single is None else single.reported_at)

    @strawberry.field(description="Who reported it (报修人).", graphql_type=RepairReporter)
    def reporter(root: strawberry.Parent[RepairRecord]) -> RepairRecord:
        return root


@record_input(RepairQuery, description="Which repairs (报修筛选).")
class RepairFilter:
    pass


FilterRepairs = Annotated[RepairFilter | None, strawberry.argument(description="Which repairs (报修筛选).")]

REPAIRS = CommunityList(
    records=lists.REPAIRS,
    node=Repair,
    filter=FilterRepairs,
    name="repair",
    noun="repair",
    chinese="报修",
    of_community="Repairs of a community; without a status both, the open ones first (报修列表).",
    listed="Repairs, the open ones first (报修).",
    count=("open_repairs", "Repairs to resolve (未解决报修数)."),
    changes="new ones, and those answered, resolved or reopened",
)
