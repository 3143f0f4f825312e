"""Writes: how they ended, and their durable record."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
import strawberry
from strawberry.types.lazy_type import LazyType

from gateway.actions.identity import Identity
from gateway.actions.write import Written
from gateway.auth.node_ids import NodeIds, resolve_node_id
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.journal import records
from gateway.journal.history import LONGEST_HISTORY, HistoryKey
from gateway.journal.listing import OperationQuery
from gateway.loaders.event_streams import Happened, Happenings
from gateway.loaders.paging import KeyedSlice
from gateway.normalise.field import public_name
from gateway.normalise.states import OperationState, Outcome, UserErrorCode
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.arguments import OptionalCommunityCode, get_communities, record, wrong_name, wrong_period
from schema.connection import Window, connection_field, listed
from schema.costs import ANY_RECORD, OPERATIONS, costs
from schema.event import After, Event, make_cursor, renewed
from schema.fields import IDENTITY, free_text, needs, node_id, optional, plain, record_type
from schema.record import Node, its_community, read_record


@record_type(records.UserError, description="Why a write was refused, for the caller to act on (业务错误).")
class UserError:
    field: list[str] | None = plain("Path of the input field it is about (字段路径).")
    message: str = plain("For developers, in English (说明).")
    message_zh: str = plain("The same message in Chinese, to be shown to people (中文说明).")
    rule: str | None = plain(
        "Which rule of the input is broken, a word of a closed list such as LENGTH or MASKED; null when it is not the "
        "input (规则)."
    )
    min: str | None = plain("The lower bound that the rule sets, as text; null without one (下限).")
    max: str | None = plain("The upper bound that the rule sets, as text; null without one (上限).")
    upstream_message: str | None = plain("The platform's own words for its users (平台提示).")

    @strawberry.field(description="Which kind of refusal (错误码).")
    def code(root: strawberry.Parent[records.UserError]) -> UserErrorCode:
        return UserErrorCode(root.code)


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


TypeT = TypeVar("TypeT", bound=type)
Key = Callable[[Any, NodeIds], HistoryKey]


def with_history(key: Key | None = None) -> Callable[[TypeT], TypeT]:
    """A class with the field `history`, to be made a type.

    Operations call a record what its node id does, or what `key` says.
    """

    def give(cls: TypeT) -> TypeT:
        identity: Identity = vars(cls)["id"].metadata[IDENTITY]

        def by_identity(record: Any, ids: NodeIds) -> HistoryKey:
            named = identity.reference(record, ids)
            if named is None:
                raise TypeError("a record with a node id has a name")
            return HistoryKey(named.type, named.community_code, (named.platform_id,))

        cls.history = _history(key or by_identity)  # type: ignore[attr-defined] # it becomes a field of the type
        return cls

    return give


def _history(key: Key) -> Any:
    def resolve(root: strawberry.Parent[Any], info: Info) -> Load[HistoryKey, tuple[records.Operation, ...]]:
        asked = key(root, info.context.ids)
        pick = None if info.context.principal.sees_all else _placed(asked.community_code)
        return Load(info.context.loaders.history, asked, pick)

    return strawberry.field(
        resolver=resolve,
        description="The writes of it made through this gateway, newest first, at most "
        f"{LONGEST_HISTORY}; empty where there were none (操作历史).",
        directives=needs([Scope.OPERATION_READ]),
        graphql_type=list[Operation] | None,
        metadata=costs(items=LONGEST_HISTORY),
    )


def _placed(community_code: str | None) -> Callable[[tuple[records.Operation, ...]], tuple[records.Operation, ...]]:
    """Whoever reached the record by its bare number did not know its community. Who sees the record does, and could not
    reach the operation by its id without.
    """

    def place(operation: records.Operation) -> records.Operation:
        if operation.community_code is not None or operation.record is None:
            return operation
        record = msgspec.structs.replace(operation.record, community_code=community_code)
        return msgspec.structs.replace(operation, community_code=community_code, record=record)

    return lambda found: tuple([place(operation) for operation in found])


@strawberry.interface(description="How a write ended (写入结果).")
class MutationPayload:
    outcome: Outcome = plain("How it ended (写入结果).")
    user_errors: list[UserError] = plain("Why it was refused; empty otherwise (业务错误).")

    @strawberry.field(
        description="The durable record of this write; null when none was begun (写入记录).",
        directives=needs(["operation:read"]),
        graphql_type=Operation | None,
    )
    def operation(root: strawberry.Parent[Written], _info: Info) -> records.Operation | None:
        return root.operation


@record_type(
    Happened, description="The outcome of a write of the caller's own, which was UNKNOWN, became known (写入事件)."
)
class OperationEvent(Event):
    @strawberry.field(
        description="The operation as it is now; null where the event says no more than that some may have been missed "
        "(写入记录).",
        graphql_type=Operation | None,
    )
    async def operation(root: strawberry.Parent[Happened], info: Info) -> records.Operation | None:
        operation = root.record_id and await info.context.journal.operations.get(root.record_id)
        return operation if operation and operation.subject == info.context.principal.subject else None


@strawberry.type
class OperationSubscriptions:
    @strawberry.subscription(
        description="The caller's own writes whose outcome was UNKNOWN and is known now (写入事件).",
        graphql_type=OperationEvent,
    )
    def operation_events(self, info: Info, after: After = None) -> Happenings:
        cursor = make_cursor(info, after)
        return renewed(info, info.context.event_streams.of_operations(info.context.principal.subject, cursor))


@cache
def _mutations() -> frozenset[str]:
    """The names of all mutations: their root is assembled of files that import this one."""
    root: Any = LazyType("Mutation", "schema.build").resolve_type()
    return frozenset(public_name(field.python_name) for field in root.__strawberry_definition__.fields)


LONGEST_SUBJECT = 255
"""Of a token."""

Id = Annotated[strawberry.ID, strawberry.argument(description="Its node id (写入记录标识).")]
Filter = Annotated[
    OperationFilter | None, strawberry.argument(description="Which operations; omitted: all (写入记录筛选).")
]


def _wrong(asked: OperationFilter | None) -> Iterator[Violation]:
    """What is wrong with the filter, but for the id."""
    if asked is None:
        return
    for index, name in enumerate(asked.mutations or ()):
        if name not in _mutations():
            path = ("filter", "mutations", str(index))
            yield Violation(path, InputWording.NO_MUTATION(field=".".join(path)))
    yield from wrong_name(asked.subject, LONGEST_SUBJECT, "filter", "subject")
    yield from wrong_period(asked.since, asked.until, "filter")


@strawberry.type
class OperationQueries:
    @strawberry.field(
        description="One write made through this gateway (写入记录).",
        directives=needs(["operation:read"]),
        graphql_type=Operation | None,
    )
    async def operation(self, info: Info, id: Id) -> records.Operation | None:
        node = resolve_node_id(info.context.principal, info.context.ids, id)
        if node is None or node.type_name != "Operation":
            return None
        return await info.context.journal.operations.get(str(node.parts[0]))

    @connection_field(
        Operation,
        "Writes made through this gateway, newest first (写入记录列表).",
        "operation:read",
        metadata=OPERATIONS,
        cursors="rows",
        wrong_filter=_wrong,
    )
    async def operations(
        self, info: Info, part: Window, community_code: OptionalCommunityCode = None, filter: Filter = None
    ) -> KeyedSlice[records.Operation] | None:
        refuse_input(_wrong(filter))
        asked = filter or OperationFilter()
        codes = get_communities(info, community_code)
        recorded = _recorded(info, asked.record_id)
        if codes is not None and not codes:
            return None
        query = OperationQuery(
            communities=codes,
            outcome=asked.outcome,
            mutations=None if asked.mutations is None else tuple(dict.fromkeys(asked.mutations)),
            subject=asked.subject,
            records=recorded,
            since=asked.since,
            until=asked.until,
        )
        found = await info.context.journal.operations.list(query, part.cut)
        return listed(found, part, Load(info.context.loaders.operation_count, query))


def _recorded(info: Info, node_id: str | None) -> records.RecordRefs | None:
    """What operations call the record: a module by its name, where its id has a label. Raises UserInputError."""
    if node_id is None:
        return None
    found = record(info, node_id, "filter.recordId")
    if isinstance(found, str):  # a person, or a member of a household: nobody writes to these
        return records.RecordRefs("", None, (found,))
    called = [found.platform_id]
    if found.type == "Module" and (name := info.context.actions.module.get_name(found.platform_id)):
        called.append(name.value)
    return records.RecordRefs(found.type, found.community_code, tuple(called))
