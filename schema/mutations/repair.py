"""Answering and resolving repairs."""

from typing import Annotated

import strawberry

from gateway.actions.row import RowRef
from gateway.actions.write import Written
from gateway.auth.node_ids import resolve_node_id
from gateway.context import Info
from gateway.errors import UserInputError
from gateway.execution.load import Load
from gateway.loaders.lists import REPAIRS
from gateway.loaders.record_list import RecordKey
from gateway.normalise.repair import Repair as RepairRecord
from gateway.normalise.vocabulary import RepairStatus
from schema.mutations.input import OPTIONAL_KEY, finished, idempotency_key, not_found, written_record
from schema.types.arguments import recognized
from schema.types.costs import ONE_CALL, WRITE
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


Update = Annotated[UpdateRepairInput, strawberry.argument(description="Which repair, and its status (输入).")]


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


@strawberry.type
class RepairMutations:
    @strawberry.mutation(
        description="Set a repair's status, with or without a reply (更新报修状态).",
        directives=needs(["repair:write"]),
        graphql_type=RepairPayload | None,
        metadata=WRITE,
    )
    async def update_repair(self, info: Info, input: Update) -> Written:
        key = idempotency_key(input.idempotency_key)
        recognized(input.status, "input.status")
        if input.reply is not None and len(input.reply) > LONGEST_REPLY:
            raise UserInputError("input.reply", f"reply must have at most {LONGEST_REPLY} characters.")
        node = resolve_node_id(info.context.principal, info.context.ids, input.id, "Repair")
        if node is None:
            return await not_found(info, "updateRepair", "repair")
        repair = RowRef("Repair", int(node.parts[0]), node.community_code)
        written = await info.context.actions.repair.update(
            info.context.principal, repair, input.status, (input.reply or "").strip() or None, key
        )
        return finished(info, written)
