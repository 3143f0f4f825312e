"""The kinds of values in rows (`gateway.normalise.field.Kind`): how each is read, and written as a correction."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Annotated, Any

import msgspec

from gateway.normalise import times, values
from gateway.normalise.field import Kind
from gateway.normalise.records import Int32, PlatformId
from gateway.normalise.vocabulary import FLAG_FORM, YES_NO
from gateway.normalise.wire_enum import WireEnum
from gateway.wording.wording import Problem

TimeText = Annotated[str, msgspec.Meta(max_length=times.LONGEST_TIME)]


def _write_text(value: Any, _submitted: object) -> str:
    return str(value)


def write_word(value: Any, _submitted: object) -> str:
    """It is read without the blanks around it, and looked up so (quirk 78)."""
    return str(value).strip()


def problem_of_word(problem: Callable[[str], Problem | None]) -> Callable[[Any, date], Problem | None]:
    """What a corrected word must be, as `write_word` writes it."""
    return lambda text, _today: problem(text.strip())


def _write_number(value: Any, submitted: object) -> object:
    return str(value) if isinstance(submitted, str) else int(value)


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


AS_SENT = Kind(read=lambda value, _path, _issues: value, inline="v")
"""What is read when it is asked for."""

TEXT = Kind(read=values.text, wire=str, inline="v or None", write=_write_text)
"""Free text, exactly as sent."""

REQUIRED_TEXT = Kind(read=values.promise(values.text), wire=str, inline="v or OTHERWISE", required=True)
"""As TEXT; the document promises it."""

IDENTIFIER = Kind(read=values.identifier, wire=str, inline="v and v.strip() or None", write=write_word)
"""A name or number to look up by: text without the blanks around it."""

REQUIRED_IDENTIFIER = Kind(
    read=values.promise(values.identifier), wire=str, inline="v and v.strip() or OTHERWISE", required=True
)
"""As IDENTIFIER; the document promises it."""

INTEGER = Kind(read=values.integer, wire=Int32, inline="v", write=_write_number)
"""A number of 32 bits, as number or text."""

ROW_NUMBER = Kind(
    read=lambda value, _path, _issues: values.row_id(value),
    wire=PlatformId,
    absent=msgspec.NODEFAULT,
    inline="v",
    required=True,
    identifies=True,
)
"""The platform's id of a row: a row without one is no record."""

FLAG = Kind(
    read=values.flag,
    wire=str | int | bool,
    inline="WORDS[v] if v in WORDS else OTHERWISE",
    words=YES_NO,
    write=_write_flag,
)
"""A yes or no."""

BIRTH_DATE = Kind(
    read=times.birth_date,
    wire=str | int,
    inline="c if v and (c := calendar_date(v)) else OTHERWISE",
    names={"calendar_date": times.calendar_date},
    write=_write_birth,
)
"""A date of birth, of China's calendar."""

TIME = Kind(
    read=times.china_time,
    wire=TimeText | int,
    inline="None if v is None else c if (c := clean_time(v)) else OTHERWISE",
    names={"clean_time": times.clean_time},
)
"""A moment, in China's time."""

REQUIRED_MONEY = Kind(
    read=values.promise(values.amount),
    wire=str | float | int,
    inline="c if (c := money_of_float(v) if type(v) is float and v else money(v)) else OTHERWISE",
    required=True,
    names={"money": values.money, "money_of_float": values.money_of_float},
)
"""An amount in yuan that the document promises."""


def word_of(enum: type[WireEnum], *, required: bool = False) -> Kind:
    """A word of this enum, or its number."""
    name, read = enum.__name__, partial(values.word, enum)

    if enum.numbered:
        wire, inline = str | int | bool if enum.boolean else str | int, "c if (c := WORDS.get(v)) else OTHERWISE"
    else:  # msgspec makes members of words that are in the list (`Wire.word_type`)
        wire, inline = str | int, f"v if type(v) is {name} else OTHERWISE"
    return Kind(
        read=values.promise(read, enum.fallback) if required else read,
        wire=wire,
        inline=inline,
        required=required,
        names={name: enum},
        words=enum,
        write=_write_label,
    )


def number_of(enum: type[WireEnum]) -> Kind:
    """As `word_of`; written as the number."""
    return msgspec.structs.replace(word_of(enum), write=lambda member, _submitted: member.wire_code)
