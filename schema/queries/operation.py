"""Writes made through this gateway."""

from collections.abc import Iterator
from typing import Annotated

import strawberry

from gateway.auth.node_ids import resolve_node_id
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.journal import records
from gateway.journal.listing import OperationQuery
from gateway.loaders.paging import KeyedSlice
from gateway.normalise.field import public_name
from gateway.normalise.vocabulary import ModuleName
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.mutations.mutation import Mutation
from schema.types.arguments import OptionalCommunityCode, get_communities, record, wrong_name, wrong_period
from schema.types.connection import Window, connection_field, listed
from schema.types.costs import OPERATIONS
from schema.types.fields import needs
from schema.types.operation import Operation, OperationFilter

MUTATIONS = frozenset(public_name(field.python_name) for field in Mutation.__strawberry_definition__.fields)  # type: ignore[attr-defined] # Strawberry sets it

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
        if name not in MUTATIONS:
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
    if found.type == "Module" and (name := ModuleName.by_value.get(found.platform_id)):
        called.append(name.value)
    return records.RecordRefs(found.type, found.community_code, tuple(called))
