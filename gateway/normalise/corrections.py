"""A reviewer's corrections, merged into the content that was submitted (document 1.2.4.1, preface 审核数据)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec

from gateway.normalise.plausible import (
    birth_date_problem,
    code_problem,
    id_card_problem,
    name_problem,
    nation_problem,
    part_problem,
    phone_problem,
)
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.times import is_epoch, midnight
from gateway.normalise.vocabulary import (
    FLAG_FORM,
)
from gateway.normalise.wire_enum import WireEnum


class ContentError(ValueError):
    """There is no document to correct, or a correction cannot be sent. The message names the part, never a value."""


Corrections = Mapping[str, Mapping[str, object]]
"""What a reviewer corrects: "people" and "house", each by the attribute names of the record."""


class CorrectionProblem(NamedTuple):
    """What a corrected value must be (`gateway.normalise.plausible`), by its part and attribute."""

    part: str
    attribute: str
    problem: str


def correction_problems(corrections: Corrections, today: date) -> Iterator[CorrectionProblem]:
    """The corrections that cannot be right. `today` is China's."""
    for part, values in corrections.items():
        for attribute, value in values.items():
            problem = _CORRECTABLE[part][attribute].problem(value, today)
            if problem is not None:
                yield CorrectionProblem(part, attribute, problem)


def render_shenhe_content(original_raw: str | None, corrections: Corrections) -> str:
    """The complete content with the corrections merged in, as the JSON text to send (quirk 116).

    `original_raw` is a record's `content.raw`. `corrections` maps "people" and "house" to attributes of `ShenhePeople`
    and `ShenheHouse` with values of their types; None keeps what was submitted. A correction is written in the dialect
    of the value it replaces; all else stays as it was, unknown keys and old numbers included.

    Raises ContentError, and ValueError for an UNRECOGNIZED word.
    """
    document = _submitted(original_raw)
    for part, keys in _CORRECTABLE.items():
        for attribute, value in (corrections.get(part) or {}).items():
            if value is None:
                continue
            section_name, key, render, _ = keys[attribute]
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
    return _render_word(value, _)


def _render_word(value: Any, _: object) -> str:
    """It is read without the blanks around it, and looked up so (quirk 78)."""
    return str(value).strip()


def _render_number(value: Any, submitted: object) -> object:
    return str(value) if isinstance(submitted, str) else int(value)


def _render_flag(value: Any, submitted: object) -> object:
    """The preface has flags as text (quirk 117)."""
    return int(value) if isinstance(submitted, int) else FLAG_FORM[value]


def _render_birth(value: Any, submitted: object) -> object:
    """Eight digits as in the preface, or epoch seconds as in the list's example (quirk 126)."""
    digits = str(midnight(value)) if is_epoch(submitted) else value.isoformat().replace("-", "")
    return int(digits) if isinstance(submitted, int) else digits


def _render_label(value: WireEnum, _: object) -> str:
    """Always the word: what the old numbers mean is not documented (quirk 88)."""
    return value.wire_label


def _of_word(problem: Callable[[str], str | None]) -> Callable[[Any, date], str | None]:
    """As it will be written: see `_render_word`."""
    return lambda text, _today: problem(text.strip())


def _of_part(part: str) -> Callable[[Any, date], str | None]:
    return lambda number, _today: part_problem(part, number)


def _none(_value: Any, _today: date) -> None:
    """Any may be right; of texts that describe an empty one, too: so has somebody without an employer none."""


class _Key(NamedTuple):
    """Where in the document an attribute stands, how its value is written in place of the submitted one, and what a
    value that cannot be right must be.
    """

    section: str
    key: str
    render: Callable[[Any, object], object]
    problem: Callable[[Any, date], str | None] = _none


_CORRECTABLE: Mapping[str, Mapping[str, _Key]] = {
    "people": {
        "name": _Key("people", "people_name", _render_identifier, _of_word(name_problem)),
        "phone": _Key("people", "people_phone", _render_identifier, _of_word(phone_problem)),
        "sex": _Key("people", "people_sex", _render_label),
        "nation": _Key("people", "people_nation", _render_word, _of_word(nation_problem)),
        "birth_date": _Key("people", "people_birth", _render_birth, birth_date_problem),
        "registered_address": _Key("people", "people_address", _render_text),
        "id_card": _Key("people", "people_idcard", _render_identifier, _of_word(id_card_problem)),
        "photo": _Key("people", "people_photo", _render_text),
        "political_status": _Key("people", "people_zhengzhimianmao", _render_label),
        "is_veteran": _Key("people", "people_tuiyijunren", _render_flag),
        "receives_subsistence_allowance": _Key("people", "people_dibao", _render_flag),
        "is_petitioner": _Key("people", "people_shangfang", _render_flag),
        "job_name": _Key("job", "job_name", _render_text),
        "company_name": _Key("company", "company_name", _render_text),
    },
    "house": {
        "community_code": _Key("house", "community_identifier", _render_text, lambda code, _: code_problem(code)),
        "building": _Key("house", "building_number", _render_number, _of_part("building")),
        "unit": _Key("house", "unit_number", _render_number, _of_part("unit")),
        "floor": _Key("house", "floor_number", _render_number, _of_part("floor")),
        "room": _Key("house", "house_number", _render_number, _of_part("room")),
        "role": _Key("house", "people_house_role", _render_label),
        "status": _Key("house", "people_house_status", _render_label),
        "use": _Key("house", "people_house_use", _render_label),
        "ownership": _Key("house", "people_house_xingzhi", _render_label),
        "occupant_type": _Key("house", "people_house_type", _render_label),
    },
}
