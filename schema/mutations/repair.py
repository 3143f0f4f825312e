"""Answering and resolving repairs."""

from collections.abc import Iterable
from typing import Annotated

import strawberry

from gateway.actions.row import RowRef
from gateway.actions.write import Write, Written, invalid, masked
from gateway.context import Info
from gateway.errors import find_violations
from gateway.execution.load import Load
from gateway.loaders.lists import REPAIRS
from gateway.loaders.record_list import RecordKey
from gateway.normalise.repair import Repair as RepairRecord
from gateway.normalise.vocabulary import RepairStatus
from gateway.wording.wording import Violation
from schema.mutations.input import (
    OPTIONAL_EACH_KEY,
    OPTIONAL_KEY,
    at_most,
    entries,
    entry_key,
    finished,
    idempotency_key,
    not_found,
    require,
    results_field,
    row,
    row_writes,
    write_all,
    written_record,
)
from schema.types.arguments import recognized
from schema.types.costs import MOST_ENTRIES, ONE_CALL, WRITE, bulk_costs
from schema.types.fields import needs, optional, record_type
from schema.types.payload import MutationPayload
from schema.types.repair import Repair

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
    idempotency_key: strawberry.ID | None = optional(OPTIONAL_KEY)


@strawberry.input(description="Set several repairs' status, with the same reply (批量更新报修状态).")
class UpdateRepairsInput:
    ids: list[strawberry.ID] = strawberry.field(description=f"The repairs, 1 to {MOST_ENTRIES} (报修标识列表).")
    status: RepairStatus = strawberry.field(description="Their status from now on (报修状态).")
    reply: str | None = optional(
        f"The reply to the residents, at most {LONGEST_REPLY} characters; omitted or empty: the earlier ones stay "
        "(答复)."
    )
    idempotency_key: strawberry.ID | None = optional(OPTIONAL_EACH_KEY)


Update = Annotated[UpdateRepairInput, strawberry.argument(description="Which repair, and its status (输入).")]
UpdateAll = Annotated[UpdateRepairsInput, strawberry.argument(description="Which repairs, and their status (输入).")]


@record_type(Written, description="How the update of a repair ended (更新报修结果).")
class RepairPayload(MutationPayload):
    @strawberry.field(
        description="The repair as the platform shows it now (报修).",
        directives=needs(["repair:read"]),
        graphql_type=Repair | None,
        metadata=ONE_CALL,
    )
    def repair(root: strawberry.Parent[Written], info: Info) -> Load[RecordKey, RepairRecord | None] | None:
        record = written_record(info, root)
        if record is None:
            return None
        return info.context.loaders.record(REPAIRS, record.platform_id, record.community_code)


@strawberry.type(description="How several updates ended (批量更新报修结果).")
class RepairsPayload:
    results = results_field(RepairPayload, "id")


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
        repair = row(info, input.id, "Repair")
        if repair is None:
            return await not_found(info, "updateRepair", "repair", invalid(masked(reply, "reply")))
        update = info.context.actions.repair.update
        return finished(info, await update(info.context.principal, repair, input.status, reply, key))

    @strawberry.mutation(
        description="Set several repairs' status, with the same reply if any: a result and an operation for each "
        "(批量更新报修状态).",
        directives=needs(["repair:write"]),
        graphql_type=RepairsPayload | None,
        metadata=bulk_costs("input.ids"),
    )
    async def update_repairs(self, info: Info, input: UpdateAll) -> list[Written]:
        _require(input, find_violations(entries, "ids", input.ids))
        key, reply = input.idempotency_key, (input.reply or "").strip() or None
        make_update = info.context.actions.repair.make_update

        def update(repair: RowRef) -> Write:
            entry = entry_key(key, repair.platform_id)
            return make_update(info.context.principal, repair, input.status, reply, entry)

        repairs = [row(info, node_id, "Repair") for node_id in input.ids]
        return await write_all(
            info, row_writes("updateRepair", "repair", repairs, update, invalid(masked(reply, "reply")))
        )


def _require(input: UpdateRepairInput | UpdateRepairsInput, *found: Iterable[Violation]) -> None:
    """Raises UserInputError for what no repair can be set to, with what else is `found` wrong."""
    require(
        *found,
        find_violations(idempotency_key, input.idempotency_key),
        find_violations(recognized, input.status, "input.status"),
        at_most("reply", input.reply, LONGEST_REPLY),
        besides=lambda: masked(input.reply, "reply"),
    )
