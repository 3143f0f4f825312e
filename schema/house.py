"""Houses and their owners (document 1.1.2, 1.1.3)."""

from operator import attrgetter
from typing import Annotated, Any

import strawberry

from gateway.actions.identity import HOUSE, HOUSE_OWNER, house_id
from gateway.context import Info
from gateway.errors import find_violations, refuse_input
from gateway.execution.load import Load
from gateway.normalise import records
from gateway.normalise.house import House as HouseRecord
from gateway.normalise.house import HouseOwner as HouseOwnerRecord
from gateway.normalise.vocabulary import HouseOwnership, HouseStatus, HouseUse
from schema.arguments import community, house_at
from schema.connection import Window
from schema.costs import ONE_CALL
from schema.fields import IDENTITY, masked_names, needs, plain, record_type
from schema.order import ORDERS, FilterOrders, decided_filters
from schema.record import DataIssue, Node, data_issues, its_community
from schema.record_list import SliceLoad


@strawberry.input(description="The full address of a house (房屋地址).")
class HouseAddressInput:
    community_code: strawberry.ID = strawberry.field(description="Code of the community, zeros kept (小区标识).")
    building: int = strawberry.field(description="Building number (楼号).")
    unit: int = strawberry.field(description="Unit number (单元号).")
    floor: int = strawberry.field(description="Floor (楼层).")
    room: int = strawberry.field(description="Room (房间号).")


@record_type(
    HouseOwnerRecord, description="What the security platform says of a house's owner (业主).", identity=HOUSE_OWNER
)
class HouseOwner:
    data_issues: list[DataIssue] = data_issues()

    @strawberry.field(description="Names of the fields masked for this caller (脱敏字段).")
    def masked_fields(root: strawberry.Parent[HouseOwnerRecord], info: Info) -> list[str]:
        return masked_names(root, info)


def _described(description: str, shown: Any, attribute: str) -> Any:
    """A house's use, ownership or status: from here, or from the owner's look-up, which names it so as well."""
    pick = attrgetter(attribute)

    def resolve(root: strawberry.Parent[HouseRecord], info: Info) -> Any:
        if root.described or root.key is None:
            return pick(root)
        return Load(info.context.loaders.house_owner, root.key, lambda owner: None if owner is None else pick(owner))

    return strawberry.field(resolver=resolve, description=description, graphql_type=shown | None, metadata=ONE_CALL)


@record_type(HouseRecord, description="A house (房屋).")
class House(Node):
    data_issues: list[DataIssue] = data_issues(
        "; those of use, ownership and status stand with the owner, unless the house comes with a person's record"
    )

    @strawberry.field(
        description="The house's node id; when a part of the address is unreadable, only a hash for caches (节点标识).",
        metadata={IDENTITY: HOUSE},
    )
    def id(root: strawberry.Parent[HouseRecord], info: Info) -> strawberry.ID:
        return strawberry.ID(house_id(root, info.context.ids))

    community = its_community()

    address: str | None = plain(
        'Community, building, unit, floor and room, such as "10002 1-1-1-101"; null when a part is unreadable (地址).'
    )

    use = _described("What it is used for (房屋用途).", HouseUse, "use")
    ownership = _described("Private or public property (房屋性质).", HouseOwnership, "ownership")
    status = _described("How it is occupied (房屋状态).", HouseStatus, "status")

    @strawberry.field(
        description="Its owner, looked up at the security platform; null when it has none, or a part of its address is "
        "unreadable (业主).",
        directives=needs(["people:read"]),
        graphql_type=HouseOwner | None,
        metadata=ONE_CALL,
    )
    def owner(
        root: strawberry.Parent[HouseRecord], info: Info
    ) -> Load[records.HouseKey, HouseOwnerRecord | None] | None:
        return None if (key := root.key) is None else Load(info.context.loaders.house_owner, key)

    @ORDERS.connection_field(
        "Orders that charge this house, so the filter names none; null when a part of its address is unreadable "
        "(订单).",
    )
    def orders(
        root: strawberry.Parent[HouseRecord], info: Info, part: Window, filter: FilterOrders = None
    ) -> SliceLoad | None:
        if root.key is None:
            return None
        if decided := decided_filters(filter, "house", "building"):
            refuse_input(decided, ORDERS.wrong_filter(filter))
        building, unit, floor, room = root.building, root.unit, root.floor, root.room
        return ORDERS.load(
            info, root.community_code, filter, part, building=building, unit=unit, floor=floor, room=room
        )


Address = Annotated[HouseAddressInput, strawberry.argument(description="The full address (房屋地址).")]


@strawberry.type
class HouseQueries:
    @strawberry.field(
        description="The house at an address; null when the caller may not see its community. An address, not a proof "
        "that it exists: no platform lists houses (房屋).",
        directives=needs(["people:read"]),
        graphql_type=House | None,
    )
    def house(self, info: Info, address: Address) -> HouseRecord | None:
        code = address.community_code
        key = records.HouseKey(code, address.building, address.unit, address.floor, address.room)
        wrong_code = find_violations(community, code, "address.communityCode")
        refuse_input(wrong_code, find_violations(house_at, key, "address."))
        return house_at(key) if info.context.principal.sees(code) else None
