"""People, where they live and with whom; houses and their owners (document 1.1.2, 1.1.3)."""

from operator import attrgetter
from typing import Any

import strawberry

from gateway import people as records
from gateway.actions.identity import HOUSE, HOUSE_OWNER, RESIDENCY, house_id
from gateway.context import Info, Lookup
from gateway.errors import find_violations, refuse_input
from gateway.execution.cost import Cost
from gateway.execution.load import Load
from gateway.normalise.people import House as HouseRecord
from gateway.normalise.people import Person as PersonRecord
from gateway.normalise.records import HouseKey
from gateway.normalise.values import LONGEST_NAME, mobile_number
from gateway.normalise.vocabulary import HouseOwnership, HouseStatus, HouseUse
from gateway.people import HOUSE_OWNERS, PEOPLE, PeopleKey
from schema import fields
from schema.connection import Window
from schema.costs import ASSUMED_HOUSES, ASSUMED_MEMBERS, ONE_CALL
from schema.fields import described, looked_up, masked_names, plain, record_type, required, resolved
from schema.order import ORDERS, OrderFilter, decided_filters
from schema.record import CommunityCode, Node, community, house_at, its_community, wrong_name
from schema.record_list import SliceLoad


@record_type(PersonRecord, "A natural person (自然人).", declare=strawberry.interface)
class Person:
    masked_fields = fields.names_masked(
        "Names of the fields that are masked or withheld for this caller; another field that is null has no value "
        "(脱敏字段)."
    )


@record_type(records.Residency, "A person's residence in a house (居住关系).", identity=RESIDENCY)
class Residency:
    house: "House" = plain("The house (房屋).")
    members: list["Member"] | None = plain(
        "The members of the house, as listed in this person's record; null if it does not list them (房屋成员).",
        "people:read",
        cost=Cost(items=ASSUMED_MEMBERS),
    )


@record_type(records.People, "A person as registered at the security platform (人员).")
class People(Person):
    id: strawberry.ID = fields.hashed_id(
        "People",
        ("name", "phone"),
        "Stable id of the person, for client caches; not a node id, reveals no data (标识).",
    )

    @resolved(cost=Cost(items=ASSUMED_HOUSES))
    def residencies(root: records.People, info: Info) -> list[Residency]:
        """The person's houses in the communities that the caller may see; if others are left out, `maskedFields`
        contains "residencies". A house without a known community appears only in `dataIssues` (居住房屋)."""
        sees = info.context.principal.sees
        return [residency for residency in root.residencies if sees(residency.house.community_code)]  # type: ignore[misc] # records stand for their types

    @resolved()
    def masked_fields(root: records.People, info: Info) -> list[str]:
        """Names of the fields that are masked, withheld or incomplete for this caller (脱敏字段)."""
        sees = info.context.principal.sees
        is_cut = not all(sees(residency.house.community_code) for residency in root.residencies)
        return [*masked_names(root, info), *(["residencies"] if is_cut else [])]

    @ORDERS.connection
    def orders(
        root: records.People, info: Info, part: Window, community_code: CommunityCode, filter: OrderFilter | None = None
    ) -> SliceLoad | None:
        """Orders of one community for this person, by name and phone: the filter cannot contain them; null if one is
        missing (订单)."""
        if root.name is None or root.phone is None:
            return None
        refuse_input(decided_filters(filter, "person", "name", "phone"))
        return ORDERS.load(info, community_code, filter, part, name=root.name, phone=mobile_number(root.phone))


def people_key(name: str | None, phone: str | None) -> PeopleKey | None:
    """What the security platform looks a person up by; None when name or phone is missing."""
    return PeopleKey(name, mobile_number(phone)) if name and phone else None


@record_type(records.Member, "A member of a house, as the security platform lists them (房屋成员).")
class Member(Person):
    id: strawberry.ID = fields.hashed_id(
        "Member",
        ("name", "phone", "id_card", "role"),
        "Stable id of the member, for client caches; not a node id, reveals no data (标识).",
    )

    people = looked_up(
        People | None,
        PEOPLE,
        lambda member: people_key(member.name, member.phone),
        "The member's own record, looked up by name and phone; null if security has none, or name or phone is missing "
        "(本人记录).",
    )


ADDRESS = {
    "building": "Building number (楼号).",
    "unit": "Unit number (单元号).",
    "floor": "Floor (楼层).",
    "room": "Room (房间号).",
}


@strawberry.input(description="The full address of a house (房屋地址).")
class HouseAddressInput:
    community_code: strawberry.ID = required("Code of the community, leading zeros kept (小区标识).")
    building: int = required(ADDRESS["building"])
    unit: int = required(ADDRESS["unit"])
    floor: int = required(ADDRESS["floor"])
    room: int = required(ADDRESS["room"])


@record_type(
    records.HouseOwner, "The owner of a house, as registered at the security platform (业主).", identity=HOUSE_OWNER
)
class HouseOwner:
    masked_fields = fields.names_masked("Names of the fields that are masked for this caller (脱敏字段).")


def _described(description: str, shown: Any, attribute: str) -> Any:
    """A house's use, ownership or status: from here, or from the owner's look-up, which names it so as well."""
    pick = attrgetter(attribute)

    def resolve(root: HouseRecord, info: Info) -> Any:
        if root.described or root.key is None:
            return pick(root)
        owners = info.context.loaders.of(HOUSE_OWNERS)
        return Load(owners, root.key, lambda owner: None if owner is None else pick(owner))

    return resolved(shown | None, cost=ONE_CALL, description=description)(resolve)


@record_type(HouseRecord, "A house (房屋).", identity=HOUSE)
class House(Node):
    data_issues: list[fields.DataIssue] = fields.data_issues(
        "; those of use, ownership and status are at `owner`, unless the house is part of a person's record"
    )

    @resolved()
    def id(root: HouseRecord, info: Info) -> strawberry.ID:
        """The house's node id; if a part of the address is unreadable, only a hash for caches (节点标识)."""
        return strawberry.ID(house_id(root, info.context.ids))

    community = its_community()

    @resolved()
    def address(root: HouseRecord, info: Info) -> str | None:
        """As in `Order.address`, "晨曦家园1栋1单元1楼101号"; with the code of a community that has no name; null
        when a part is unreadable (地址)."""
        if (address := root.address) is None:
            return None
        return f"{info.context.community_names.get(root.community_code) or f'{root.community_code} '}{address}"

    use = _described("What it is used for (房屋用途).", HouseUse, "use")
    ownership = _described("Private or public property (房屋性质).", HouseOwnership, "ownership")
    status = _described("How it is occupied (房屋状态).", HouseStatus, "status")

    owner = looked_up(
        HouseOwner | None,
        HOUSE_OWNERS,
        attrgetter("key"),
        "Its owner, looked up at the security platform; null when it has none, or a part of its address is unreadable "
        "(业主).",
    )

    @ORDERS.connection
    def orders(root: HouseRecord, info: Info, part: Window, filter: OrderFilter | None = None) -> SliceLoad | None:
        """Orders for this house: the filter cannot name one; null if a part of its address is unreadable
        (订单)."""
        if (key := root.key) is None:
            return None
        refuse_input(decided_filters(filter, "house", "building"))
        address = key._asdict()
        return ORDERS.load(info, address.pop("community_code"), filter, part, **address)


class PeopleQueries:
    @resolved(People | None, lookup=PEOPLE)
    @described(name="Full name (姓名).", phone="Phone number (手机号码).")
    def people(self, info: Info, name: str, phone: str) -> Lookup[PeopleKey, records.People | None]:
        """A person by full name and phone, both exact; null when security does not know them (人员)."""
        refuse_input(
            wrong_name(name.strip() and name, LONGEST_NAME, "name"),
            wrong_name(phone.strip() and phone, LONGEST_NAME, "phone"),
        )
        key = PeopleKey(name.strip(), mobile_number(phone.strip()))
        return info.context.counted(Load(info.context.loaders.of(PEOPLE), key))

    @resolved(House | None, "people:read")
    @described(address="The full address (房屋地址).")
    def house(self, info: Info, address: HouseAddressInput) -> HouseRecord | None:
        """The house at an address; null if the caller may not see its community. It need not exist: no platform lists
        houses (房屋)."""
        key = HouseKey(**vars(address))
        wrong_code = find_violations(community, key.community_code, "address.communityCode")
        refuse_input(wrong_code, find_violations(house_at, key, "address."))
        return house_at(key) if info.context.principal.sees(key.community_code) else None
