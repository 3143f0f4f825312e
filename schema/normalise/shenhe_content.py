"""The content of a review: what the applicant filled in (preface 审核数据)."""

from typing import Any

import msgspec

from schema.normalise.clean_content import read_clean_content
from schema.normalise.house import read_role
from schema.normalise.issues import SHENHE_PII, Issues, raw_text
from schema.normalise.person import ApplicantIssues, PersonWire, read_person
from schema.normalise.records import ShenheContent, ShenheHouse, ShenhePeople
from schema.normalise.values import identifier, integer, is_blank, word
from schema.normalise.vocabulary import DataProblem, PlatformName
from schema.normalise.words import HOUSE_OWNERSHIP, HOUSE_STATUS, HOUSE_USE, OCCUPANT_TYPE


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


_CONTENT = msgspec.json.Decoder(ContentWire | NotAnObject)


def read_content(value: object, community_code: str | None, issues: ShenheIssues) -> ShenheContent | None:
    """The content, from JSON text or from an object; what is neither is kept as it came (quirk 114).

    `community_code` is that of the review, None if unknown.
    """
    if isinstance(value, str):
        content = read_clean_content(value, community_code)
        if content is not None:
            return content
    return read_odd_content(value, community_code, issues)


def read_odd_content(value: object, community_code: str | None, issues: ShenheIssues) -> ShenheContent | None:
    """The content, value by value."""
    wire = _content_wire(value)
    if wire is None:
        return _no_document(value, issues)
    people = _applicant(wire, issues)
    return ShenheContent(
        user_id=None if people is None else people.user_id,
        people=people,
        house=_house(wire.house, community_code, issues),
        raw=raw_text(value),
    )


def _content_wire(value: object) -> ContentWire | None:
    try:
        wire = _CONTENT.decode(value) if isinstance(value, str) else msgspec.convert(value, ContentWire)
        if isinstance(wire, str):  # encoded twice
            wire = _CONTENT.decode(wire)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return wire if isinstance(wire, ContentWire) else None


def _no_document(value: object, issues: ShenheIssues) -> ShenheContent | None:
    if is_blank(value):
        issues.add("content", value, DataProblem.MISSING)
        return None
    issues.add("content", value, DataProblem.MALFORMED)
    return ShenheContent(raw=raw_text(value))


def _applicant(wire: ContentWire, issues: ShenheIssues) -> ShenhePeople | None:
    applicant = wire.people
    if not isinstance(applicant, PersonWire):
        _note_part("content.people", applicant, issues)
        return None
    applicant.job_name = wire.job.job_name if isinstance(wire.job, JobWire) else wire.job or None
    applicant.company_name = (
        wire.company.company_name if isinstance(wire.company, CompanyWire) else wire.company or None
    )
    own = ApplicantIssues()
    return read_person(ShenhePeople, applicant, own, integer(applicant.user_id, "userId", own))


def _house(house: HouseWire | NotAnObject, community_code: str | None, issues: ShenheIssues) -> ShenheHouse | None:
    if not isinstance(house, HouseWire):
        _note_part("content.house", house, issues)
        return None
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
