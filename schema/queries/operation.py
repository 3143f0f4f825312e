"""Writes made through this gateway."""

from typing import Annotated

import strawberry

from gateway.auth.node_ids import resolve_node_id
from gateway.context import Info
from gateway.journal import records
from gateway.loaders.paging import Slice
from schema.types.arguments import OptionalCommunityCode, communities_of
from schema.types.connection import Window, connection_field
from schema.types.costs import OPERATIONS
from schema.types.fields import needs
from schema.types.operation import Operation

Id = Annotated[strawberry.ID, strawberry.argument(description="Its node id (写入记录标识).")]


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
    )
    async def operations(
        self, info: Info, part: Window, community_code: OptionalCommunityCode = None
    ) -> Slice[records.Operation] | None:
        codes = communities_of(info, community_code)
        if codes is not None and not codes:
            return None
        found = await info.context.journal.operations.list(codes, part.offset, part.first)
        return Slice(found.items, part.offset, part.first, found.total)
