"""Residential communities: the way into everything that belongs to one."""

from operator import attrgetter

import strawberry

from gateway.context import Info
from gateway.execution.fetch import fetch
from gateway.execution.level_loader import only_values
from gateway.execution.load import Load
from gateway.loaders.order import OrdersKey
from gateway.loaders.paging import Slice
from gateway.loaders.repair import RepairsKey
from gateway.loaders.shenhe import ShenhesKey
from gateway.normalise import composed, records
from gateway.normalise.house import House as HouseRecord
from gateway.normalise.module import Module as ModuleRecord
from gateway.normalise.order import OrderQuery as OrderQueryRecord
from gateway.normalise.repair import Repair as RepairRecord
from gateway.normalise.shenhe import Shenhe as ShenheRecord
from gateway.normalise.vocabulary import OrderStatus, PaymentStatus, RepairStatus, ShenheStatus
from schema.types.arguments import Building, Floor, Room, Unit
from schema.types.connection import After, Connection, First, PageNumber, window
from schema.types.costs import ONE_CALL, ORDERS, REPAIRS, SHENHES, costs
from schema.types.fields import needs, plain, record_type
from schema.types.house import House, house_at
from schema.types.module import Module, ModuleDrift, load_modules
from schema.types.node import Node
from schema.types.order import FilterOrders, Order, OrdersLoad, load_orders
from schema.types.repair import FilterRepairs, Repair, load_repairs
from schema.types.shenhe import FilterShenhes, Shenhe, load_shenhes

_TOTAL = attrgetter("total")


@strawberry.type(description="What is waiting in a community, in numbers; each fails alone (小区概览).")
class CommunitySummary:
    @strawberry.field(
        description="Reviews to decide (待审核数).",
        directives=needs(["shenhe:read"]),
        graphql_type=int | None,
        metadata=ONE_CALL,
    )
    def pending_shenhes(root: strawberry.Parent[composed.Community], info: Info) -> Load[ShenhesKey, int]:
        key = ShenhesKey(root.code, None, ShenheStatus.PENDING, offset=0, first=1)
        return Load(info.context.loaders.shenhes, key, _TOTAL)

    @strawberry.field(
        description="Open orders not yet paid (未付款订单数).",
        directives=needs(["order:read"]),
        graphql_type=int | None,
        metadata=ONE_CALL,
    )
    def unpaid_orders(root: strawberry.Parent[composed.Community], info: Info) -> Load[OrdersKey, int]:
        query = OrderQueryRecord(status=OrderStatus.OPEN, payment_status=PaymentStatus.UNPAID)
        return Load(info.context.loaders.orders, OrdersKey(root.code, query, offset=0, first=1), _TOTAL)

    @strawberry.field(
        description="Repairs to resolve (未解决报修数).",
        directives=needs(["repair:read"]),
        graphql_type=int | None,
        metadata=ONE_CALL,
    )
    def open_repairs(root: strawberry.Parent[composed.Community], info: Info) -> Load[RepairsKey, int]:
        key = RepairsKey(root.code, RepairStatus.OPEN, offset=0, first=1)
        return Load(info.context.loaders.repairs, key, _TOTAL)

    @strawberry.field(
        description="Modules switched off at wjdh (已关闭模块数).",
        directives=needs(["module:read"]),
        graphql_type=int | None,
        metadata=ONE_CALL,
    )
    def disabled_modules(root: strawberry.Parent[composed.Community], info: Info) -> Load[str, int]:
        return Load(
            info.context.loaders.modules,
            root.code,
            lambda modules: sum(module.enabled is False for module in modules),
        )


@record_type(composed.Community, description="A residential community (小区).")
class Community(Node):
    code: strawberry.ID = plain('Its code, such as "10002" or "00001": a text, zeros kept (小区标识).')

    @strawberry.field(description="The community's node id (节点标识).")
    def id(root: strawberry.Parent[composed.Community], info: Info) -> strawberry.ID:
        return strawberry.ID(info.context.ids.encode("Community", root.code))

    @strawberry.field(
        description="Its feature modules, as wjdh switches them (功能模块).",
        directives=needs(["module:read"]),
        graphql_type=list[Module] | None,
        metadata=ONE_CALL,
    )
    def modules(root: strawberry.Parent[composed.Community], info: Info) -> Load[str, tuple[ModuleRecord, ...]] | None:
        return load_modules(info, root.code)

    @strawberry.field(
        description="Modules about which the two platforms disagree; null when security does not report this "
        "community, or not readably (模块差异).",
        directives=needs(["module:read"]),
        graphql_type=list[ModuleDrift] | None,
        metadata=costs(calls=2),
    )
    async def module_drift(
        root: strawberry.Parent[composed.Community], info: Info
    ) -> list[composed.ModuleDrift] | None:
        loaders = info.context.loaders
        modules, states = only_values(
            await fetch((Load(loaders.modules, root.code), Load(loaders.module_states, "all")))
        )
        reported = states.get(root.code)
        return None if reported is None else list(composed.module_drift(modules, reported))

    @strawberry.field(
        description="Registration reviews (审核).",
        directives=needs(["shenhe:read"]),
        graphql_type=Connection[Shenhe] | None,
        metadata=SHENHES,
    )
    def shenhes(
        root: strawberry.Parent[composed.Community],
        info: Info,
        filter: FilterShenhes = None,
        first: First = 20,
        after: After = None,
        page: PageNumber = None,
    ) -> Load[ShenhesKey, Slice[ShenheRecord]] | None:
        return load_shenhes(info, root.code, filter, window(first, after, page))

    @strawberry.field(
        description="Payment orders, newest first (订单).",
        directives=needs(["order:read"]),
        graphql_type=Connection[Order] | None,
        metadata=ORDERS,
    )
    def orders(
        root: strawberry.Parent[composed.Community],
        info: Info,
        filter: FilterOrders = None,
        first: First = 20,
        after: After = None,
        page: PageNumber = None,
    ) -> OrdersLoad | None:
        return load_orders(info, root.code, filter, window(first, after, page))

    @strawberry.field(
        description="Repairs, the open ones first (报修).",
        directives=needs(["repair:read"]),
        graphql_type=Connection[Repair] | None,
        metadata=REPAIRS,
    )
    def repairs(
        root: strawberry.Parent[composed.Community],
        info: Info,
        filter: FilterRepairs = None,
        first: First = 20,
        after: After = None,
        page: PageNumber = None,
    ) -> Load[RepairsKey, Slice[RepairRecord]] | None:
        return load_repairs(info, root.code, filter, window(first, after, page))

    @strawberry.field(
        description="The house at this address: an address, not a proof that it exists, since no platform lists houses "
        "(房屋).",
        directives=needs(["people:read"]),
        graphql_type=House | None,
    )
    def house(
        root: strawberry.Parent[composed.Community], building: Building, unit: Unit, floor: Floor, room: Room
    ) -> HouseRecord:
        return house_at(records.HouseKey(root.code, building, unit, floor, room))

    @strawberry.field(
        description="What is waiting here, in numbers: at most four calls, side by side (概览).",
        graphql_type=CommunitySummary | None,
    )
    def summary(root: strawberry.Parent[composed.Community]) -> composed.Community | None:
        return root if root.code else None
