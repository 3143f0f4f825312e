"""Residential communities: the way into everything that belongs to one."""

from collections.abc import Sequence
from typing import Any

import strawberry

from gateway.context import Info
from gateway.execution.fetch import fetch
from gateway.execution.level_loader import only_values
from gateway.execution.load import Load
from gateway.normalise import composed, records
from gateway.normalise.house import House as HouseRecord
from gateway.normalise.module import Module as ModuleRecord
from schema.types.arguments import Building, Floor, Room, Unit
from schema.types.belonging import community_codes
from schema.types.costs import COMMUNITY_LIST, ONE_CALL, costs
from schema.types.fees import FEES
from schema.types.fields import needs, plain, record_type, with_fields
from schema.types.house import House, house_at
from schema.types.lists import LISTS
from schema.types.module import Module, ModuleDrift, load_modules
from schema.types.node import Node
from schema.types.reconciliation import RECONCILIATION


@strawberry.type(description="What is waiting in a community, in numbers; each fails alone (小区概览).")
@with_fields({shown.count[0]: shown.count_field() for shown in LISTS})
class CommunitySummary:
    @strawberry.field(
        description="Modules switched off at wjdh; null where no state could be read (已关闭模块数).",
        directives=needs(["module:read"]),
        graphql_type=int | None,
        metadata=ONE_CALL,
    )
    def disabled_modules(root: strawberry.Parent[composed.Community], info: Info) -> Load[str, int | None]:
        def count(modules: Sequence[ModuleRecord]) -> int | None:
            known = [module.enabled for module in modules if module.enabled is not None]
            return known.count(False) if known or not modules else None

        return Load(info.context.loaders.modules, root.code, count)


@record_type(composed.Community, description="A residential community (小区).")
@with_fields({f"{shown.name}s": shown.community_field() for shown in LISTS})
@with_fields({"fees": FEES, "reconciliation": RECONCILIATION})
class Community(Node):
    code: strawberry.ID = plain('Its code, such as "10002" or "00001": a text, zeros kept (小区标识).')

    @strawberry.field(
        description="Its name, as the gateway is set up; null where none is set: no platform names its communities "
        "(小区名称)."
    )
    def name(root: strawberry.Parent[composed.Community], info: Info) -> str | None:
        return info.context.get_community_name(root.code)

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
        reported = composed.readable(states.get(root.code))
        return None if reported is None else list(composed.module_drift(modules, reported))

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


def community_list(description: str) -> Any:
    """The communities that the caller may see, as a field of whatever leads to them."""

    async def resolve(info: Info) -> list[composed.Community]:
        return [composed.Community(code) for code in await community_codes(info)]

    return strawberry.field(
        resolver=resolve,
        description=f"{description}: those of the token, in its order; for one who may see all, those that the "
        "gateway is set up with, else those that the security platform reports (小区列表).",
        graphql_type=list[Community] | None,
        metadata=COMMUNITY_LIST,
    )
