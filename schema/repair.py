"""Repairs (document chapter 4)."""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Annotated

import strawberry

from gateway.actions.identity import part_of
from gateway.actions.write import RowRef, Write, Written, invalid, masked
from gateway.context import Info
from gateway.errors import find_violations
from gateway.execution.load import Load
from gateway.loaders import lists
from gateway.loaders.lookups import PeopleKey
from gateway.loaders.record_list import RecordKey
from gateway.normalise.people import People as PeopleRecord
from gateway.normalise.repair import Repair as RepairRecord
from gateway.normalise.vocabulary import RepairStatus
from gateway.wording.wording import Violation
from schema import writes
from schema.arguments import recognized
from schema.costs import MOST_ENTRIES, ONE_CALL, WRITE, bulk_costs
from schema.fields import masked_names, needs, node_id, optional, record_type
from schema.operation import MutationPayload, with_history
from schema.people import People, load_people
from schema.record import DataIssue, Node, data_issues, its_community
from schema.record_list import CommunityList


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


REPAIRS = CommunityList(
    records=lists.REPAIRS,
    node=Repair,
    name="repair",
    noun="repair",
    chinese="报修",
    of_community="Repairs of a community; without a status both, the open ones first (报修列表).",
    listed="Repairs, the open ones first (报修).",
    count=("open_repairs", "Repairs to resolve (未解决报修数)."),
    changes="new ones, and those answered, resolved or reopened",
)

LONGEST_REPLY = 1000


@strawberry.input(description="Set a repair's status (更新报修状态).")
class UpdateRepairInput:
    id: strawberry.ID = strawberry.field(description="The repair (报修标识).")
    status: RepairStatus = strawberry.field(
        description="Its status from now on; the platform needs one with every reply (报修状态)."
    )
    reply: str | None = optional(
        f"The reply to the resident, at most {LONGEST_REPLY} characters; omitted or empty: the earlier one stays "
        "(答复)."
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


@strawberry.input(description="Set several repairs' status, with the same reply (批量更新报修状态).")
class UpdateRepairsInput:
    ids: list[strawberry.ID] = strawberry.field(description=f"The repairs, 1 to {MOST_ENTRIES} (报修标识列表).")
    status: RepairStatus = strawberry.field(description="Their status from now on (报修状态).")
    reply: str | None = optional(
        f"The reply to the residents, at most {LONGEST_REPLY} characters; omitted or empty: the earlier ones stay "
        "(答复)."
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_EACH_KEY)


Update = Annotated[UpdateRepairInput, strawberry.argument(description="Which repair, and its status (输入).")]
UpdateAll = Annotated[UpdateRepairsInput, strawberry.argument(description="Which repairs, and their status (输入).")]


@record_type(Written, description="How the update of a repair ended (更新报修结果).")
class RepairPayload(MutationPayload):
    repair = REPAIRS.written_field()


@strawberry.type(description="How several updates ended (批量更新报修结果).")
class RepairsPayload:
    results = writes.results_field(RepairPayload, "id")


@strawberry.type
class RepairMutations:
    @strawberry.mutation(
        description="Set a repair's status, with or without a reply (更新报修状态).",
        directives=needs(["repair:write"]),
        graphql_type=RepairPayload | None,
        metadata=WRITE,
    )
    async def update_repair(self, info: Info, input: Update) -> Written:
        key = input.idempotency_key
        _require(input)
        reply = (input.reply or "").strip() or None
        repair = writes.row(info, input.id, "Repair")
        if repair is None:
            return await writes.not_found(info, "updateRepair", "repair", invalid(masked(reply, "reply")))
        update = info.context.actions.repair.update
        return writes.finished(info, await update(info.context.principal, repair, input.status, reply, key))

    @strawberry.mutation(
        description="Set several repairs' status, with the same reply if any: a result and an operation for each "
        "(批量更新报修状态).",
        directives=needs(["repair:write"]),
        graphql_type=RepairsPayload | None,
        metadata=bulk_costs("input.ids"),
    )
    async def update_repairs(self, info: Info, input: UpdateAll) -> list[Written]:
        _require(input, find_violations(writes.entries, "ids", input.ids))
        key, reply = input.idempotency_key, (input.reply or "").strip() or None
        make_update = info.context.actions.repair.make_update

        def update(repair: RowRef) -> Write:
            entry = writes.entry_key(key, repair.platform_id)
            return make_update(info.context.principal, repair, input.status, reply, entry)

        repairs = [writes.row(info, node_id, "Repair") for node_id in input.ids]
        return await writes.write_all(
            info, writes.row_writes("updateRepair", "repair", repairs, update, invalid(masked(reply, "reply")))
        )


def _require(input: UpdateRepairInput | UpdateRepairsInput, *found: Iterable[Violation]) -> None:
    """Raises UserInputError for what no repair can be set to, with what else is `found` wrong."""
    writes.require(
        *found,
        find_violations(writes.idempotency_key, input.idempotency_key),
        find_violations(recognized, input.status, "input.status"),
        writes.at_most("reply", input.reply, LONGEST_REPLY),
        besides=lambda: masked(input.reply, "reply"),
    )
