"""The durable record of writes made through this gateway."""

from datetime import datetime
from typing import Any

import strawberry

from gateway.context import Info
from gateway.journal import records
from gateway.normalise.states import OperationState, Outcome
from schema.types.belonging import its_community
from schema.types.costs import ANY_RECORD
from schema.types.fields import free_text, optional, plain, record_type
from schema.types.identity import node_id
from schema.types.node import Node
from schema.types.payload import UserError
from schema.types.records_by_id import read_record


@record_type(records.OperationStep, description="A step of a write, and when it was taken (写入步骤).")
class OperationStep:
    state: OperationState = plain("What became of the write then (写入状态).")
    at: datetime = plain("When (时间).")


@strawberry.input(description="Which operations: all that is given has to be so (写入记录筛选).")
class OperationFilter:
    outcome: Outcome | None = optional("How they ended (写入结果).")
    mutations: list[str] | None = optional(
        "The mutations that wrote, as `Operation.mutation` names them: each write of `approveShenhes` is one of "
        "`approveShenhe` (操作名称)."
    )
    subject: str | None = optional("Who wrote (操作人).")
    record_id: strawberry.ID | None = optional("Node id of the record that was written (记录标识).")
    since: datetime | None = optional("Begun at this time or later (起始时间).")
    until: datetime | None = optional("Begun before this time (截止时间).")


@record_type(records.Operation, description="The durable record of one write through this gateway (写入记录).")
class Operation(Node):
    mutation: str = plain("Which mutation (操作名称).")
    subject: str = plain("Who wrote, as the token names them (操作人).")
    community_code: strawberry.ID | None = plain("Code of the community written to (小区标识).")
    idempotency_key: strawberry.ID | None = plain("The key the caller gave (幂等键).")
    user_errors: list[UserError] = plain("Why it was refused; empty otherwise (业务错误).")
    reason: str | None = free_text("The reviewer's reason, kept whatever the platform does with it (理由).", "reason")
    outcome: Outcome | None = plain("How it ended; null while it is under way (写入结果).")
    started_at: datetime = plain("When it was begun (开始时间).")
    finished_at: datetime | None = plain("When its outcome was known (结束时间).")
    timeline: list[OperationStep] = plain(
        "What became of it, oldest first: the steps whose time is known; of more than "
        f"{records.MOST_READ_BACKS} read-backs, the first ones and the last (写入过程)."
    )

    @strawberry.field(description="Whether the caller wrote it (是否本人操作).")
    def subject_is_viewer(root: strawberry.Parent[records.Operation], info: Info) -> bool:
        return root.subject == info.context.principal.subject

    id: strawberry.ID = node_id("Operation", "id", "The operation's node id (节点标识).")
    community = its_community("where none is known")

    @strawberry.field(
        description="The record that was written, or refused to be, as it is now: the community for syncModules. Needs "
        "the scope of its type; null when it is gone, or there is none (写入的记录).",
        graphql_type=Node | None,
        metadata=ANY_RECORD,
    )
    async def result(root: strawberry.Parent[records.Operation], info: Info) -> Any:
        return None if root.record is None else await read_record(info, root.record)
