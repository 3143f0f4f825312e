"""The content of a review: what the applicant filled in (preface 审核数据), read, and written with corrections."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from schema.normalise.clean_content import read_clean_content
from schema.normalise.enum_words import WireWords
from schema.normalise.house import read_role
from schema.normalise.issues import SHENHE_PII, Issues, raw_text
from schema.normalise.person import ApplicantIssues, PersonWire, read_person
from schema.normalise.records import ShenheContent, ShenheHouse, ShenhePeople
from schema.normalise.shapes import NotJsonError, read_json
from schema.normalise.times import is_epoch, midnight
from schema.normalise.values import identifier, integer, is_blank, word
from schema.normalise.vocabulary import DataProblem, PlatformName
from schema.normalise.words import (
    FLAG_FORM,
    HOUSE_OWNERSHIP,
    HOUSE_STATUS,
    HOUSE_USE,
    OCCUPANT_TYPE,
    POLITICAL_STATUS,
    RESIDENT_ROLE,
    SEX,
)


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


class ContentError(ValueError):
    """There is no document to correct, or a correction cannot be sent. The message names the part, never a value."""


def render_shenhe_content(original_raw: str | None, corrections: Mapping[str, Mapping[str, object]]) -> str:
    """The complete content with the corrections merged in, as the JSON text to send (quirk 116).

    `original_raw` is a record's `content.raw`. `corrections` maps "people" and "house" to attributes of `ShenhePeople`
    and `ShenheHouse` with values of their types; None keeps what was submitted. A correction is written in the dialect
    of the value it replaces; all else stays as it was, unknown keys and old numbers included. Raises ContentError.
    """
    document = _submitted(original_raw)
    for part, keys in _CORRECTABLE.items():
        for attribute, value in corrections.get(part, {}).items():
            if value is None:
                continue
            section_name, key, render = keys[attribute]
            section = _section(document, section_name)
            section[key] = render(value, section.get(key))
            if attribute == "role" and "people_role" in section:  # the same thing under another key (quirk 72)
                section["people_role"] = section[key]
    return msgspec.json.encode(document).decode()


def _submitted(raw: str | None) -> dict[str, Any]:
    try:
        document = read_json(raw or "")
    except NotJsonError:
        document = None
    if not isinstance(document, dict):  # such as the document's own placeholder, 见前言 (quirk 115)
        raise ContentError("content: what was submitted is no document")
    return document


def _section(document: dict[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name)
    if section is None or section == []:
        section = document[name] = {}
    if not isinstance(section, dict):
        raise ContentError(f"content.{name}: what was submitted is no object")
    return section


def _render_text(value: Any, _: object) -> str:
    return str(value)


def _render_identifier(value: Any, _: object) -> str:
    """No name and no number has a star: a value that was masked for its reader must not come back as data."""
    if "*" in value:
        raise ContentError("content.people: a masked value")
    return str(value)


def _render_number(value: Any, submitted: object) -> object:
    return str(value) if isinstance(submitted, str) else int(value)


def _render_flag(value: Any, submitted: object) -> object:
    """The preface has flags as text (quirk 117)."""
    return int(value) if isinstance(submitted, int) else FLAG_FORM[value]


def _render_birth(value: Any, submitted: object) -> object:
    """Eight digits as in the preface, or epoch seconds as in the list's example (quirk 126)."""
    digits = str(midnight(value)) if is_epoch(submitted) else value.isoformat().replace("-", "")
    return int(digits) if isinstance(submitted, int) else digits


def _rendering(words: WireWords[Any]) -> Callable[[Any, object], str]:
    """Always the word: what the old numbers mean is not documented (quirk 88)."""
    return lambda value, _: words.label(value)


class _Key(NamedTuple):
    """Where in the document an attribute stands, and how its value is written in place of the submitted one."""

    section: str
    key: str
    render: Callable[[Any, object], object]


_CORRECTABLE: Mapping[str, Mapping[str, _Key]] = {
    "people": {
        "name": _Key("people", "people_name", _render_identifier),
        "phone": _Key("people", "people_phone", _render_identifier),
        "sex": _Key("people", "people_sex", _rendering(SEX)),
        "nation": _Key("people", "people_nation", _render_text),
        "birth_date": _Key("people", "people_birth", _render_birth),
        "registered_address": _Key("people", "people_address", _render_text),
        "id_card": _Key("people", "people_idcard", _render_identifier),
        "photo": _Key("people", "people_photo", _render_text),
        "political_status": _Key("people", "people_zhengzhimianmao", _rendering(POLITICAL_STATUS)),
        "is_veteran": _Key("people", "people_tuiyijunren", _render_flag),
        "receives_subsistence_allowance": _Key("people", "people_dibao", _render_flag),
        "is_petitioner": _Key("people", "people_shangfang", _render_flag),
        "job_name": _Key("job", "job_name", _render_text),
        "company_name": _Key("company", "company_name", _render_text),
    },
    "house": {
        "community_code": _Key("house", "community_identifier", _render_text),
        "building": _Key("house", "building_number", _render_number),
        "unit": _Key("house", "unit_number", _render_number),
        "floor": _Key("house", "floor_number", _render_number),
        "room": _Key("house", "house_number", _render_number),
        "role": _Key("house", "people_house_role", _rendering(RESIDENT_ROLE)),
        "status": _Key("house", "people_house_status", _rendering(HOUSE_STATUS)),
        "use": _Key("house", "people_house_use", _rendering(HOUSE_USE)),
        "ownership": _Key("house", "people_house_xingzhi", _rendering(HOUSE_OWNERSHIP)),
        "occupant_type": _Key("house", "people_house_type", _rendering(OCCUPANT_TYPE)),
    },
}
