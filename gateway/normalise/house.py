"""Houses: a person's place in one, its owner, and the label that names one (document 1.1.2.5, 1.1.3)."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Protocol, TypeAlias

import msgspec

from gateway.normalise.issues import HOUSE_PII, OWNER_PII, Issues
from gateway.normalise.person import (
    DocumentedMember,
    DocumentedPerson,
    MemberWire,
    PersonIssues,
    PersonWire,
    clean_person,
    read_person,
)
from gateway.normalise.records import House, HouseKey, HouseOwner, Member, Residency
from gateway.normalise.shapes import ReadWire, one_row, rows_within
from gateway.normalise.values import (
    REMEMBERED,
    compare_code,
    identifier,
    integer,
    is_blank,
    is_code,
    required_word,
    word,
)
from gateway.normalise.vocabulary import (
    DataProblem,
    HouseOwnership,
    HouseStatus,
    HouseUse,
    OccupantType,
    PlatformName,
    ResidentRole,
)

if TYPE_CHECKING:  # what they are, and how they are decoded
    RoleWord = ResidentRole | str | int | None
    StatusWord = HouseStatus | str | int | None
    UseWord = HouseUse | str | int | None
    OwnershipWord = HouseOwnership | str | int | None
    OccupantTypeWord = OccupantType | str | int | None
else:
    RoleWord = ResidentRole.spelling() | int | None
    StatusWord = HouseStatus.spelling() | int | None
    UseWord = HouseUse.spelling() | int | None
    OwnershipWord = HouseOwnership.spelling() | int | None
    OccupantTypeWord = OccupantType.spelling() | int | None

LONGEST_LABEL = 200
LONGEST_NUMBER = 40

_ROLES = ResidentRole.by_wire

_OF_A_NUMBER = r"[^\W㐀-鿿\U00020000-\U0003ffff]"
"""A digit or letter in any form, but not one of the ideographs that names are made of."""

_LABEL = re.compile(
    rf"(?<!{_OF_A_NUMBER})(?<!{_OF_A_NUMBER}\W)"  # A1栋, 10-1栋 and 1.5栋 are no building 1 or 5
    r"([0-9]{1,9})(?:栋|幢|号楼)([0-9]{1,9})单元(-?[0-9]{1,9})[楼层]([0-9]{1,9})[号室]?\s*$"
)


class HouseIssues(Issues):
    platform = PlatformName.SECURITY
    pii = HOUSE_PII


class OwnerIssues(Issues):
    platform = PlatformName.SECURITY
    pii = OWNER_PII


def read_residency(row: Mapping[str, object], issues_of_person: Issues) -> Residency | None:
    """One entry of a person's `houses`: the house itself, and the person's place in it.

    None for a house of no known community, which is no house at all: an issue of the person keeps what was sent.
    """
    issues = HouseIssues()
    community_code = _community_code(row, issues)
    if community_code is None:
        problem = DataProblem.MALFORMED if issues.found else DataProblem.MISSING
        issues_of_person.add("residencies", row, problem)
        return None
    members = rows_within(row.get("members"), "members", issues)
    return _residency(row, community_code, None if members is None else tuple(map(read_member, members)), issues)


def _community_code(row: Mapping[str, object], issues: HouseIssues) -> str | None:
    """From `xiaoqu`, the key of the example, and `community_identifier`, that of other chapters (quirk 64)."""
    code = _code(row.get("xiaoqu"), issues)
    other = row.get("community_identifier")
    if code is None:
        return _code(other, issues)
    compare_code(other, code, issues)
    return code


def _code(value: object, issues: HouseIssues) -> str | None:
    code = identifier(value, "communityCode", issues)
    if code is not None and not is_code(code):  # which nothing can be asked by
        issues.add("communityCode", value, DataProblem.MALFORMED)
        return None
    return code


def _number(row: Mapping[str, object], key: str, other_key: str, field: str, issues: HouseIssues) -> int | None:
    """A number of an address under either of its keys (quirk 67), the first of which is that of the example."""
    number = integer(row.get(key), field, issues)
    other = row.get(other_key)
    alternative = integer(other, field, issues)
    if number is None:
        if alternative is None and is_blank(row.get(key)) and is_blank(other):
            issues.add(field, None, DataProblem.MISSING)
        return alternative
    if alternative not in (None, number):
        issues.add(field, other, DataProblem.CONTRADICTORY)
    return number


def _residency(
    row: Mapping[str, object], community_code: str, members: tuple[Member, ...] | None, issues: HouseIssues
) -> Residency:
    get = row.get
    house = House(
        community_code=community_code,
        building=_number(row, "louhao", "building_number", "building", issues),
        unit=_number(row, "danyuan", "unit_number", "unit", issues),
        floor=_number(row, "louceng", "floor_number", "floor", issues),
        room=_number(row, "fangjian", "house_number", "room", issues),
        use=word(HouseUse, get("people_house_use"), "use", issues),
        ownership=word(HouseOwnership, get("people_house_xingzhi"), "ownership", issues),
        status=word(HouseStatus, get("people_house_status"), "status", issues),
        members=members,
        described=True,
        data_issues=issues.found,
    )
    issues = HouseIssues()
    role = read_role(get("people_house_role"), get("people_role"), issues)
    if role is None:
        issues.add("role", None, DataProblem.MISSING)
    return Residency(
        house=house,
        role=role or ResidentRole.UNRECOGNIZED,
        occupant_type=word(OccupantType, get("people_house_type"), "occupantType", issues),
        data_issues=issues.found,
    )


_Number = Annotated[str, msgspec.Meta(max_length=LONGEST_NUMBER)] | int | None


class ResidencyWire(msgspec.Struct, gc=False):
    """An entry of a person's `houses` as documented. Words that are in the lists come as members."""

    xiaoqu: str
    community_identifier: None = None
    louhao: _Number = None
    danyuan: _Number = None
    louceng: _Number = None
    fangjian: _Number = None
    building_number: None = None
    unit_number: None = None
    floor_number: None = None
    house_number: None = None
    people_house_use: UseWord = None
    people_house_xingzhi: OwnershipWord = None
    people_house_status: StatusWord = None
    people_house_role: RoleWord = None
    people_role: str | int | None = None
    people_house_type: OccupantTypeWord = None
    members: list[DocumentedMember] | None = None  # type: ignore[valid-type] # a class made by a function


def read_documented_residency(row: ResidencyWire) -> Residency:
    """As `read_residency`, for an entry that came as documented."""
    members = None if row.members is None else tuple(map(_documented_member, row.members))
    residency = _clean_residency(row, members)
    if residency is not None:
        return residency
    return _residency(msgspec.structs.asdict(row), row.xiaoqu, members, HouseIssues())


def _clean_residency(row: ResidencyWire, members: tuple[Member, ...] | None) -> Residency | None:
    """As `read_residency`, but None where that would find an issue with the house or the person's place in it."""
    address, words = _address(row.louhao, row.danyuan, row.louceng, row.fangjian), clean_words(row)
    if address is None or words is None:
        return None
    building, unit, floor, room = address
    role, status, use, ownership, occupant_type = words
    if role is None:
        return None
    return Residency(
        house=House(
            community_code=row.xiaoqu,
            building=building,
            unit=unit,
            floor=floor,
            room=room,
            use=use,
            ownership=ownership,
            status=status,
            members=members,
            described=True,
        ),
        role=role,
        occupant_type=occupant_type,
    )


@lru_cache(REMEMBERED)
def _address(*numbers: str | int | None) -> tuple[int | None, ...] | None:
    """The numbers of a house as integers; None where one is missing or cannot be read."""
    issues = HouseIssues()
    address = tuple([integer(number, "", issues) for number in numbers])
    return None if None in address else address


def _documented_member(row: DocumentedPerson) -> Member:
    role = _ROLES.get(row.role)
    return (role and clean_person(Member, row, None, role)) or _member(row, row.role)


def read_member(row: Mapping[str, object]) -> Member:
    return _member(msgspec.convert(row, MemberWire), row.get("member_role"))


def _member(wire: PersonWire | DocumentedPerson, role: object) -> Member:
    issues = PersonIssues()
    return read_person(Member, wire, issues, None, required_word(ResidentRole, role, "role", issues))


class OwnerWire(msgspec.Struct, gc=False):
    """The owner of a house as documented. Words that are in the lists come as members."""

    people_phone: Annotated[str, msgspec.Meta(min_length=1)]
    people_house_use: UseWord = None
    people_house_xingzhi: OwnershipWord = None
    people_house_status: StatusWord = None
    people_house_role: RoleWord = None
    people_role: str | int | None = None
    people_house_type: OccupantTypeWord = None


class OwnerAnswerWire(ReadWire, gc=False, kw_only=True):
    data: OwnerWire


decode_owner: Callable[[bytes], OwnerAnswerWire] = msgspec.json.Decoder(OwnerAnswerWire).decode
"""The body of the owner look-up, where it came as documented. Raises msgspec.DecodeError for any other."""


def read_owner(body: OwnerAnswerWire, house: HouseKey | None = None) -> HouseOwner | None:
    """As `parse_owner`, for a body that came as documented."""
    row = body.data
    phone, words = row.people_phone.strip(), clean_words(row)
    if not phone or words is None:
        return parse_owner(msgspec.structs.asdict(row), house)
    role, status, use, ownership, occupant_type = words
    return HouseOwner(phone, role, occupant_type, use, ownership, status, (), house)


def parse_owner(data: object, house: HouseKey | None = None) -> HouseOwner | None:
    """The `data` of the owner look-up for a house (1.1.3); None when it is empty: it has none. Raises ShapeError."""
    row = one_row(data)
    if row is None:
        return None
    get = row.get
    issues = OwnerIssues()
    phone = identifier(get("people_phone"), "phone", issues)
    if phone is None:
        issues.add("phone", get("people_phone"), DataProblem.MISSING)
    return HouseOwner(
        phone=phone,
        role=read_role(get("people_house_role"), get("people_role"), issues),
        occupant_type=word(OccupantType, get("people_house_type"), "occupantType", issues),
        use=word(HouseUse, get("people_house_use"), "use", issues),
        ownership=word(HouseOwnership, get("people_house_xingzhi"), "ownership", issues),
        status=word(HouseStatus, get("people_house_status"), "status", issues),
        data_issues=issues.found,
        house=house,
    )


class HouseWords(Protocol):
    """What is said in words of a house and of somebody's place in it, as decoded.

    The role comes under either key (quirk 72).
    """

    people_house_role: RoleWord
    people_role: str | int | None
    people_house_status: StatusWord
    people_house_use: UseWord
    people_house_xingzhi: OwnershipWord
    people_house_type: OccupantTypeWord


Words: TypeAlias = tuple[
    ResidentRole | None, HouseStatus | None, HouseUse | None, HouseOwnership | None, OccupantType | None
]


def clean_words(row: HouseWords) -> Words | None:
    """Role, status, use, ownership and type of occupant; None where reading them one by one would find an issue."""
    role, status, use = row.people_house_role, row.people_house_status, row.people_house_use
    ownership, occupant_type = row.people_house_xingzhi, row.people_house_type
    if row.people_role is not None:
        role = _either_role(role, row.people_role)
    if (
        (type(role) is not ResidentRole and role is not None)
        or (type(status) is not HouseStatus and status is not None)
        or (type(use) is not HouseUse and use is not None)
        or (type(ownership) is not HouseOwnership and ownership is not None)
        or (type(occupant_type) is not OccupantType and occupant_type is not None)
    ):
        return None
    return role, status, use, ownership, occupant_type


def _either_role(role: RoleWord, other: str | int) -> RoleWord:
    """As `read_role`, for a role as decoded; where that would find an issue, something that is no role."""
    alternative = _ROLES.get(other, other)
    if alternative is None:
        return role
    return alternative if role is None or role is alternative else other


def read_role(role: object, other: object, issues: Issues) -> ResidentRole | None:
    """The role from `people_house_role`, the key of the examples, and `people_role`, that of the tables (quirk 72)."""
    found = word(ResidentRole, role, "role", issues)
    if other is None:
        return found
    alternative = word(ResidentRole, other, "role", issues)
    if found in (None, ResidentRole.UNRECOGNIZED):
        return alternative or found
    if alternative not in (None, found, ResidentRole.UNRECOGNIZED):
        issues.add("role", other, DataProblem.CONTRADICTORY)
    return found


@lru_cache(REMEMBERED)
def house_of_label(label: str, community_code: str) -> House | None:
    """The house that a label like "晨曦家园1栋1单元1楼101号" names at its end; None where it names none.

    Only the numbers count: names of communities are alike (quirk 81). 楼 is the floor here (quirk 86).
    """
    match = _LABEL.search(label)
    if match is None:
        return None
    building, unit, floor, room = map(int, match.groups())
    return House(community_code=community_code, building=building, unit=unit, floor=floor, room=room)
