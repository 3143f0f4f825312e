"""Records by node id."""

import asyncio
from typing import Annotated, Any

import strawberry

from gateway.auth.node_ids import resolve_node_id
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.errors import UserInputError
from gateway.journal.records import RecordRef
from gateway.normalise.records import HouseKey
from gateway.wording.inputs import InputWording
from schema.types.costs import ANY_RECORD, ANY_RECORDS, MOST_IDS
from schema.types.house import house_at
from schema.types.node import Node
from schema.types.records_by_id import read_record


async def _by_id(info: Info, text: str) -> Any:
    """The record of an id; None when it is gone, or out of the caller's reach. Raises ForbiddenError."""
    node = resolve_node_id(info.context.principal, info.context.ids, text)
    if node is None:
        return None
    if node.type_name != "House":
        identifier = node.parts[0] if node.parts else node.community_code
        return await read_record(info, RecordRef(node.type_name, node.community_code, str(identifier)))
    info.context.principal.require(Scope.PEOPLE_READ)
    return house_at(HouseKey(str(node.community_code), *map(int, node.parts)))


@strawberry.type
class NodeQueries:
    @strawberry.field(
        description="Any record by its node id; needs the scope of its type. Null when it is gone or not the caller's "
        "to see (节点).",
        graphql_type=Node | None,
        metadata=ANY_RECORD,
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="A node id (节点标识).")]
    ) -> object:
        return await _by_id(info, id)

    @strawberry.field(
        description=f"Records by their node ids, in the order asked for; at most {MOST_IDS} (节点列表).",
        graphql_type=list[Node | None] | None,
        metadata=ANY_RECORDS,
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Node ids (节点标识列表).")],
    ) -> list[object]:
        if len(ids) > MOST_IDS:
            raise UserInputError("ids", InputWording.COUNT_AT_MOST(field="ids", max=MOST_IDS))
        # An error in its place becomes the error of that one record.
        return list(await asyncio.gather(*(_by_id(info, node_id) for node_id in ids), return_exceptions=True))
