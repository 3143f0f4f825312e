"""Repairs (document chapter 4)."""

from datetime import datetime
from operator import attrgetter

import strawberry

from gateway import repairs
from gateway.actions.action import Written
from gateway.actions.identity import Identity
from gateway.context import Info
from gateway.execution.load import Load
from gateway.loaders.lists import RecordKey
from gateway.people import PEOPLE
from gateway.repairs import LONGEST_REPLY, RepairStatus, RepairUpdate, UpdateRepair
from schema import fields, writes
from schema.costs import MOST_ENTRIES, ONE_CALL, bulk_cost
from schema.fields import derived, described, looked_up, node_id, optional, record_type, required, resolved
from schema.operation import MutationPayload, writes_of, written_field
from schema.people import People, people_key
from schema.record import Node, its_community
from schema.record_list import CommunityList


@record_type(
    repairs.Repair,
    "Who reported a repair (报修人).",
    within="reporter",
    identity=Identity("Repair", attrgetter("community_code", "platform_id"), path="reporter."),
)
class RepairReporter:
    people = looked_up(
        People | None,
        PEOPLE,
        lambda repair: people_key(repair.reporter_name, repair.reporter_phone),
        "The reporter on the security platform, by name and phone; null if it has no record, or name or phone is "
        "missing (人员).",
    )
    masked_fields = fields.names_masked("Names of the fields that are masked for this caller (脱敏字段).", "reporter")


@record_type(repairs.Repair, "A repair that a resident reported (报修).")
class Repair(Node):
    data_issues: list[fields.DataIssue] = fields.data_issues("; those of reportedAt are only in `repair(id)`")

    id: strawberry.ID = node_id("Repair", "platform_id", "The repair's node id (节点标识).")
    community = its_community("if it was requested by the platform's number")

    @resolved(datetime | None, cost=ONE_CALL)
    def reported_at(root: repairs.Repair, info: Info) -> Load[RecordKey, datetime | None] | datetime | None:
        """When it was reported; costs one platform call per repair, as lists do not have it (报修日期)."""
        if root.dated:
            return root.reported_at
        load = info.context.loaders.record(repairs.REPAIRS, root.platform_id, root.community_code)
        return Load(load.loader, load.key, lambda single: None if single is None else single.reported_at)

    reporter = derived(RepairReporter, "Who reported it (报修人).", lambda root: root)
    history = writes_of(id)


REPAIRS = CommunityList(
    records=repairs.REPAIRS,
    node=Repair,
    name="repair",
    of_community="Repairs of a community; without a status both, the open ones first (报修列表).",
    listed="Repairs, the open ones first (报修).",
    count=("open_repairs", "Number of open repairs (未解决报修数)."),
    changes="new, answered, resolved and reopened ones",
)


@strawberry.input(description="Set a repair's status (更新报修状态).")
class UpdateRepairInput:
    id: strawberry.ID = required("Id of the repair (报修标识).")
    status: RepairStatus = required("The new status; the platform needs one with every reply (报修状态).")
    reply: str | None = optional(
        f"The reply to the resident, at most {LONGEST_REPLY} characters; omitted or empty: the earlier one is kept "
        "(答复)."
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


@strawberry.input(description="Set several repairs' status, with the same reply (批量更新报修状态).")
class UpdateRepairsInput:
    ids: list[strawberry.ID] = required(f"Ids of the repairs, 1 to {MOST_ENTRIES} (报修标识列表).")
    status: RepairStatus = required("The new status (报修状态).")
    reply: str | None = optional(
        f"The reply to the residents, at most {LONGEST_REPLY} characters; omitted or empty: the earlier ones are kept "
        "(答复)."
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_EACH_KEY)


@record_type(Written, "Result of updating a repair (更新报修结果).")
class RepairPayload(MutationPayload):
    repair = written_field(Repair, "The repair as the platform shows it now; null if there is none (报修).")


RepairsPayload = writes.payload_of_several(
    RepairPayload, "id", "Result of updating several repairs (批量更新报修结果)."
)


def _update(input: UpdateRepairInput | UpdateRepairsInput) -> RepairUpdate:
    return RepairUpdate(input.status, (input.reply or "").strip() or None)


class RepairMutations:
    @writes.mutation(UpdateRepair, RepairPayload)
    @described(input="Which repair, and its status (输入).")
    async def update_repair(self, info: Info, input: UpdateRepairInput) -> Written:
        """Set a repair's status, with or without a reply (更新报修状态)."""
        return await writes.write_row(info, UpdateRepair, _update(input), input.id, input.idempotency_key)

    @writes.mutation(UpdateRepair, RepairsPayload, bulk_cost("input.ids"))
    @described(input="Which repairs, and their status (输入).")
    async def update_repairs(self, info: Info, input: UpdateRepairsInput) -> list[Written]:
        """Set several repairs' status, with the same reply if any, each with its own result and operation
        (批量更新报修状态)."""
        return await writes.write_rows(info, UpdateRepair, [_update(input)], input.ids, input.idempotency_key)
