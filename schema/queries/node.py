"""Records by node id."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

import strawberry

from gateway.auth.node_ids import NodeId
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.errors import UserInputError
from gateway.loaders.order import OrderKey
from gateway.loaders.repair import RepairKey
from gateway.loaders.shenhe import ShenheKey
from schema.normalise import composed, records
from schema.types.house import house_at
from schema.types.ids import decode
from schema.types.node import Node

MOST_IDS = 50


class Fetch(NamedTuple):
    """How to fetch a type's records by id, and the scope that it needs."""

    scope: Scope | None
    read: Callable[[Info, NodeId], Awaitable[object]]


async def _community(_info: Info, node: NodeId) -> composed.Community:
    return composed.Community(str(node.community_code))


async def _house(_info: Info, node: NodeId) -> records.House:
    return house_at(records.HouseKey(str(node.community_code), *map(int, node.parts)))


async def _shenhe(info: Info, node: NodeId) -> object:
    return await info.context.loaders.shenhe.load(ShenheKey(int(node.parts[0]), node.community_code))


async def _order(info: Info, node: NodeId) -> object:
    key = OrderKey(str(node.community_code), platform_id=int(node.parts[0]))
    return await info.context.loaders.order.load(key)


async def _repair(info: Info, node: NodeId) -> object:
    return await info.context.loaders.repair.load(RepairKey(int(node.parts[0]), node.community_code))


async def _module(info: Info, node: NodeId) -> object:
    modules: tuple[records.Module, ...] = await info.context.loaders.modules.load(str(node.community_code))
    return next((module for module in modules if module.label == node.parts[0]), None)


async def _announcement(info: Info, node: NodeId) -> object:
    return await info.context.journal.announcements.get(str(node.community_code), int(node.parts[0]))


async def _payment(info: Info, node: NodeId) -> object:
    return await info.context.journal.payments.get(str(node.parts[0]))


async def _operation(info: Info, node: NodeId) -> object:
    return await info.context.journal.operations.get(str(node.parts[0]))


FETCH: dict[str, Fetch] = {
    "Community": Fetch(None, _community),
    "House": Fetch(Scope.PEOPLE_READ, _house),
    "Shenhe": Fetch(Scope.SHENHE_READ, _shenhe),
    "Order": Fetch(Scope.ORDER_READ, _order),
    "Repair": Fetch(Scope.REPAIR_READ, _repair),
    "Module": Fetch(Scope.MODULE_READ, _module),
    "Announcement": Fetch(Scope.ANNOUNCEMENT_READ, _announcement),
    "Payment": Fetch(Scope.PAYMENT_READ, _payment),
    "Operation": Fetch(Scope.OPERATION_READ, _operation),
}


async def fetch_node(info: Info, node: NodeId) -> Any:
    """The record of an id; None when it is gone, or of a community the caller may not see. Raises ForbiddenError."""
    fetch = FETCH[node.type_name]
    if fetch.scope is not None:
        info.context.principal.require(fetch.scope)
    if not info.context.principal.sees(node.community_code):
        return None
    return await fetch.read(info, node)


@strawberry.type
class NodeQueries:
    @strawberry.field(
        description="Any record by its node id; needs the scope of its type. Null when it is gone or not the caller's "
        "to see (节点).",
        graphql_type=Node | None,
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="A node id (节点标识).")]
    ) -> object:
        return await fetch_node(info, decode(info, id))

    @strawberry.field(
        description=f"Records by their node ids, in the order asked for; at most {MOST_IDS} (节点列表).",
        graphql_type=list[Node | None] | None,
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Node ids (节点标识列表).")],
    ) -> list[object]:
        if len(ids) > MOST_IDS:
            raise UserInputError("ids", f"ids must be at most {MOST_IDS}.")
        nodes = [decode(info, node_id, f"ids.{index}") for index, node_id in enumerate(ids)]
        return list(await asyncio.gather(*(fetch_node(info, node) for node in nodes)))
