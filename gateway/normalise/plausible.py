"""What values typed by hand can be, before they are written: as lenient as life is, and nothing that cannot be right.

Floors and rooms may be below ground, phones landlines, identity numbers of 15 digits or those of other documents. But
nobody is born tomorrow or called a number, and what is written must be read back. Each function returns what is
wrong with the value, to be completed with the name of its field, or None for one that can be right.
"""

import re
from datetime import date
from functools import partial
from unicodedata import category

from gateway.normalise.values import is_code
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Problem

LARGEST_PART = 99_999
LONGEST_CODE = 32
LONGEST_NAME = 64
"""As in the look-up of people, who are found by it."""

EARLIEST_BIRTH = date(1900, 1, 1)

_ABOVE_GROUND = frozenset({"building", "unit"})
_PHONE = re.compile(r"(?=(?:[^0-9]*[0-9]){5,20}[^0-9]*\Z)[0-9+(（][0-9+()（） \-转]*")
_ID_CARD = re.compile(r"[0-9]{17}[0-9Xx]|[0-9]{15}")
_OTHER_DOCUMENT = re.compile(r"(?!(?:-?[0-9]){11})(?=(?:[^0-9]*[0-9]){4})[0-9A-Za-z()（）\-\u4e00-\u9fff]{5,20}")
"""Passports, permits, officers' cards. What begins with eleven digits is an identity card's number mistyped."""

_PLATE = re.compile(r"(?=.*[0-9])[0-9A-Z\u4e00-\u9fff]{5,10}")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Control characters, line breaks, and what has no width. Not the private characters that rare names are written in."""


def name_problem(name: str) -> Problem | None:
    """Of a person's name."""
    is_name = any(map(str.isalpha, name)) and "*" not in name and not any(map(_is_invisible, name))
    if is_name and len(name) <= LONGEST_NAME:
        return None
    return partial(InputWording.NAME, min=1, max=LONGEST_NAME)


def phone_problem(phone: str) -> Problem | None:
    """Of any phone, with or without codes of area and country, with an extension ("0335-3012345转8001")."""
    if _PHONE.fullmatch(phone):
        return None
    return InputWording.PHONE


def id_card_problem(number: str) -> Problem | None:
    """Of an identity card's number, of 18 or 15 characters, or of another document's. No check digit (quirk 84)."""
    if _ID_CARD.fullmatch(number) or _OTHER_DOCUMENT.fullmatch(number):
        return None
    return InputWording.ID_CARD


def plate_problem(plate: str) -> Problem | None:
    """Of a number plate, with or without the province."""
    return None if _PLATE.fullmatch(plate) else InputWording.PLATE


def birth_date_problem(day: date, today: date) -> Problem | None:
    """Of somebody's date of birth. `today` is China's."""
    return None if EARLIEST_BIRTH <= day <= today else partial(InputWording.BIRTH_DATE, min=EARLIEST_BIRTH, max=today)


def nation_problem(nation: str) -> Problem | None:
    """Of an ethnic group: empty is none, and a number could not be read back (quirk 90)."""
    return InputWording.NATION if nation.isdecimal() else None


def code_problem(code: str) -> Problem | None:
    """Of a community's code."""
    fits = len(code) <= LONGEST_CODE and is_code(code)
    return None if fits else partial(InputWording.CODE, min=1, max=LONGEST_CODE)


def number_problem(part: str, number: int) -> Problem | None:
    """Of the building, unit, floor or room of a house."""
    least = 0 if part in _ABOVE_GROUND else -LARGEST_PART
    fits = least <= number <= LARGEST_PART
    return None if fits else partial(InputWording.RANGE, min=least, max=LARGEST_PART)


def is_invisible(text: str) -> bool:
    """Whether there is nothing to see in a text."""
    return all(character.isspace() or _is_invisible(character) for character in text)


def is_json_number(text: str) -> bool:
    """Whether a text is a number as JSON has them: no blanks around it, no zeros before it."""
    return _JSON_NUMBER.fullmatch(text) is not None


def _is_invisible(character: str) -> bool:
    return category(character) in _INVISIBLE
