"""The content of a review: what the applicant filled in (preface 审核数据)."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from schema.normalise.house import read_role
from schema.normalise.issues import SHENHE_PII, Issues, raw_text
from schema.normalise.person import ApplicantIssues, DocumentedPerson, PersonWire, clean_person, read_person
from schema.normalise.records import ReviewKey, ShenheContent, ShenheHouse, ShenhePeople
from schema.normalise.values import INT32_MAX, INT32_MIN, identifier, integer, is_blank, word
from schema.normalise.vocabulary import (
    DataProblem,
    HouseOwnership,
    HouseStatus,
    HouseUse,
    OccupantType,
    PlatformName,
    ResidentRole,
)
from schema.normalise.words import HOUSE_OWNERSHIP, HOUSE_STATUS, HOUSE_USE, OCCUPANT_TYPE, RESIDENT_ROLE

if TYPE_CHECKING:  # what they are, and how they are decoded
    _Role = ResidentRole | str | int | None
    _Status = HouseStatus | str | int | None
    _Use = HouseUse | str | int | None
    _Ownership = HouseOwnership | str | int | None
    _OccupantType = OccupantType | str | int | None
else:
    _Role = RESIDENT_ROLE.spelling() | int | None
    _Status = HOUSE_STATUS.spelling() | int | None
    _Use = HOUSE_USE.spelling() | int | None
    _Ownership = HOUSE_OWNERSHIP.spelling() | int | None
    _OccupantType = OCCUPANT_TYPE.spelling() | int | None

_ROLES = RESIDENT_ROLE.by_wire


class ShenheIssues(Issues):
    platform = PlatformName.WJDH
    pii = SHENHE_PII


class HouseIssues(Issues):
    platform = PlatformName.WJDH


class HouseWire(msgspec.Struct, gc=False):
    """The house in a review's content. Its `id` is an internal one and is not read (quirk 70)."""

    community_identifier: object = None
    building_number: object = None
    unit_number: object = None
    floor_number: object = None
    house_number: object = None
    people_house_role: object = None
    people_role: object = None
    people_house_status: object = None
    people_house_use: object = None
    people_house_xingzhi: object = None
    people_house_type: object = None


class JobWire(msgspec.Struct, gc=False):
    job_name: object = None


class CompanyWire(msgspec.Struct, gc=False):
    company_name: object = None


NotAnObject = list[Any] | str | int | float | bool | None
"""What else may stand where an object should: it costs only itself."""


class ContentWire(msgspec.Struct, gc=False):
    people: PersonWire | NotAnObject = None
    job: JobWire | NotAnObject = None
    company: CompanyWire | NotAnObject = None
    house: HouseWire | NotAnObject = None


_Number = Annotated[int, msgspec.Meta(ge=INT32_MIN, le=INT32_MAX)] | None


class DocumentedHouse(msgspec.Struct, gc=False):
    """The house in a content that came as documented. Words that are in the lists come as members."""

    community_identifier: str | None = None
    building_number: _Number = None
    unit_number: _Number = None
    floor_number: _Number = None
    house_number: _Number = None
    people_house_role: _Role = None
    people_role: str | int | None = None
    people_house_status: _Status = None
    people_house_use: _Use = None
    people_house_xingzhi: _Ownership = None
    people_house_type: _OccupantType = None


class DocumentedJob(msgspec.Struct, gc=False):
    job_name: str | None = None


class DocumentedCompany(msgspec.Struct, gc=False):
    company_name: str | None = None


class DocumentedContent(msgspec.Struct, gc=False):
    """A content whose values are all of a documented type: a short cut for most of them, and nothing else."""

    people: DocumentedPerson | None = None
    job: DocumentedJob | None = None
    company: DocumentedCompany | None = None
    house: DocumentedHouse | None = None


_CONTENT = msgspec.json.Decoder(ContentWire | NotAnObject)
_DOCUMENTED = msgspec.json.Decoder(DocumentedContent)


def read_content(value: object, review: ReviewKey, issues: ShenheIssues) -> ShenheContent | None:
    """The content of a review, from JSON text or an object; what is neither is kept as it came (quirk 114)."""
    return read_documented_content(value, review) or read_odd_content(value, review, issues)


def read_documented_content(value: object, review: ReviewKey) -> ShenheContent | None:
    """The content, where it came as documented, and as `read_odd_content` would read it; else None."""
    try:
        content = _DOCUMENTED.decode(value) if isinstance(value, str) else msgspec.convert(value, DocumentedContent)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    people = content.people
    house = content.house
    return ShenheContent(
        user_id=None if people is None else people.user_id,
        people=None if people is None else _documented_applicant(people, content, review),
        house=None if house is None else _clean_house(house, review[0]) or _odd_house(house, review[0]),
        raw=value if isinstance(value, str) else raw_text(value),
        review=review,
    )


def _documented_applicant(people: DocumentedPerson, content: DocumentedContent, review: ReviewKey) -> ShenhePeople:
    people.job_name = None if content.job is None else content.job.job_name
    people.company_name = None if content.company is None else content.company.company_name
    clean = clean_person(ShenhePeople, people, people.user_id, review)
    return clean or read_person(ShenhePeople, people, ApplicantIssues(), people.user_id, review)


def _clean_house(house: DocumentedHouse, community_code: str | None) -> ShenheHouse | None:
    """As `_odd_house`, but None where that would find an issue."""
    code, status, use = house.community_identifier, house.people_house_status, house.people_house_use
    ownership, occupant_type = house.people_house_xingzhi, house.people_house_type
    role, other = house.people_house_role, house.people_role
    if other is not None:
        role = role or _ROLES.get(other)
    if (
        (role is not None and type(role) is not ResidentRole)
        or (other is not None and _ROLES.get(other) is not role)
        or (status is not None and type(status) is not HouseStatus)
        or (use is not None and type(use) is not HouseUse)
        or (ownership is not None and type(ownership) is not HouseOwnership)
        or (occupant_type is not None and type(occupant_type) is not OccupantType)
    ):
        return None
    return ShenheHouse(
        community_code=(code.strip() or None) if code else None,
        building=house.building_number,
        unit=house.unit_number,
        floor=house.floor_number,
        room=house.house_number,
        role=role,
        status=status,
        use=use,
        ownership=ownership,
        occupant_type=occupant_type,
        reviewed_in=community_code,
    )


def read_odd_content(value: object, review: ReviewKey, issues: ShenheIssues) -> ShenheContent | None:
    """The content, whatever it is, value by value."""
    wire = _content_wire(value)
    if wire is None:
        return _no_document(value, review, issues)
    people = _applicant(wire, review, issues)
    return ShenheContent(
        user_id=None if people is None else people.user_id,
        people=people,
        house=_house(wire.house, review[0], issues),
        raw=raw_text(value),
        review=review,
    )


def _content_wire(value: object) -> ContentWire | None:
    try:
        wire = _CONTENT.decode(value) if isinstance(value, str) else msgspec.convert(value, ContentWire)
        if isinstance(wire, str):  # encoded twice
            wire = _CONTENT.decode(wire)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return wire if isinstance(wire, ContentWire) else None


def _no_document(value: object, review: ReviewKey, issues: ShenheIssues) -> ShenheContent | None:
    if is_blank(value):
        issues.add("content", value, DataProblem.MISSING)
        return None
    issues.add("content", value, DataProblem.MALFORMED)
    return ShenheContent(raw=raw_text(value), review=review)


def _applicant(wire: ContentWire, review: ReviewKey, issues: ShenheIssues) -> ShenhePeople | None:
    applicant = wire.people
    if not isinstance(applicant, PersonWire):
        _note_part("content.people", applicant, issues)
        return None
    applicant.job_name = wire.job.job_name if isinstance(wire.job, JobWire) else wire.job or None
    applicant.company_name = (
        wire.company.company_name if isinstance(wire.company, CompanyWire) else wire.company or None
    )
    own = ApplicantIssues()
    return read_person(ShenhePeople, applicant, own, integer(applicant.user_id, "userId", own), review)


def _house(house: HouseWire | NotAnObject, community_code: str | None, issues: ShenheIssues) -> ShenheHouse | None:
    if not isinstance(house, HouseWire):
        _note_part("content.house", house, issues)
        return None
    return _odd_house(house, community_code)


def _odd_house(house: HouseWire | DocumentedHouse, community_code: str | None) -> ShenheHouse:
    own = HouseIssues()
    return ShenheHouse(
        community_code=identifier(house.community_identifier, "communityCode", own),
        building=integer(house.building_number, "building", own),
        unit=integer(house.unit_number, "unit", own),
        floor=integer(house.floor_number, "floor", own),
        room=integer(house.house_number, "room", own),
        role=read_role(house.people_house_role, house.people_role, own),
        status=word(HOUSE_STATUS, house.people_house_status, "status", own),
        use=word(HOUSE_USE, house.people_house_use, "use", own),
        ownership=word(HOUSE_OWNERSHIP, house.people_house_xingzhi, "ownership", own),
        occupant_type=word(OCCUPANT_TYPE, house.people_house_type, "occupantType", own),
        data_issues=own.found,
        reviewed_in=community_code,
    )


def _note_part(field: str, value: object, issues: ShenheIssues) -> None:
    """A part of the content that is no object: absent, or empty as PHP spells it, or unreadable."""
    if value is not None and value != []:
        issues.add(field, value, DataProblem.MALFORMED)
