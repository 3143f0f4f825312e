"""The kinds of values in rows (`gateway.normalise.field.Kind`): how each is read, and written as a correction."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any

import msgspec

from gateway.normalise.field import Kind
from gateway.normalise.generated import Lazy
from gateway.normalise.records import INT32_MAX, INT32_MIN, Int32, PlatformId
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


TEXT = Kind(wire=str, guard="type(v) is str", value="v or None", documented="v or None", read=text, write=_write_text)
"""Free text, exactly as sent."""

REQUIRED_TEXT = Kind(wire=str, guard="type(v) is str and v", read=required_text, required=True)
"""As TEXT; the document promises it."""

IDENTIFIER = Kind(
    wire=str,
    guard="type(v) is str",
    value="v.strip() or None",
    documented="v and v.strip() or None",
    read=identifier,
    write=write_word,
)
"""A name or number to look up by: text without the blanks around it."""

REQUIRED_IDENTIFIER = Kind(
    wire=str, guard="type(v) is str and (c := v.strip())", value="c", read=required_identifier, required=True
)
"""As IDENTIFIER; the document promises it."""

INTEGER = Kind(
    wire=Int32,
    guard=f"type(v) is int and {INT32_MIN} <= v <= {INT32_MAX}",
    documented="v",
    read=integer,
    write=_write_number,
)
"""A number of 32 bits, as number or text."""

ROW_NUMBER = Kind(
    wire=PlatformId,
    absent=msgspec.NODEFAULT,
    guard=f"type(v) is int and 0 < v <= {INT32_MAX}",
    documented="v",
    read=lambda value, _path, _issues: row_id(value),
    required=True,
    identifies=True,
)
"""The platform's id of a row: a row without one is no record."""

FLAG = Kind(
    wire=str | int | bool,
    guard="type(v) is str and (c := YES_NO.get(v, v)) is not v",
    value="c",
    read=flag,
    names={"YES_NO": YES_NO},
    write=_write_flag,
)
"""A yes or no."""

BIRTH_DATE = Kind(
    wire=str | int,
    guard="(type(v) is str or type(v) is int) and (c := clean_birth_date(v)) is not None",
    value="c",
    read=birth_date,
    documented="None if v is None else c if (c := clean_birth_date(v)) else OTHERWISE",
    names={"clean_birth_date": clean_birth_date},
    write=_write_birth,
)
"""A date of birth, of China's calendar."""

TIME = Kind(
    wire=TimeText | int,
    guard=f"(type(v) is int or (type(v) is str and len(v) <= {LONGEST_TIME})) and (c := clean_time(v)) is not None",
    value="c",
    read=china_time,
    documented="None if v is None else c if (c := clean_time(v)) else OTHERWISE",
    names={"clean_time": clean_time},
)
"""A moment, in China's time."""

REQUIRED_MONEY = Kind(
    wire=str | float | int,
    guard="(c := money(v)) is not None",
    value="c",
    read=required_money,
    required=True,
    documented="c if (c := money_of_float(v) if type(v) is float and v else money(v)) else OTHERWISE",
    names={"money": money, "money_of_float": money_of_float},
)
"""An amount in yuan that the document promises."""


def word_of(enum: type[WireEnum], *, required: bool = False) -> Kind:
    """A word of this enum, or its number."""
    name = enum.__name__
    names: Mapping[str, Any] = {name: enum, f"{name}_by_value": enum.by_value}

    def read(value: object, path: str, issues: Any) -> Any:
        return (required_word if required else word)(enum, value, path, issues)

    if not enum.numbered:  # msgspec makes members of words that are in the list
        return Kind(
            wire=Lazy(lambda: enum.spelling(required=required) | int),
            guard=f"type(v) is {name}",
            read=read,
            required=required,
            names=names,
            write=_write_label,
        )
    return Kind(
        wire=str | int | bool if enum.boolean else str | int,
        guard=f"type(v) is str and (c := {name}_by_value.get(v))",
        value="c",
        documented=f"c if (c := {name}_by_value.get(v)) else OTHERWISE",
        read=read,
        required=required,
        names=names,
        write=_write_label,
    )


def number_of(enum: type[WireEnum]) -> Kind:
    """As `word_of`; written as the number."""
    return msgspec.structs.replace(word_of(enum), write=lambda member, _submitted: member.wire_code)
