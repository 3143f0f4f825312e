"""The kinds of values in rows (`gateway.normalise.field.Kind`): how each is read, and written as a correction."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import msgspec

from gateway.normalise.field import Kind
from gateway.normalise.generated import Lazy
from gateway.normalise.records import Int32, PlatformId
from gateway.normalise.times import (
    LONGEST_TIME,
    birth_date,
    china_time,
    clean_birth_date,
    clean_time,
    is_epoch,
    midnight,
)
from gateway.normalise.values import (
    flag,
    identifier,
    integer,
    money,
    money_of_float,
    required_identifier,
    required_money,
    required_text,
    required_word,
    row_id,
    text,
    word,
)
from gateway.normalise.vocabulary import FLAG_FORM, YES_NO
from gateway.normalise.wire_enum import WireEnum
from gateway.wording.wording import Problem

TimeText = Annotated[str, msgspec.Meta(max_length=LONGEST_TIME)]


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
    digits = str(midnight(day)) if is_epoch(submitted) else day.isoformat().replace("-", "")
    return int(digits) if isinstance(submitted, int) else digits


def _write_label(value: WireEnum, _submitted: object) -> str:
    """Always the word: what the old numbers mean is not documented (quirk 88)."""
    return value.wire_label


TEXT = Kind(read=text, wire=str, inline="v or None", write=_write_text)
"""Free text, exactly as sent."""

REQUIRED_TEXT = Kind(read=required_text, wire=str, inline="v or OTHERWISE", required=True)
"""As TEXT; the document promises it."""

IDENTIFIER = Kind(read=identifier, wire=str, inline="v and v.strip() or None", write=write_word)
"""A name or number to look up by: text without the blanks around it."""

REQUIRED_IDENTIFIER = Kind(read=required_identifier, wire=str, inline="v and v.strip() or OTHERWISE", required=True)
"""As IDENTIFIER; the document promises it."""

INTEGER = Kind(read=integer, wire=Int32, inline="v", write=_write_number)
"""A number of 32 bits, as number or text."""

ROW_NUMBER = Kind(
    read=lambda value, _path, _issues: row_id(value),
    wire=PlatformId,
    absent=msgspec.NODEFAULT,
    inline="v",
    required=True,
    identifies=True,
)
"""The platform's id of a row: a row without one is no record."""

FLAG = Kind(
    read=flag,
    wire=str | int | bool,
    inline="YES_NO[v] if v in YES_NO else OTHERWISE",
    names={"YES_NO": YES_NO},
    write=_write_flag,
)
"""A yes or no."""

BIRTH_DATE = Kind(
    read=birth_date,
    wire=str | int,
    inline="None if v is None else c if (c := clean_birth_date(v)) else OTHERWISE",
    names={"clean_birth_date": clean_birth_date},
    write=_write_birth,
)
"""A date of birth, of China's calendar."""

TIME = Kind(
    read=china_time,
    wire=TimeText | int,
    inline="None if v is None else c if (c := clean_time(v)) else OTHERWISE",
    names={"clean_time": clean_time},
)
"""A moment, in China's time."""

REQUIRED_MONEY = Kind(
    read=required_money,
    wire=str | float | int,
    inline="c if (c := money_of_float(v) if type(v) is float and v else money(v)) else OTHERWISE",
    required=True,
    names={"money": money, "money_of_float": money_of_float},
)
"""An amount in yuan that the document promises."""


def word_of(enum: type[WireEnum], *, required: bool = False) -> Kind:
    """A word of this enum, or its number."""
    name, reader = enum.__name__, required_word if required else word

    def read(value: object, path: str, issues: Any) -> Any:
        return reader(enum, value, path, issues)

    if not enum.numbered:  # msgspec makes members of words that are in the list
        return Kind(
            read=read,
            wire=Lazy(lambda: enum.spelling(required=required) | int),
            inline=f"v if type(v) is {name} else OTHERWISE",
            required=required,
            names={name: enum},
            write=_write_label,
        )
    return Kind(
        read=read,
        wire=str | int | bool if enum.boolean else str | int,
        inline=f"c if (c := {name}_by_value.get(v)) else OTHERWISE",
        required=required,
        names={f"{name}_by_value": enum.by_value},
        write=_write_label,
    )


def number_of(enum: type[WireEnum]) -> Kind:
    """As `word_of`; written as the number."""
    return msgspec.structs.replace(word_of(enum), write=lambda member, _submitted: member.wire_code)
