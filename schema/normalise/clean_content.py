"""The content of a review that came as documented, read in one step: msgspec checks it while it decodes.

A short cut for most reviews, and nothing else: what it does not accept, `shenhe_content` reads value by value, and what
it accepts, it reads as that does. A test holds the two together.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from schema.normalise.person import ApplicantIssues, read_nation
from schema.normalise.records import ShenheContent, ShenheHouse, ShenhePeople
from schema.normalise.times import birth_date
from schema.normalise.values import INT32_MAX, INT32_MIN
from schema.normalise.words import (
    HOUSE_OWNERSHIP,
    HOUSE_STATUS,
    HOUSE_USE,
    OCCUPANT_TYPE,
    POLITICAL_STATUS,
    RESIDENT_ROLE,
    SEX,
    YES_NO,
)

_ROLES, _STATUSES, _USES = RESIDENT_ROLE.by_wire, HOUSE_STATUS.by_wire, HOUSE_USE.by_wire
_OWNERSHIPS, _OCCUPANTS = HOUSE_OWNERSHIP.by_wire, OCCUPANT_TYPE.by_wire
_SEXES, _POLITICS = SEX.by_wire, POLITICAL_STATUS.by_wire

_TEXT = Annotated[str, msgspec.Meta(min_length=1)] | None
_NUMBER = Annotated[int, msgspec.Meta(ge=INT32_MIN, le=INT32_MAX)] | None


def _one_of(spellings: Mapping[Any, object]) -> Any:
    """The type of a value that is spelt in one of these ways, or null."""
    return Literal[tuple(spelling for spelling in spellings if spelling not in (None, ""))] | None


def _object(name: str, **fields: Any) -> Any:
    """The type of an object that may have these fields, and others that are not read; or null."""
    return msgspec.defstruct(name, [(key, type_, None) for key, type_ in fields.items()], gc=False) | None


_FLAG = _one_of(YES_NO)
_DOCUMENT = _object(
    "Document",
    people=_object(
        "People",
        user_id=_NUMBER,
        people_name=_TEXT,
        people_phone=_TEXT,
        people_sex=_one_of(_SEXES),
        people_nation=_TEXT,
        people_birth=Any,
        people_address=_TEXT,
        people_idcard=_TEXT,
        people_photo=_TEXT,
        people_zhengzhimianmao=_one_of(_POLITICS),
        people_tuiyijunren=_FLAG,
        people_dibao=_FLAG,
        people_shangfang=_FLAG,
    ),
    job=_object("Job", job_name=_TEXT),
    company=_object("Company", company_name=_TEXT),
    house=_object(
        "House",
        community_identifier=_TEXT,
        building_number=_NUMBER,
        unit_number=_NUMBER,
        floor_number=_NUMBER,
        house_number=_NUMBER,
        people_house_role=_one_of(_ROLES),
        people_role=None,
        people_house_status=_one_of(_STATUSES),
        people_house_use=_one_of(_USES),
        people_house_xingzhi=_one_of(_OWNERSHIPS),
        people_house_type=_one_of(_OCCUPANTS),
    ),
)
_decode: Callable[[str], Any] = msgspec.json.Decoder(_DOCUMENT).decode


def read_clean_content(text: str, community_code: str | None) -> ShenheContent | None:
    """The content; None when it is not wholly as documented. `community_code` is that of the review."""
    try:
        document = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if document is None:
        return None
    people = None if document.people is None else _applicant(document)
    return ShenheContent(
        user_id=None if people is None else people.user_id,
        people=people,
        house=None if document.house is None else _house(document.house, community_code),
        raw=text,
    )


def _applicant(document: Any) -> ShenhePeople:
    people = document.people
    name, phone, id_card = people.people_name, people.people_phone, people.people_idcard
    issues = ApplicantIssues()
    return ShenhePeople(
        name and (name.strip() or None),
        phone and (phone.strip() or None),
        _SEXES[people.people_sex],
        read_nation(people.people_nation, issues),
        birth_date(people.people_birth, "birthDate", issues),
        people.people_address,
        id_card and (id_card.strip() or None),
        people.people_photo,
        _POLITICS[people.people_zhengzhimianmao],
        YES_NO[people.people_tuiyijunren],
        YES_NO[people.people_dibao],
        YES_NO[people.people_shangfang],
        document.job and document.job.job_name,
        document.company and document.company.company_name,
        issues.found,
        people.user_id,
    )


def _house(house: Any, community_code: str | None) -> ShenheHouse:
    code = house.community_identifier
    return ShenheHouse(
        community_code=code and (code.strip() or None),
        building=house.building_number,
        unit=house.unit_number,
        floor=house.floor_number,
        room=house.house_number,
        role=_ROLES[house.people_house_role],
        status=_STATUSES[house.people_house_status],
        use=_USES[house.people_house_use],
        ownership=_OWNERSHIPS[house.people_house_xingzhi],
        occupant_type=_OCCUPANTS[house.people_house_type],
        reviewed_in=community_code,
    )
