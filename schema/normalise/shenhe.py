"""Registration reviews and their content (document 1.2.2, 1.2.3, preface 审核数据)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from schema.normalise.house import read_role
from schema.normalise.issues import SHENHE_PII, Issues, raw_text
from schema.normalise.person import PeopleWire, PersonIssues, people_key, read_person
from schema.normalise.records import Page, Shenhe, ShenheContent, ShenheHouse, ShenhePeople
from schema.normalise.shapes import ShapeError, one_row, read_page, row_list
from schema.normalise.times import china_time
from schema.normalise.values import identifier, integer, is_blank, required_word, row_id, text, word
from schema.normalise.vocabulary import DataProblem, PlatformName
from schema.normalise.words import HOUSE_OWNERSHIP, HOUSE_STATUS, HOUSE_USE, OCCUPANT_TYPE, SHENHE_STATUS, SHENHE_TYPE


class ShenheIssues(Issues):
    __slots__ = ()
    platform = PlatformName.WJDH
    pii = SHENHE_PII


class ApplicantIssues(PersonIssues):
    __slots__ = ()
    platform = PlatformName.WJDH


class HouseIssues(Issues):
    __slots__ = ()
    platform = PlatformName.WJDH


class ApplicantWire(PeopleWire, gc=False, rename=lambda name: name if name == "user_id" else people_key(name)):
    """The applicant in a review's content; the job stands beside it."""

    user_id: object = None


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
    people: ApplicantWire | NotAnObject = None
    job: JobWire | NotAnObject = None
    company: CompanyWire | NotAnObject = None
    house: HouseWire | NotAnObject = None


_CONTENT = msgspec.json.Decoder(ContentWire | NotAnObject)


def parse_shenhe_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Shenhe]:
    """The whole body of shenheList, asked for this community and page. Raises ShapeError.

    Success has no `code`: the array is all that tells it (quirk 15), so that without both there is no answer.
    """
    data = body.get("data")
    if data is None and "code" not in body:
        raise ShapeError("expected an array of reviews")
    return read_page(row_list(data), _shenhe, community_code, page, body.get("meta"))


def parse_shenhe(data: object, community_code: str | None) -> Shenhe | None:
    """The `data` of a single review; None when it is empty or has no id (quirk 31). Raises ShapeError."""
    return _shenhe(one_row(data), community_code)


def _shenhe(row: object, community_code: str | None) -> Shenhe | None:
    if not isinstance(row, dict):
        return None
    get = row.get
    issues = ShenheIssues()
    platform_id = _platform_id(get("id"), get("shenhe_id"), issues)
    if platform_id is None:
        return None
    return Shenhe(
        platform_id=platform_id,
        community_code=community_code,
        type=required_word(SHENHE_TYPE, get("shenhe_type"), "type", issues),
        status=required_word(SHENHE_STATUS, get("shenhe_status"), "status", issues),
        content=_content(get("shenhe_content"), issues),
        house_introduction=text(get("shenhe_house_introduction"), "houseIntroduction", issues),
        action_introduction=text(get("shenhe_action_introduction"), "actionIntroduction", issues),
        rejection_reason=text(get("shenhe_refuse_reason"), "rejectionReason", issues),
        created_at=china_time(get("created_at"), "createdAt", issues),
        updated_at=china_time(get("updated_at"), "updatedAt", issues),
        data_issues=tuple(issues),
    )


def _platform_id(id_: object, shenhe_id: object, issues: ShenheIssues) -> int | None:
    """The example's second row is keyed otherwise (quirk 71)."""
    first, second = row_id(id_), row_id(shenhe_id)
    if first is None:
        return second
    if second not in (None, first):
        issues.add("platformId", shenhe_id, DataProblem.CONTRADICTORY)
    return first


def _content(value: object, issues: ShenheIssues) -> ShenheContent | None:
    """The content, from JSON text or from an object; what is neither is kept as it came (quirk 114)."""
    if is_blank(value):
        issues.add("content", value, DataProblem.MISSING)
        return None
    raw = raw_text(value)
    wire = _content_wire(value)
    if wire is None:
        issues.add("content", raw, DataProblem.MALFORMED)
        return ShenheContent(raw=raw)
    people = _applicant(wire, issues)
    return ShenheContent(
        user_id=people.user_id if people else None, people=people, house=_house(wire.house, issues), raw=raw
    )


def _content_wire(value: object) -> ContentWire | None:
    try:
        wire = _CONTENT.decode(value) if isinstance(value, str) else msgspec.convert(value, ContentWire)
        if isinstance(wire, str):  # encoded twice
            wire = _CONTENT.decode(wire)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return wire if isinstance(wire, ContentWire) else None


def _applicant(wire: ContentWire, issues: ShenheIssues) -> ShenhePeople | None:
    applicant = wire.people
    if not isinstance(applicant, ApplicantWire):
        _note_part("content.people", applicant, issues)
        return None
    applicant.job_name = wire.job.job_name if isinstance(wire.job, JobWire) else wire.job or None
    applicant.company_name = (
        wire.company.company_name if isinstance(wire.company, CompanyWire) else wire.company or None
    )
    own = ApplicantIssues()
    return read_person(ShenhePeople, applicant, own, user_id=integer(applicant.user_id, "userId", own))


def _house(house: HouseWire | NotAnObject, issues: ShenheIssues) -> ShenheHouse | None:
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
        data_issues=tuple(own),
    )


def _note_part(field: str, value: object, issues: ShenheIssues) -> None:
    """A part of the content that is no object: absent, or empty as PHP spells it, or unreadable."""
    if value is not None and value != []:
        issues.add(field, value, DataProblem.MALFORMED)
