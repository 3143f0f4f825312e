"""People of the security platform, where they live and with whom, and the owners of houses (document 1.1.2, 1.1.3)."""

import re
from functools import partial
from operator import attrgetter
from typing import Annotated, NamedTuple

import msgspec

from gateway.auth.principal import Scope
from gateway.loaders.loader import Lookup
from gateway.normalise.people import _REQUIRED_ROLE, HOUSES, ROLE, House, Occupant, Ownership, Person, Status, Use
from gateway.normalise.records import DataIssue, Field, HouseKey, Issues, Kind, Record, is_blank
from gateway.normalise.shapes import rows_within
from gateway.normalise.table import Rows
from gateway.normalise.values import REQUIRED_IDENTIFIER, word_of
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName, ResidentRole
from gateway.platforms.call import Call
from gateway.platforms.endpoint import Effect, Endpoint
from gateway.platforms.envelope import ERROR_WORDS, Envelope
from gateway.platforms.security import FAILURE, NOT_FOUND, SECURITY, Security


class Member(Person, frozen=True, gc=False):
    """A member of a house, as listed under the person asked for (1.1.2.5, members)."""

    role: Annotated[
        ResidentRole, Field("Role in this house (居民角色).", "people_role", word_of(ResidentRole, required=True))
    ] = ResidentRole.UNRECOGNIZED


def _read_members(value: object, path: str, issues: Issues) -> tuple[Member, ...] | None:
    rows, read = rows_within(value, path, issues), issues.source.wire.table(MEMBERS).read
    return None if rows is None else tuple([member for row in rows if (member := read(row)) is not None])


MEMBERS = Rows(Member, PlatformName.SECURITY, lambda key: f"member_{key.removeprefix('people_')}")


class Residency(Record, frozen=True, gc=False):
    """A person's residence in a house (1.1.2.5, houses[]): the row is that of the house as well. `members` of the
    house are listed under a person, and nowhere else (quirk 73, 74).
    """

    house: Annotated[House, Field()]
    role: Annotated[
        ResidentRole, msgspec.structs.replace(ROLE, description="Role in this house (居民角色).", kind=_REQUIRED_ROLE)
    ] = ResidentRole.UNRECOGNIZED
    occupant_type: Occupant = None
    members: Annotated[
        tuple[Member, ...] | None,
        Field(key="members", kind=Kind(read=_read_members, wire=list, rows=MEMBERS), pii=PiiKind.SENSITIVE_STATUS),
    ] = None
    data_issues: tuple[DataIssue, ...] = ()

    @property
    def inner(self) -> tuple[Record, ...]:
        """The records within, which have data issues of their own."""
        return (self.house, *(self.members or ()))


RESIDENCIES = Rows(Residency, PlatformName.SECURITY, also=HOUSES)


def read_residencies(value: object, path: str, issues: Issues) -> tuple[Residency, ...] | None:
    """A person's places in houses. A house of no known community is none: an issue keeps what was sent."""
    rows = rows_within(value, path, issues)
    if rows is None:  # which is not to live nowhere
        return None
    wire, residencies = issues.source.wire, []
    read_house, read = wire.table(HOUSES).read, wire.table(RESIDENCIES).read
    for row in rows:
        house = read_house(row, described=True)
        if house is not None and (residency := read(row, house)) is not None:
            residencies.append(residency)
        elif isinstance(row, dict):
            codes = (row.get("xiaoqu"), row.get("community_identifier"))
            issues.add(path, row, DataProblem.MISSING if all(map(is_blank, codes)) else DataProblem.MALFORMED)
    return tuple(residencies)


class HouseOwner(Record, frozen=True, gc=False):
    """The answer of the owner look-up (1.1.3). `house` is the address that was asked for."""

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
    occupant_type: Occupant = None
    use: Use = None
    ownership: Ownership = None
    status: Status = None
    data_issues: tuple[DataIssue, ...] = ()
    house: Annotated[HouseKey | None, Field()] = None


OWNER_ROWS = Rows(HouseOwner, PlatformName.SECURITY)


RESIDENCIES_OF_PERSON = Kind(
    read=read_residencies, wire=list, rows=RESIDENCIES, absent=msgspec.NODEFAULT, required=True, fallback=()
)


class People(Person, frozen=True, gc=False):
    """A person as registered at the security platform (1.1.2)."""

    residencies: Annotated[
        tuple[Residency, ...],
        Field(key="houses", kind=RESIDENCIES_OF_PERSON, pii=PiiKind.SENSITIVE_STATUS, of_any_community=True),
    ] = ()

    @property
    def inner(self) -> tuple[Record, ...]:
        return self.residencies


PEOPLE_ROWS = Rows(People, PlatformName.SECURITY)
_LOOK_UP = partial(Endpoint, SECURITY, method="POST", path="", effect=Effect.READ)
PERSON = _LOOK_UP("people", decode=PEOPLE_ROWS.decode_one, record=People, setting="security_people_path")
OWNER = _LOOK_UP("owner", decode=OWNER_ROWS.decode_one, record=HouseOwner, setting="security_owner_path")
HOUSE_ARGUMENTS = ("community_identifier", "building_number", "unit_number", "floor_number", "house_number")
FAILED_LOOK_UP = re.compile(f"{ERROR_WORDS}|错|失败|缺少|参数|重试|服务器", re.IGNORECASE)


def read_people(security: Security, name: str, phone: str) -> Call[People | None]:
    """A person by name and phone (1.1.2)."""
    return Call(security, PERSON, {"name": name, "phone": phone}, _read_person, security)


def _read_person(endpoint: Endpoint, envelope: Envelope, security: Security) -> People | None:
    """None where nobody has this name and phone: 2, or 1 that does not speak of an error, and no data (quirk 23)."""
    if envelope.code and envelope.is_empty and not envelope.has_failed:
        is_harmless = envelope.code == FAILURE and FAILED_LOOK_UP.search(envelope.hints) is None
        if envelope.says(security.wire.profile.not_found) or envelope.code == NOT_FOUND or is_harmless:
            return None
    return security.wire.table(PEOPLE_ROWS).one(security.data(endpoint, envelope))


def read_house_owner(security: Security, house: HouseKey) -> Call[HouseOwner | None]:
    """The owner of a house (1.1.3); None when it has none."""
    return Call(security, OWNER, dict(zip(HOUSE_ARGUMENTS, house, strict=True)), _read_owner, security, house)


def _read_owner(endpoint: Endpoint, envelope: Envelope, security: Security, house: HouseKey) -> HouseOwner | None:
    is_refused = envelope.code and envelope.is_empty and not envelope.has_failed
    if is_refused and (envelope.code == NOT_FOUND or envelope.says(security.wire.profile.not_found)):
        return None
    return security.wire.table(OWNER_ROWS).one(security.data(endpoint, envelope), house)


class PeopleKey(NamedTuple):
    """Both are needed (quirk 183); neither alone identifies anyone (quirk 82)."""

    name: str
    phone: str


PEOPLE = Lookup[PeopleKey, People | None](
    endpoint=PERSON,
    scope=Scope.PEOPLE_READ,
    read=lambda security, key: read_people(security, *key),
    nothing=PeopleKey("无", "0"),
    cached_as="people",
    is_personal=lambda _key: True,
)

HOUSE_OWNERS = Lookup[HouseKey, HouseOwner | None](
    endpoint=OWNER,
    scope=Scope.PEOPLE_READ,
    read=read_house_owner,
    nothing=HouseKey("0", 0, 0, 0, 0),
    cached_as="owners",
    caches_none=True,  # of a house without an owner, or one that security does not know: it does not say which
    community=attrgetter("community_code"),
)
