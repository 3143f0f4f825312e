"""The content of a review: what the applicant filled in (preface 审核数据)."""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.normalise.house import (
    OccupantTypeWord,
    OwnershipWord,
    RoleWord,
    StatusWord,
    UseWord,
    Words,
    clean_words,
    read_role,
)
from gateway.normalise.issues import SHENHE_PII, Issues, raw_text
from gateway.normalise.person import ApplicantIssues, DocumentedPerson, PersonWire, clean_person, read_person
from gateway.normalise.records import DataIssue, Int32, ReviewKey, ShenheContent, ShenheHouse, ShenhePeople
from gateway.normalise.values import identifier, integer, is_blank, word
from gateway.normalise.vocabulary import DataProblem, HouseOwnership, HouseStatus, HouseUse, OccupantType, PlatformName


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
"""What else may stand where an object should: then only that part of the content is lost."""


class ContentWire(msgspec.Struct, gc=False):
    people: PersonWire | NotAnObject = None
    job: JobWire | NotAnObject = None
    company: CompanyWire | NotAnObject = None
    house: HouseWire | NotAnObject = None


class DocumentedHouse(msgspec.Struct, gc=False):
    """The house in a content that came as documented. Words that are in the lists come as members."""

    building_number: Int32 | None = None
    unit_number: Int32 | None = None
    floor_number: Int32 | None = None
    house_number: Int32 | None = None
    community_identifier: str | None = None
    people_house_role: RoleWord = None
    people_house_status: StatusWord = None
    people_house_use: UseWord = None
    people_house_xingzhi: OwnershipWord = None
    people_house_type: OccupantTypeWord = None
    people_role: str | int | None = None


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
_decode_documented: Callable[[str], DocumentedContent] = msgspec.json.Decoder(DocumentedContent).decode


def read_content(value: object, review: ReviewKey, issues: ShenheIssues) -> ShenheContent | None:
    """The content of a review, from JSON text or an object; what is neither is kept as it came (quirk 114)."""
    return read_documented_content(value, review) or read_odd_content(value, review, issues)


def read_documented_content(value: object, review: ReviewKey) -> ShenheContent | None:
    """The content, where it came as documented, and as `read_odd_content` would read it; else None."""
    try:
        content = _decode_documented(value) if isinstance(value, str) else msgspec.convert(value, DocumentedContent)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    people, house = content.people, content.house
    if people is None and house is None:
        return None
    applicant = user_id = None
    if people is not None:
        user_id = people.user_id
        people.job_name = None if content.job is None else content.job.job_name
        people.company_name = None if content.company is None else content.company.company_name
        applicant = clean_person(ShenhePeople, people, user_id, review)
        if applicant is None:
            applicant = read_person(ShenhePeople, people, ApplicantIssues(), user_id, review)
    return ShenheContent(
        user_id,
        applicant,
        None if house is None else _documented_house(house, review),
        value if isinstance(value, str) else raw_text(value),
        review,
    )


def _documented_house(house: DocumentedHouse, review: ReviewKey) -> ShenheHouse:
    """As `_odd_house`: the numbers are as they should be, and words are read one by one where one is in no list."""
    code, words = house.community_identifier, clean_words(house)
    issues: tuple[DataIssue, ...] = ()
    if words is None:
        own = HouseIssues()
        words = _words(house, own)
        issues = own.found
    role, status, use, ownership, occupant_type = words
    return ShenheHouse(
        (code.strip() or None) if code else None,
        house.building_number,
        house.unit_number,
        house.floor_number,
        house.house_number,
        role,
        status,
        use,
        ownership,
        occupant_type,
        issues,
        review,
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
        house=_house(wire.house, review, issues),
        raw=raw_text(value),
        review=review,
    )


def _content_wire(value: object) -> ContentWire | None:
    """None for what is no object, or has neither people nor house: whatever it is, it is no application."""
    try:
        wire = _CONTENT.decode(value) if isinstance(value, str) else msgspec.convert(value, ContentWire)
        if isinstance(wire, str):  # encoded twice
            wire = _CONTENT.decode(wire)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return wire if isinstance(wire, ContentWire) and not (_is_absent(wire.people) and _is_absent(wire.house)) else None


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
    user_id = integer(applicant.user_id, "userId", own)
    return read_person(ShenhePeople, applicant, own, user_id, review)


def _house(house: HouseWire | NotAnObject, review: ReviewKey, issues: ShenheIssues) -> ShenheHouse | None:
    if not isinstance(house, HouseWire):
        _note_part("content.house", house, issues)
        return None
    return _odd_house(house, review)


def _odd_house(house: HouseWire, review: ReviewKey) -> ShenheHouse:
    own = HouseIssues()
    return ShenheHouse(
        identifier(house.community_identifier, "communityCode", own),
        integer(house.building_number, "building", own),
        integer(house.unit_number, "unit", own),
        integer(house.floor_number, "floor", own),
        integer(house.house_number, "room", own),
        *_words(house, own),
        own.found,
        review,
    )


def _words(house: HouseWire | DocumentedHouse, issues: HouseIssues) -> Words:
    """As `clean_words`, one by one."""
    return (
        read_role(house.people_house_role, house.people_role, issues),
        word(HouseStatus, house.people_house_status, "status", issues),
        word(HouseUse, house.people_house_use, "use", issues),
        word(HouseOwnership, house.people_house_xingzhi, "ownership", issues),
        word(OccupantType, house.people_house_type, "occupantType", issues),
    )


def _is_absent(part: object) -> bool:
    """Whether a part of the content is left out, or empty as PHP spells it."""
    return part is None or part == []


def _note_part(field: str, value: object, issues: ShenheIssues) -> None:
    """A part of the content that is no object: absent, or unreadable."""
    if not _is_absent(value):
        issues.add(field, value, DataProblem.MALFORMED)
