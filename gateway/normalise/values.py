"""Single values: how they are read, what those can be that people type, and how they are written.

A reader takes a decoded JSON value, the public path of its field and the issues of its record, and never raises: null
and empty text are None without an issue; what cannot be read is None (or the enum's fallback) with one. What says that
a value cannot be right is as lenient as life is, and does not mind blanks around a word, which is written without them;
its `Problem` is to be completed with the name of the field.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, TypeVar
from unicodedata import category, normalize

import msgspec

from gateway.normalise import times
from gateway.normalise.records import (
    INT32_MAX,
    INT32_MIN,
    Field,
    Int32,
    Issues,
    Kind,
    Money,
    Plain,
    PlatformId,
    is_blank,
)
from gateway.normalise.vocabulary import FLAG_FORM, YES_NO, DataProblem, Switch, WireEnum
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Problem

LONGEST_AMOUNT = 64
LARGEST_IN_FEN = INT32_MAX / 100
LARGEST_AMOUNT = 10**15
"""In yuan, for numbers: a float beyond it has no digits left for the fen."""

LARGEST_PART = 99_999
LONGEST_CODE = 32
LONGEST_NAME = 64
"""As in the look-up of people, who are found by it."""

EARLIEST_BIRTH = date(1900, 1, 1)

_ABOVE_GROUND = frozenset({"building", "unit"})

_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Control characters, line breaks, and what has no width. Not the private characters that rare names are written in."""

EnumT = TypeVar("EnumT", bound=WireEnum)
ValueT = TypeVar("ValueT")

_MOBILE = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9})")
_GAPS_OF_PHONES = re.compile(r"[\s()\-\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
"""What people put between digits, and the invisible marks that address books put around a number that is copied."""
_GAPS_OF_NUMBERS = re.compile(r"[\s\u00b7\u2022\u30fb\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_INTEGER = re.compile(r"-?[0-9]{1,10}")
PRINTED_AMOUNT = re.compile(r"((?:0|[1-9][0-9]{0,6})\.[0-9]{2})元").fullmatch
_AMOUNT = re.compile(r"[¥￥]?\s*(-?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,30})(\.[0-9]{1,30})?\s*元?").fullmatch


def text(value: object, field: str, issues: Issues) -> str | None:
    """Free text, exactly as sent; a number in its place is its digits."""
    return value or None if isinstance(value, str) else _odd_text(value, field, issues)


def identifier(value: object, field: str, issues: Issues) -> str | None:
    """A name or number to look up by: text without blanks around it, zeros kept (quirks 65, 77, 78)."""
    return value.strip() or None if isinstance(value, str) else _odd_text(value, field, issues)


def _odd_text(value: object, field: str, issues: Issues) -> str | None:
    if type(value) is int:
        return str(value)
    # A float is no identifier: beyond 2^53 its digits are already wrong (quirk 77).
    if value is not None:
        issues.add(field, value, DataProblem.MALFORMED)
    return None


def mobile_number(phone: str) -> str:
    """A mobile phone as platforms keep and compare it, an integer (quirk 78): its eleven digits. Any other phone is as
    it is written.
    """
    match = _MOBILE.fullmatch(_GAPS_OF_PHONES.sub("", normalize("NFKC", phone)))
    return phone if match is None else match.group(1)


def document_number(number: str) -> str:
    """An ID number or a number plate as platforms keep and compare it: in capitals, without blanks and dots."""
    return _GAPS_OF_NUMBERS.sub("", normalize("NFKC", number)).upper()


is_code = re.compile("[0-9A-Za-z]+").fullmatch
"""Whether a community can have this code: letters and digits of ASCII."""


def compare_code(sent: object, code: str, path: str, issues: Issues) -> None:
    """Note another community than that of the record. A code may have lost its zeros (quirk 65)."""
    other = identifier(sent, path, issues)
    if other is not None and other.lstrip("0") != code.lstrip("0"):
        issues.add(path, sent, DataProblem.CONTRADICTORY)


def row_id(value: object) -> int | None:
    """The platform's id of a row: a positive number of 32 bits, or None."""
    number = value if type(value) is int else times.whole_number(value, _INTEGER)
    return number if number is not None and 0 < number <= INT32_MAX else None


def int32(value: object) -> int | None:
    """A number of 32 bits, as number or text: "1" is 1 (quirk 68). None for anything else."""
    number = value if type(value) is int else times.whole_number(value, _INTEGER)
    return number if number is not None and INT32_MIN <= number <= INT32_MAX else None


def or_malformed(parse: Callable[[Any], ValueT | None]) -> Callable[[object, str, Issues], ValueT | None]:
    """A reader of what `parse` makes a value of: of what it makes none of there is an issue."""

    def read(value: object, field: str, issues: Issues) -> ValueT | None:
        found = parse(value)
        if found is None and not is_blank(value):
            issues.add(field, value, DataProblem.MALFORMED)
        return found

    return read


def flag(value: object, field: str, issues: Issues, switch: Switch = YES_NO) -> bool | None:
    """A yes or no, by its spellings in the vocabulary."""
    words: Mapping[object, bool | None] = issues.source.wire.words[switch]
    spelling = value.strip() if isinstance(value, str) else value
    if not isinstance(spelling, list | dict) and spelling in words:  # a list is no key of a mapping
        return words[spelling]
    issues.add(field, value, DataProblem.MALFORMED)
    return None


def word(enum: type[EnumT], value: object, field: str, issues: Issues) -> EnumT | None:
    """A member of an enum, by any of its spellings, or as decoded already; an unknown word is the fallback. Numbers
    stand for the texts that spell them, and booleans where these are 0 and 1.
    """
    if value is None or type(value) is enum:
        return value
    spelling = value.strip() if isinstance(value, str) else None
    if type(value) is int or (isinstance(value, bool) and enum.boolean):
        spelling = str(int(value))
    words: Mapping[object, EnumT | None] = issues.source.wire.words[enum]
    if spelling is not None and spelling in words:
        return words[spelling]
    member: EnumT | None = enum.misplaced.get(spelling)
    problem = DataProblem.UNRECOGNIZED_VALUE
    if member is not None:
        problem = DataProblem.CONTRADICTORY
    elif spelling is None and not isinstance(value, bool | float):
        problem = DataProblem.MALFORMED
    elif spelling is not None and spelling.isdecimal() and not enum.numbered:
        problem = DataProblem.LEGACY_CODE
    issues.add(field, value, problem)
    return enum.fallback if member is None else member


def money(value: object) -> Money | None:
    """An amount in yuan, as text ("0.01元", "1,234.50") or number; exact, never a binary float (quirk 109). None for
    anything else. By far the most are read without a Decimal: see `Plain.AMOUNT`.
    """
    if isinstance(value, int | float) and type(value) is not bool and abs(value) <= LARGEST_AMOUNT:
        # repr is the shortest text that reads back as it: what the platform wrote.
        value = format(Decimal(repr(value)), "f")
    match = _AMOUNT(value.strip()) if isinstance(value, str) and len(value) <= LONGEST_AMOUNT else None
    return match and money_of_sum(Decimal("".join(match.groups("")).replace(",", "")))


def money_of_sum(yuan: Decimal) -> Money:
    """An amount of any size. It is not rounded, as `abs` of a Decimal would be."""
    whole, _, decimals = format(yuan.copy_abs(), "f").partition(".")
    written = f"{'-' if yuan.is_signed() else ''}{whole}.{decimals.rstrip('0'):0<2}"
    fen = int(written.replace(".", "")) if written[-3] == "." else INT32_MAX + 1
    return Money(written, fen if abs(fen) <= INT32_MAX else None)


def name_problem(name: str) -> Problem | None:
    """Of a person's name."""
    name = name.strip()
    is_name = any(map(str.isalpha, name)) and "*" not in name and _INVISIBLE.isdisjoint(map(category, name))
    return None if is_name and len(name) <= LONGEST_NAME else partial(InputWording.NAME, min=1, max=LONGEST_NAME)


def _unless(pattern: str, problem: Problem) -> Callable[[str], Problem | None]:
    fits = re.compile(pattern).fullmatch
    return lambda text: None if fits(text.strip()) else problem


phone_problem = _unless(r"(?=(?:[^0-9]*[0-9]){5,20}[^0-9]*\Z)[0-9+(（][0-9+()（） \-转]*", InputWording.PHONE)
"""Of any phone, with or without codes of area and country, with an extension ("0335-3012345转8001")."""

id_card_problem = _unless(
    r"[0-9]{17}[0-9Xx]|[0-9]{15}|(?!(?:-?[0-9]){11})(?=(?:[^0-9]*[0-9]){4})[0-9A-Za-z()（）\-\u4e00-\u9fff]{5,20}",
    InputWording.ID_CARD,
)
"""Of an identity card's number, of 18 or 15 characters, without its check digit (quirk 84). Or of a passport, a permit,
an officer's card: what begins with eleven digits is an identity card's number mistyped.
"""

plate_problem = _unless(r"(?=.*[0-9])[0-9A-Z\u4e00-\u9fff]{5,10}", InputWording.PLATE)
"""Of a number plate, with or without the province."""


def birth_date_problem(day: date, today: date) -> Problem | None:
    """Of somebody's date of birth. `today` is China's."""
    return None if EARLIEST_BIRTH <= day <= today else partial(InputWording.BIRTH_DATE, min=EARLIEST_BIRTH, max=today)


def nation_problem(nation: str) -> Problem | None:
    """Of an ethnic group: empty is none, and a number could not be read back (quirk 90)."""
    return InputWording.NATION if nation.strip().isdecimal() else None


def code_problem(code: str) -> Problem | None:
    """Of a community's code."""
    return None if len(code) <= LONGEST_CODE and is_code(code) else partial(InputWording.CODE, min=1, max=LONGEST_CODE)


def number_problem(part: str, number: int) -> Problem | None:
    """Of the building, unit, floor or room of a house."""
    least = 0 if part in _ABOVE_GROUND else -LARGEST_PART
    fits = least <= number <= LARGEST_PART
    return None if fits else partial(InputWording.RANGE, min=least, max=LARGEST_PART)


def is_invisible(text: str) -> bool:
    """Whether there is nothing to see in a text."""
    return all(character.isspace() or category(character) in _INVISIBLE for character in text)


is_json_number = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
"""Whether a text is a number as JSON has them: no blanks around it, no zeros before it."""

TimeText = Annotated[str, msgspec.Meta(max_length=times.LONGEST_TIME)]


def write_word(value: Any, _submitted: object) -> str:
    """It is read without the blanks around it, and looked up so (quirk 78)."""
    return str(value).strip()


def _write_flag(value: Any, submitted: object) -> object:
    """The preface has flags as text (quirk 117)."""
    return int(value) if isinstance(submitted, int) else FLAG_FORM[value]


def _write_birth(value: Any, submitted: object) -> object:
    """Eight digits as in the preface, or epoch seconds as in the list's example (quirk 126)."""
    day: date = value
    digits = str(times.midnight(day)) if times.is_epoch(submitted) else day.isoformat().replace("-", "")
    return int(digits) if isinstance(submitted, int) else digits


def _write_label(value: WireEnum, _submitted: object) -> str:
    """Always the word: what the old numbers mean is not documented (quirk 88)."""
    return value.wire_label


# What each of these is, its `read` says; the required ones the document promises.
AS_SENT = Kind(read=lambda value, _path, _issues: value, plain=Plain.AS_SENT)
TEXT = Kind(read=text, wire=str, plain=Plain.TEXT, write=lambda text, _submitted: str(text))
IDENTIFIER = Kind(read=identifier, wire=str, plain=Plain.TRIMMED, write=write_word)
INTEGER = Kind(
    read=or_malformed(int32),
    wire=Int32,
    plain=Plain.AS_SENT,
    write=lambda number, submitted: str(number) if isinstance(submitted, str) else int(number),
)
free_text = partial(Field, kind=TEXT, free_text=True)
FLAG = Kind(read=flag, wire=str | int | bool, plain=Plain.WORD, words=YES_NO, write=_write_flag)
BIRTH_DATE = Kind(read=times.birth_date, wire=str | int, plain=times.plain_date, write=_write_birth)
TIME = Kind(read=or_malformed(times.china_time), wire=TimeText | int, plain=times.china_time)

REQUIRED_TEXT = Kind(read=text, wire=str, plain=Plain.TEXT, required=True)
REQUIRED_IDENTIFIER = Kind(read=identifier, wire=str, plain=Plain.TRIMMED, required=True)
REQUIRED_MONEY = Kind(read=or_malformed(money), wire=str | float | int, plain=Plain.AMOUNT, required=True)
ROW_NUMBER = Kind(
    read=lambda value, _path, _issues: row_id(value),
    wire=PlatformId,
    absent=msgspec.NODEFAULT,
    plain=Plain.AS_SENT,
    required=True,
    identifies=True,
)
"""The platform's id of a row: a row without one is no record."""


def word_of(enum: type[WireEnum], *, required: bool = False) -> Kind:
    """A word of this enum, or its number."""
    return Kind(
        read=partial(word, enum),
        wire=str | int | bool if enum.boolean else str | int,
        plain=Plain.WORD,
        required=required,
        fallback=enum.fallback if required else None,
        words=enum,
        write=_write_label,
    )


def number_of(enum: type[WireEnum]) -> Kind:
    """As `word_of`; written as the number."""
    return msgspec.structs.replace(word_of(enum), write=lambda member, _submitted: member.wire_code)
