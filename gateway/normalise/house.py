"""Houses: a person's place in one, its owner, and the label that names one (document 1.1.2.5, 1.1.3)."""

import re
from functools import lru_cache
from typing import Annotated

import msgspec

from gateway.normalise.field import Correction, Field, Kind
from gateway.normalise.kinds import REQUIRED_IDENTIFIER, word_of
from gateway.normalise.person import Member, member_key
from gateway.normalise.records import DataIssue, HouseKey, Int32, Issues, Record
from gateway.normalise.shapes import rows_within
from gateway.normalise.table import Rows
from gateway.normalise.values import REMEMBERED, compare_code, integer, is_blank, is_code, word
from gateway.normalise.vocabulary import (
    DataProblem,
    HouseOwnership,
    HouseStatus,
    HouseUse,
    OccupantType,
    PiiKind,
    PlatformName,
    ResidentRole,
)

LONGEST_LABEL = 200
LONGEST_NUMBER = 40

_OF_A_NUMBER = r"[^\W㐀-鿿\U00020000-\U0003ffff]"
"""A digit or letter in any form, but not one of the ideographs that names are made of."""

_LABEL = re.compile(
    rf"(?=[0-9])(?<!{_OF_A_NUMBER})(?<!{_OF_A_NUMBER}\W)"  # A1栋, 10-1栋 and 1.5栋 are no building 1 or 5
    r"([0-9]{1,9})(?:栋|幢|号楼)([0-9]{1,9})单元(-?[0-9]{1,9})[楼层]([0-9]{1,9})[号室]?\s*$"
)


def _read_role(role: object, other: object, path: str, issues: Issues) -> ResidentRole | None:
    """The role from `people_house_role`, the key of the examples, and `people_role`, that of the tables (quirk 72)."""
    found = word(ResidentRole, role, path, issues)
    if other is None:
        return found
    alternative = word(ResidentRole, other, path, issues)
    if found in (None, ResidentRole.UNRECOGNIZED):
        return alternative or found
    if alternative not in (None, found, ResidentRole.UNRECOGNIZED):
        issues.add(path, other, DataProblem.CONTRADICTORY)
    return found


def _read_required_role(role: object, other: object, path: str, issues: Issues) -> ResidentRole:
    found = _read_role(role, other, path, issues)
    if found is None:
        issues.add(path, None, DataProblem.MISSING)
    return found or ResidentRole.UNRECOGNIZED


def _read_code(value: object, other: object, path: str, issues: Issues) -> str | None:
    """A community's code, from `xiaoqu`, the key of the example, or `community_identifier`, that of other chapters
    (quirk 64). None where neither is one: then it is no house.
    """
    code, alternative = (sent.strip() if isinstance(sent, str) else None for sent in (value, other))
    if code is not None and is_code(code):
        compare_code(other, code, path, issues)
        return code
    if alternative is None or not is_code(alternative):
        return None
    if not is_blank(value):
        issues.add(path, value, DataProblem.MALFORMED)
    return alternative


def _read_part(value: object, other: object, path: str, issues: Issues) -> int | None:
    """A number of an address, under either of its keys (quirk 67), the first of which is that of the example."""
    number, alternative = integer(value, path, issues), integer(other, path, issues)
    if number is None:
        if is_blank(value) and is_blank(other):
            issues.add(path, None, DataProblem.MISSING)
        return alternative
    if alternative not in (None, number):
        issues.add(path, other, DataProblem.CONTRADICTORY)
    return number


def _read_members(value: object, path: str, issues: Issues) -> tuple[Member, ...] | None:
    rows, read = rows_within(value, path, issues), issues.source.wire.table(MEMBERS).read
    return (
        None if rows is None else tuple([member for row in rows if (member := read(row, issues.gathered)) is not None])
    )


_ROLE = word_of(ResidentRole)
_ROLE_OF_EITHER_KEY = msgspec.structs.replace(
    _ROLE, inline="v if type(v) is ResidentRole and v2 is None else OTHERWISE", read=_read_role
)
_REQUIRED_ROLE = msgspec.structs.replace(_ROLE_OF_EITHER_KEY, read=_read_required_role, required=True)

CODE = Kind(
    read=_read_code,
    wire=Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z]+\Z")],
    absent=msgspec.NODEFAULT,
    inline="v if v and v2 is None else OTHERWISE",
    required=True,
    identifies=True,
)
PART = Kind(read=_read_part, wire=Annotated[str, msgspec.Meta(max_length=LONGEST_NUMBER)] | int, required=True)
"""A part of an address."""

MEMBERS = Rows(Member, PlatformName.SECURITY, member_key)


def _shared(description: str, key: str | tuple[str, ...], kind: Kind) -> Field:
    """A field that a reviewer may correct where it is that of an application."""
    return Field(description, key, kind, correction=Correction())


ROLE = _shared("The owner's role (居民角色).", ("people_house_role", "people_role"), _ROLE_OF_EITHER_KEY)
STATUS = _shared("How the house is occupied (房屋状态).", "people_house_status", word_of(HouseStatus))
USE = _shared("What it is used for (房屋用途).", "people_house_use", word_of(HouseUse))
OWNERSHIP = _shared("Private or public property (房屋性质).", "people_house_xingzhi", word_of(HouseOwnership))
OCCUPANT_TYPE = _shared("Kind of occupant (住户类型).", "people_house_type", word_of(OccupantType))
"""What several records say of a house, and of somebody's place in it."""

_STATUS, _USE, _OWNERSHIP = (msgspec.structs.replace(field, description="") for field in (STATUS, USE, OWNERSHIP))
"""The same where the schema has them behind a look-up."""


class House(Record, frozen=True, gc=False):
    """A house.

    `use`, `ownership` and `status` are None where the source of this record does not say; `described` is True where it
    does, so that nobody asks again for what the platform has already answered. `key` is the full address, and
    `address` how it is written, "10002 1-1-1-101"; both are made of the parts, None when one of them is unreadable.
    """

    community_code: Annotated[
        str, Field("Code of its community (小区标识).", ("xiaoqu", "community_identifier"), CODE, identifier=True)
    ]
    building: Annotated[Int32 | None, Field("Building number (楼号).", ("louhao", "building_number"), PART)] = None
    unit: Annotated[Int32 | None, Field("Unit number (单元号).", ("danyuan", "unit_number"), PART)] = None
    floor: Annotated[Int32 | None, Field("Floor (楼层).", ("louceng", "floor_number"), PART)] = None
    room: Annotated[Int32 | None, Field("Room (房间号).", ("fangjian", "house_number"), PART)] = None
    use: Annotated[HouseUse | None, _USE] = None
    ownership: Annotated[HouseOwnership | None, _OWNERSHIP] = None
    status: Annotated[HouseStatus | None, _STATUS] = None
    described: Annotated[bool, Field(kind=Kind(read=lambda _path, _issues: True, inline="True"))] = False
    data_issues: tuple[DataIssue, ...] = ()
    key: HouseKey | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        """Once, for they are asked for again and again."""
        code, building, unit, floor, room = self.community_code, self.building, self.unit, self.floor, self.room
        if building is not None and unit is not None and floor is not None and room is not None:
            msgspec.structs.force_setattr(self, "key", HouseKey(code, building, unit, floor, room))
            msgspec.structs.force_setattr(self, "address", f"{code} {building}-{unit}-{floor}-{room}")

    @property
    def identifying_parts(self) -> tuple[str | int | None, ...]:
        """What identifies this house: its address, where a part is unreadable with all that the platform sent."""
        if self.key is not None:
            return self.key
        own = self.__struct_fields__
        sent = [part for issue in self.data_issues if issue.field in own for part in (issue.field, issue.raw)]
        sent += (self.use, self.ownership, self.status) if self.described else ()
        return (self.community_code, self.building, self.unit, self.floor, self.room, *sent)


HOUSES = Rows(House, PlatformName.SECURITY)


class Residency(Record, frozen=True, gc=False):
    """A person's place in a house (1.1.2.5, houses[]): the row is that of the house as well.

    `members` of the house are listed under a person, and nowhere else (quirk 73, 74).
    """

    house: Annotated[House, Field(kind=Kind(same_row=HOUSES, identifies=True))]
    role: Annotated[
        ResidentRole, msgspec.structs.replace(ROLE, description="Role in this house (居民角色).", kind=_REQUIRED_ROLE)
    ] = ResidentRole.UNRECOGNIZED
    occupant_type: Annotated[OccupantType | None, OCCUPANT_TYPE] = None
    members: Annotated[
        tuple[Member, ...] | None,
        Field(key="members", kind=Kind(read=_read_members, wire=list, rows=MEMBERS), pii=PiiKind.SENSITIVE_STATUS),
    ] = None
    data_issues: tuple[DataIssue, ...] = ()


RESIDENCIES = Rows(Residency, PlatformName.SECURITY)


def read_residencies(value: object, path: str, issues: Issues) -> tuple[Residency, ...]:
    """A person's places in houses. A house of no known community is none: an issue keeps what was sent."""
    if is_blank(value):  # which is not to live nowhere
        issues.add(path, value, DataProblem.MISSING)
    residencies, read = [], issues.source.wire.table(RESIDENCIES).read
    for row in rows_within(value, path, issues) or ():
        residency = read(row, issues.gathered)
        if residency is not None:
            residencies.append(residency)
        elif isinstance(row, dict):
            codes = (row.get("xiaoqu"), row.get("community_identifier"))
            issues.add(path, row, DataProblem.MISSING if all(map(is_blank, codes)) else DataProblem.MALFORMED)
    return tuple(residencies)


class HouseOwner(Record, frozen=True, gc=False):
    """The answer of the owner look-up (1.1.3): the owner's phone and role, and what it says of the house itself.

    `house` is the address that was asked for.
    """

    phone: Annotated[
        str | None,
        Field(
            "The owner's phone number; the platform does not send the name (业主手机号).",
            "people_phone",
            msgspec.structs.replace(REQUIRED_IDENTIFIER, absent=msgspec.NODEFAULT),
            pii=PiiKind.PHONE,
        ),
    ] = None
    role: Annotated[ResidentRole | None, ROLE] = None
    occupant_type: Annotated[OccupantType | None, OCCUPANT_TYPE] = None
    use: Annotated[HouseUse | None, _USE] = None
    ownership: Annotated[HouseOwnership | None, _OWNERSHIP] = None
    status: Annotated[HouseStatus | None, _STATUS] = None
    data_issues: tuple[DataIssue, ...] = ()
    house: Annotated[HouseKey | None, Field()] = None


OWNERS = Rows(HouseOwner, PlatformName.SECURITY)


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
