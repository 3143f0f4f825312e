"""Writes: how they ended, and their durable record."""

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache, partial
from typing import Any

import msgspec
import strawberry
from strawberry.types.lazy_type import LazyType

from gateway.actions.action import Written
from gateway.actions.identity import Identity
from gateway.auth.node_ids import resolve_node_id
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.execution.cost import Cost
from gateway.execution.load import Load
from gateway.journal import records
from gateway.journal.listing import OperationQuery
from gateway.journal.operations import LONGEST_HISTORY, OperationGroup
from gateway.journal.operations import OperationCount as OperationCounted
from gateway.loaders.event_streams import Happened, Happenings
from gateway.loaders.paging import Slice
from gateway.normalise.records import public_name
from gateway.normalise.vocabulary import OperationState, Outcome, UserErrorCode
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation, ViolationRule
from schema import fields, record, writes
from schema.connection import Window, connection_field, listed
from schema.costs import ALL_OPERATIONS, ANY_RECORD, ONE_CALL
from schema.fields import derived, described, optional, plain, record_type, resolved
from schema.record import Node, its_community


@record_type(records.UserError, "Why a write was refused, for the caller to act on (业务错误).")
class UserError:
    field: list[str] | None = plain("Path of the input field it is about; null where it is about none (字段路径).")
    message: str = plain("For developers, in English (说明).")
    message_zh: str = plain("The same message in Chinese, to be shown to people (中文说明).")
    rule = derived(
        ViolationRule | None,
        "Which rule of the input is broken; null when it is not the input (规则).",
        lambda root: root.rule and ViolationRule(root.rule),
    )
    min: str | None = plain("The lower bound of the rule, as text; null if it has none (下限).")
    max: str | None = plain("The upper bound of the rule, as text; null if it has none (上限).")
    upstream_message: str | None = plain("The platform's message for its users; null if there is none (平台提示).")

    code = derived(UserErrorCode, "Why it was refused (错误码).", lambda root: UserErrorCode(root.code))


@record_type(records.OperationStep, "A step of a write, with its time (写操作步骤).")
class OperationStep:
    state: OperationState = plain("State of the write after this step (写操作状态).")
    at: datetime = plain("Time of the step (时间).")


@strawberry.input(description="Filter for operations: all given conditions apply (操作记录筛选).")
class OperationFilter:
    outcome: Outcome | None = optional("Outcome of the write (写操作结果).")
    mutations: list[str] | None = optional(
        "Names of mutations, as in `Operation.mutation`: writes of `approveShenhes` are listed as `approveShenhe` "
        "(操作名称)."
    )
    subject: str | None = optional("Who wrote (操作人).")
    record_id: strawberry.ID | None = optional("Node id of the record that was written (记录标识).")
    since: datetime | None = optional("Started at this time or later (起始时间).")
    until: datetime | None = optional("Started before this time (截止时间).")

    def wrong(self) -> Iterator[Violation]:
        """What is wrong with it, but for the id."""
        for index, name in enumerate(self.mutations or ()):
            if name not in _mutations():
                path = ("filter", "mutations", str(index))
                yield Violation(path, InputWording.NO_MUTATION(field=".".join(path)))
        yield from record.wrong_name(self.subject, LONGEST_SUBJECT, "filter", "subject")
        yield from record.wrong_period(self.since, self.until, "filter")


@record_type(OperationCounted, "Number of writes in one group (操作记录计数).")
class OperationCount:
    subject: str | None = plain("Who wrote; null unless counted by it (操作人).")
    mutation: str | None = plain("Which mutation; null unless counted by it (操作名称).")
    outcome: Outcome | None = plain("How they ended; null while under way, and unless counted by this (写操作结果).")
    community_code = derived(
        strawberry.ID | None,
        "Code of the community written to; null where none is known, and unless counted by this (小区标识).",
        lambda root: root.community,
    )
    day: date | None = plain("The day they were begun, in China; null unless counted by it (日期).")
    count: int = plain("How many (数量).")


@record_type(records.Operation, "The durable record of one write through this gateway (操作记录).")
class Operation(Node):
    mutation: str = plain("Name of the mutation (操作名称).")
    subject: str = plain("Who wrote: the subject of the token (操作人).")
    community_code: strawberry.ID | None = plain("Code of the community written to; null if unknown (小区标识).")
    idempotency_key: strawberry.ID | None = plain("The key the caller gave; null if none (幂等键).")
    user_errors: list[UserError] = plain("Why it was refused; empty otherwise (业务错误).")
    reason: str | None = fields.free_text(
        "The reviewer's reason, kept even if the platform drops it; null if none (理由).", "reason"
    )
    outcome: Outcome | None = plain("Outcome of the write; null while it is in progress (写操作结果).")
    started_at: datetime = plain("When it started (开始时间).")
    finished_at: datetime | None = plain("When its outcome became known; null until then (结束时间).")
    timeline: list[OperationStep] = plain(
        "The steps whose time is known, oldest first; of more than "
        f"{records.MOST_READ_BACKS} read-backs, the first ones and the last (写操作过程)."
    )

    @resolved()
    def subject_is_viewer(root: records.Operation, info: Info) -> bool:
        """Whether the caller wrote it (是否本人操作)."""
        return root.subject == info.context.principal.subject

    id: strawberry.ID = fields.node_id("Operation", "id", "The operation's node id (节点标识).")
    community = its_community("if unknown")

    @resolved(Node | None, cost=ANY_RECORD)
    async def result(root: records.Operation, info: Info) -> Any:
        """The record that the write is about, in its current state; for syncModules the community. Needs the scope of
        its type; null if it is gone or there is none (操作对象)."""
        return None if root.record is None else await record.read_record(info, root.record)


def writes_of(node_id: Any) -> Any:
    """The field `history` of a type with this `id`."""
    identity: Identity = node_id.metadata[fields.IDENTITY]

    @resolved(
        list[Operation] | None,
        Scope.OPERATION_READ,
        cost=Cost(items=LONGEST_HISTORY),
        description="Writes to this record through the gateway, newest first, at most "
        f"{LONGEST_HISTORY}; empty if there are none (操作历史).",
    )
    def history(root: Any, info: Info) -> Load[records.RecordRef, tuple[records.Operation, ...]]:
        code, identifier = identity.name(identity.key(root), info.context.ids)
        asked = records.RecordRef(identity.type_name, code, str(identifier))
        pick = None if info.context.principal.sees_all else partial(_placed, code)
        return Load(info.context.loaders.history, asked, pick)

    return history


def _placed(community_code: str | None, found: tuple[records.Operation, ...]) -> tuple[records.Operation, ...]:
    """Whoever reached the record by its bare number did not know its community. Who sees the record does, and could not
    reach the operation by its id without.
    """

    place = partial(msgspec.structs.replace, community_code=community_code)
    return tuple(
        place(each, record=place(each.record)) if each.community_code is None and each.record is not None else each
        for each in found
    )


@strawberry.interface(description="Result of a write (写操作结果).")
class MutationPayload:
    outcome: Outcome = plain("Outcome of the write (写操作结果).")
    user_errors: list[UserError] = plain("Why it was refused; empty otherwise (业务错误).")
    operation: Operation | None = plain(
        "The durable record of this write; null if no write was started (操作记录).", "operation:read"
    )


def written_field(node: type, description: str, cost: Cost | None = ONE_CALL) -> Any:
    """The record of a write, as a field of its payload: of the type `node`, as it is now."""

    def resolve(root: Written, info: Info) -> Any:
        written = writes.written_record(info, root)
        return None if written is None else record.READERS[written.type].read(info, written)

    scope = str(record.READERS[node.__name__].scope)
    return resolved(node | None, scope, cost=cost, description=description)(resolve)


@record_type(Happened, "The UNKNOWN outcome of one of the caller's own writes became known (写操作事件).")
class OperationEvent(record.Event):
    @resolved(Operation | None)
    async def operation(root: Happened, info: Info) -> records.Operation | None:
        """The operation in its current state; null if the event only says that events may have been missed
        (操作记录)."""
        operation = root.record_id and await info.context.journal.operations.get(root.record_id)
        return operation if operation and operation.subject == info.context.principal.subject else None


class OperationSubscriptions:
    @fields.subscribed(OperationEvent)
    def operation_events(self, info: Info, after: record.After = None) -> Happenings:
        """Events of the caller's own writes: an outcome that was UNKNOWN became known (写操作事件)."""
        subject, streams = info.context.principal.subject, info.context.event_streams
        return record.noticed(info, after, lambda cursor: streams.of_operations(subject, cursor))


@cache
def _mutations() -> frozenset[str]:
    """The names of all mutations: their root is assembled of files that import this one."""
    root: Any = LazyType("Mutation", "schema.build").resolve_type()
    return frozenset(public_name(field.python_name) for field in root.__strawberry_definition__.fields)


LONGEST_SUBJECT = 255  # characters of the subject of a token


class OperationQueries:
    @resolved(Operation | None, "operation:read")
    @described(id="Its node id (操作记录标识).")
    async def operation(self, info: Info, id: strawberry.ID) -> records.Operation | None:
        """One write made through this gateway; null if there is none, or the caller may not see it (操作记录)."""
        node = resolve_node_id(info.context.principal, info.context.ids, id, "Operation")
        return node and await info.context.journal.operations.get(node.identifier)

    @connection_field(Operation, "operation:read")
    @described(filter="Filter for operations; omitted: all (操作记录筛选).")
    async def operations(
        self,
        info: Info,
        part: Window,
        community_code: record.OptionalCommunityCode = None,
        filter: OperationFilter | None = None,
    ) -> Slice[records.Operation] | None:
        """Writes made through this gateway, newest first (操作记录列表)."""
        query = _query(info, record.get_communities(info, community_code), filter)
        return None if query is None else await listed(info, info.context.journal.operations, query, part)

    @resolved(list[OperationCount] | None, Scope.OPERATION_READ, cost=ALL_OPERATIONS)
    @described(
        filter="Which operations; omitted: all (操作记录筛选).",
        by="By what to count, each combination by itself (分组方式).",
    )
    async def operation_counts(
        self, info: Info, by: list[OperationGroup], filter: OperationFilter | None = None
    ) -> list[OperationCounted]:
        """Number of writes made through this gateway in each group, in the order of the groups (操作记录计数)."""
        refuse_input(writes.wrong_count("by", by, len(OperationGroup)), filter.wrong() if filter else ())
        query = _query(info, record.get_communities(info, None), filter)
        return await info.context.journal.operations.count_by(query, tuple(dict.fromkeys(by))) if query else []


def _query(info: Info, codes: frozenset[str] | None, filter: OperationFilter | None) -> OperationQuery | None:
    """What is asked for in these communities; None where there are none. Raises UserInputError for the id of none."""
    asked = dict(vars(filter or OperationFilter()))
    recorded, names = _recorded(info, asked.pop("record_id")), asked.pop("mutations")
    if codes is not None and not codes:
        return None
    mutations = None if names is None else tuple(dict.fromkeys(names))
    return OperationQuery(communities=codes, record=recorded, mutations=mutations, **asked)


def _recorded(info: Info, node_id: str | None) -> records.RecordRef | None:
    """What operations call the record of a node id. Raises UserInputError."""
    if node_id is None:
        return None
    found = record.find_record(info, node_id, "filter.recordId")
    # A hash is of a person, or a member of a household: nobody writes to these.
    return records.RecordRef("", None, found) if isinstance(found, str) else found
