"""Houses, their owners and members (document 1.1.2, 1.1.3)."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

import strawberry

from gateway.actions.identity import HOUSE, HOUSE_OWNER, house_id
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.loaders.people import PeopleKey
from gateway.normalise import records
from gateway.normalise.house import House as HouseRecord
from gateway.normalise.house import HouseOwner as HouseOwnerRecord
from gateway.normalise.people import People as PeopleRecord
from gateway.normalise.person import Member as MemberRecord
from gateway.normalise.plausible import LARGEST_PART
from gateway.normalise.values import mobile_number
from gateway.normalise.vocabulary import HouseOwnership, HouseStatus, HouseUse
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.types.belonging import its_community
from schema.types.connection import Window
from schema.types.costs import ONE_CALL
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import masked_names, needs, plain, record_type
from schema.types.identity import IDENTITY, hashed_id
from schema.types.node import Node
from schema.types.order import ORDERS, FilterOrders, decided_filters
from schema.types.people import People
from schema.types.person import Person
from schema.types.record_list import SliceLoad

ValueT = TypeVar("ValueT")
Described: TypeAlias = Load[records.HouseKey, ValueT | None] | ValueT | None

_USE, _OWNERSHIP, _STATUS = (attrgetter(name) for name in ("use", "ownership", "status"))
"""Those attributes have the same names in a house and in what its owner's look-up says of it."""


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


@record_type(MemberRecord, description="A member of a house, as the security platform lists them (房屋成员).")
class Member(Person):
    id: strawberry.ID = hashed_id(
        "Member",
        ("name", "phone", "id_card", "role"),
        "Stable for the same member, for caches; reveals nothing and is no node (标识).",
    )

    @strawberry.field(
        description="The member's own record, looked up by name and phone; null when security has none, or one of them "
        "is missing (本人记录).",
        directives=needs(["people:read"]),
        graphql_type=People | None,
        metadata=ONE_CALL,
    )
    def people(root: strawberry.Parent[MemberRecord], info: Info) -> Load[PeopleKey, PeopleRecord | None] | None:
        return load_people(info, root.name, root.phone)


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

    @strawberry.field(description="What it is used for (房屋用途).", graphql_type=HouseUse | None, metadata=ONE_CALL)
    def use(root: strawberry.Parent[HouseRecord], info: Info) -> Described[HouseUse]:
        return _described(root, info, _USE)

    @strawberry.field(
        description="Private or public property (房屋性质).", graphql_type=HouseOwnership | None, metadata=ONE_CALL
    )
    def ownership(root: strawberry.Parent[HouseRecord], info: Info) -> Described[HouseOwnership]:
        return _described(root, info, _OWNERSHIP)

    @strawberry.field(description="How it is occupied (房屋状态).", graphql_type=HouseStatus | None, metadata=ONE_CALL)
    def status(root: strawberry.Parent[HouseRecord], info: Info) -> Described[HouseStatus]:
        return _described(root, info, _STATUS)

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


def house_at(key: records.HouseKey, argument: str = "") -> HouseRecord:
    """The house of an address. Raises UserInputError for a number that no address has."""
    beyond = [part for part, value in zip(key._fields[1:], key[1:], strict=True) if abs(value) > LARGEST_PART]
    if beyond:
        refuse_input(_beyond(argument + part) for part in beyond)
    return HouseRecord(
        community_code=key.community_code, building=key.building, unit=key.unit, floor=key.floor, room=key.room
    )


def _beyond(argument: str) -> Violation:
    message = InputWording.BEYOND(field=argument, min=-LARGEST_PART, max=LARGEST_PART)
    return Violation(tuple(argument.split(".")), message)


def load_people(info: Info, name: str | None, phone: str | None) -> Load[PeopleKey, PeopleRecord | None] | None:
    """The security platform's record of a person; None when name or phone, which it needs, is missing."""
    if not name or not phone:
        return None
    return Load(info.context.loaders.people, PeopleKey(name, mobile_number(phone)))


def _described(root: HouseRecord, info: Info, pick: Callable[[Any], ValueT]) -> "Described[ValueT]":
    """A house's use, ownership or status: from here, or from the answer of the owner look-up."""
    if root.described or root.key is None:
        return pick(root)
    return Load(info.context.loaders.house_owner, root.key, lambda owner: None if owner is None else pick(owner))
