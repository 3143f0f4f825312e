"""People and houses as the security platform writes them (1.1.2.5, 1.1.3.4)."""

from collections.abc import Callable, Mapping

import msgspec

from gateway.sandbox.dialects.dialect import Dialect, Row, Stain, put, stain_for
from gateway.sandbox.dialects.times import eight_digits, epoch
from gateway.sandbox.model import House, Member, Person, Residency, Resident

Rendered = Row | str
"""`data` is a string by the tables, an object by the examples (quirk 112): in the mixed dialect either."""


def documented(resident: Resident) -> Row:
    """Flags, sex and birth by the tables' types; the role under `people_role` (quirk 72)."""
    person = resident.person
    return {
        **_person(person),
        "people_nation": person.nation.removesuffix("族"),
        "people_birth": int(eight_digits(person.birth)),
        "people_tuiyijunren": int(person.is_veteran),
        "people_dibao": int(person.receives_allowance),
        "people_shangfang": int(person.is_petitioner),
        "houses": [_residency(place, "people_role", _documented_birth) for place in resident.residencies],
    }


def examples(resident: Resident) -> Row:
    """Flags and birth as strings, the members' flags as numbers and their birth in eight digits."""
    person = resident.person
    return {
        **_person(person),
        "people_nation": person.nation,
        "people_birth": str(epoch(person.birth)),
        "people_tuiyijunren": str(int(person.is_veteran)),
        "people_dibao": str(int(person.receives_allowance)),
        "people_shangfang": str(int(person.is_petitioner)),
        "houses": [_residency(place, "people_house_role", _example_birth) for place in resident.residencies],
    }


OTHER_KEYS = {
    "xiaoqu": "community_identifier",
    "louhao": "building_number",
    "danyuan": "unit_number",
    "louceng": "floor_number",
    "fangjian": "house_number",
}
"""The words that other chapters have for where a house is (quirks 64, 67)."""


def mixed(resident: Resident) -> Rendered:
    """Either of the two, every fifth as a JSON text inside the JSON, every seventh with the houses under other keys,
    every eighth with a dirty value.
    """
    number = int(resident.person.phone[-5:])
    row = examples(resident) if number % 2 else documented(resident)
    if number % 7 == 0:
        row["houses"] = [{OTHER_KEYS.get(key, key): value for key, value in house.items()} for house in row["houses"]]
    if stain := stain_for(number, STAINS):
        stain(row)
    return msgspec.json.encode(row).decode() if number % 5 == 0 else row


def _unknown_role(row: Row) -> None:
    for house in row["houses"]:
        house.update(people_house_role="管家", people_role="管家")


def _members_missing(row: Row) -> None:
    for house in row["houses"]:
        del house["members"]


def _odd_member(row: Row) -> None:
    for house in row["houses"]:
        for member in house["members"]:
            member.update(member_birth="不详", member_sex="2", member_tuiyijunren=None)


STAINS: tuple[Stain, ...] = (
    put("people_sex", 2),  # 89
    put("people_birth", "19921345"),  # 126, 130
    _unknown_role,  # 106
    put("people_zhengzhimianmao", "1"),  # 91
    put("people_tuiyijunren", "是"),  # 117
    put("people_photo", "www"),  # 119
    _members_missing,  # 73
    put("people_zhengzhimianmao", "无党派人士"),  # 106
    put("people_birth", "1980-02-30"),  # 126
    _odd_member,  # 117, 126
)

RENDER: Mapping[Dialect, Callable[[Resident], Rendered]] = {
    Dialect.DOCUMENTED: documented,
    Dialect.EXAMPLES: examples,
    Dialect.MIXED: mixed,
}


def owner(house: House, owner: Person, dialect: Dialect) -> Rendered:
    """The answer of the owner look-up: the owner's phone and what is known of the house (1.1.3.4)."""
    role_key = "people_role" if dialect is Dialect.DOCUMENTED else "people_house_role"
    row: Row = {"people_phone": owner.phone, **_house_facts(house), role_key: "业主", "people_house_type": "业主"}
    if dialect is Dialect.MIXED:
        floor_and_room = house.address.floor * 10 + house.address.room % 10
        if floor_and_room % 5 == 0 and house.address.building == 2:
            row["people_house_use"] = "民宿"  # 106
        if house.address.unit == 2 and house.address.floor == 3:
            return msgspec.json.encode(row).decode()
    return row


def _person(person: Person) -> Row:
    return {
        "people_name": person.name,
        "people_sex": person.sex,
        "people_nation": None,
        "people_birth": None,
        "people_address": person.address,
        "people_idcard": person.id_card,
        "people_phone": person.phone,
        "people_photo": person.photo,
        "people_zhengzhimianmao": person.political_status,
        "people_tuiyijunren": None,
        "people_dibao": None,
        "people_shangfang": None,
        "job_name": person.job_name,
        "company_name": person.company_name,
    }


def _residency(place: Residency, role_key: str, birth: Callable[[Person], object]) -> Row:
    house = place.house
    building, unit, floor, room = house.address
    return {
        "xiaoqu": house.community.code,
        "louhao": str(building),
        "danyuan": str(unit),
        "louceng": str(floor),
        "fangjian": str(room),
        **_house_facts(house),
        role_key: place.role,
        "people_house_type": place.occupant_type,
        "members": [_member(member, birth) for member in house.members],
    }


def _house_facts(house: House) -> Row:
    return {
        "people_house_use": house.use,
        "people_house_xingzhi": house.ownership,
        "people_house_status": house.status,
    }


def _documented_birth(person: Person) -> object:
    return epoch(person.birth)


def _example_birth(person: Person) -> object:
    return eight_digits(person.birth)


def _member(member: Member, birth: Callable[[Person], object]) -> Row:
    person = member.person
    return {
        "member_idcard": person.id_card,
        "member_name": person.name,
        "member_role": member.role,
        "member_sex": person.sex,
        "member_nation": person.nation,
        "member_birth": birth(person),
        "member_address": person.address,
        "member_phone": person.phone,
        "member_photo": person.photo,
        "member_zhengzhimianmao": person.political_status,
        "member_tuiyijunren": int(person.is_veteran),
        "member_dibao": int(person.receives_allowance),
        "member_shangfang": int(person.is_petitioner),
        "member_job_name": person.job_name,
        "member_company_name": person.company_name,
    }
