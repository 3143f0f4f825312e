"""A reviewer's corrections, merged into the content that was submitted (document 1.2.4.1, preface 审核数据)."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec

from gateway.normalise.field import DeclaredField, declared_fields
from gateway.normalise.kinds import IDENTIFIER
from gateway.normalise.profile import NO_PROFILE
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.shenhe_content import ShenheHouse, ShenhePeople
from gateway.wording.wording import Problem


class ContentError(ValueError):
    """There is no document to correct, or a correction cannot be sent. The message names the part, never a value."""


Corrections = Mapping[str, Mapping[str, object]]
"""What a reviewer corrects: "people" and "house", each by the attribute names of the record."""


def correctable(record: type) -> dict[str, DeclaredField]:
    """The fields of a record that a reviewer may correct, by attribute."""
    return {name: declared for name, declared in declared_fields(record).items() if declared.field.correction}


_CORRECTED = {"people": ShenhePeople, "house": ShenheHouse}


class CorrectionProblem(NamedTuple):
    """What is wrong with a corrected value (`gateway.normalise.plausible`), by its part and attribute."""

    part: str
    attribute: str
    problem: Problem


def correction_problems(corrections: Corrections, today: date) -> Iterator[CorrectionProblem]:
    """The corrections that cannot be right. `today` is China's."""
    for part, values in corrections.items():
        for attribute, value in values.items():
            correction = declared_fields(_CORRECTED[part])[attribute].field.correction
            problem = correction and correction.problem(value, today)
            if problem:
                yield CorrectionProblem(part, attribute, problem)


def render_shenhe_content(
    original_raw: str | None,
    corrections: Corrections,
    more_keys: Mapping[tuple[str, str], tuple[str, ...]] = NO_PROFILE.keys,
) -> str:
    """The complete content with the corrections merged in, as the JSON text to send (quirk 116).

    `original_raw` is a record's `content.raw`. `corrections` maps "people" and "house" to attributes of `ShenhePeople`
    and `ShenheHouse` with values of their types; None keeps what was submitted. A correction is written in the dialect
    of the value it replaces; all else stays as it was, unknown keys and old numbers included. `more_keys` are the
    profile's.

    Raises ContentError, and ValueError for an UNRECOGNIZED word.
    """
    document = _submitted(original_raw)
    for part, record in _CORRECTED.items():
        fields = declared_fields(record)
        for attribute, value in (corrections.get(part) or {}).items():
            if value is not None:
                declared = fields[attribute]
                keys = declared.field.keys + more_keys.get((record.__name__, attribute), ())
                _correct(document, part, declared, keys, value)
    return msgspec.json.encode(document).decode()


def _correct(
    document: dict[str, Any], part: str, declared: DeclaredField, keys: tuple[str, ...], value: object
) -> None:
    correction, kind = declared.field.correction, declared.field.kind
    if correction is None or kind is None or kind.write is None:
        raise TypeError(f"{declared.attribute} is not declared as correctable")
    section = _section(document, correction.section or part)
    first, *others = sorted(keys, key=lambda key: key not in section)  # as it was submitted, if it was
    if kind is IDENTIFIER and "*" in str(value):  # no name and no number has one: the value was masked for its reader
        raise ContentError(f"content.{part}: a masked value")
    section[first] = kind.write(value, section.get(first))
    for key in others:  # the same thing under another key (quirk 72)
        if key in section:
            section[key] = section[first]


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
