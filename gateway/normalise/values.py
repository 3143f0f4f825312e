"""Reading single values: text, identifiers, numbers, flags, words of an enum, and money.

A reader takes a decoded JSON value, the public path of its field and the issues of its record, and never raises: null
and empty text are None without an issue; what cannot be read is None (or the enum's fallback) with one. Each has the
expected form first and the odd ones in a function aside, so that clean rows stay cheap.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar
from unicodedata import normalize

from gateway.normalise.records import INT32_MAX, INT32_MIN, Issues, Money
from gateway.normalise.vocabulary import YES_NO, DataProblem
from gateway.normalise.wire_enum import Switch, WireEnum

REMEMBERED = 256
"""How many distinct texts a reader remembers: pages repeat the same amounts, times and labels.

What comes again in other requests fits, and what is remembered stays in the core's caches. With 4,096 and data that
never comes again, all that is read is put where memory is slow: 20 orders took 45 us longer.
"""

LONGEST_AMOUNT = 64
LARGEST_IN_FEN = INT32_MAX / 100
LARGEST_AMOUNT = 10**15
"""In yuan, for numbers: a float beyond it has no digits left for the fen."""

EnumT = TypeVar("EnumT", bound=WireEnum)
ValueT = TypeVar("ValueT")

_MOBILE = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9})")
_GAPS_OF_PHONES = re.compile(r"[\s()\-\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
"""What people put between digits, and the invisible marks that address books put around a number that is copied."""
_GAPS_OF_NUMBERS = re.compile(r"[\s\u00b7\u2022\u30fb\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_INTEGER = re.compile(r"-?[0-9]{1,10}")
_AMOUNT = re.compile(r"[¥￥]?\s*(-?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,30})(?:\.([0-9]{1,30}))?\s*元?")


def text(value: object, field: str, issues: Issues) -> str | None:
    """Free text, exactly as sent; a number in its place is its digits."""
    if isinstance(value, str):
        return value or None
    return _odd_text(value, field, issues)


def identifier(value: object, field: str, issues: Issues) -> str | None:
    """A name or number to look up by: text without blanks around it, zeros kept (quirks 65, 77, 78)."""
    if isinstance(value, str):
        return value.strip() or None
    return _odd_text(value, field, issues)


def promise(read: Callable[..., ValueT | None], fallback: ValueT | None = None) -> Callable[..., ValueT | None]:
    """A reader of a field that the document promises: what is absent is the fallback, and has an issue."""

    def read_promised(value: object, field: str, issues: Issues) -> ValueT | None:
        found = read(value, field, issues)
        if found is not None:
            return found
        if is_blank(value):
            issues.add(field, value, DataProblem.MISSING)
        return fallback

    return read_promised


def _odd_text(value: object, field: str, issues: Issues) -> str | None:
    if type(value) is int:
        return str(value)
    # A float is no identifier: beyond 2^53 its digits are already wrong (quirk 77).
    if value is not None:
        issues.add(field, value, DataProblem.MALFORMED)
    return None


def mobile_number(phone: str) -> str:
    """A mobile phone as platforms keep and compare it, an integer (quirk 78): its eleven digits, without the country's
    code and what people put between them. Any other phone is as it is written.
    """
    match = _MOBILE.fullmatch(_GAPS_OF_PHONES.sub("", normalize("NFKC", phone)))
    return phone if match is None else match.group(1)


def document_number(number: str) -> str:
    """An ID number or a number plate as platforms keep and compare it: in capitals, without blanks and dots."""
    return _GAPS_OF_NUMBERS.sub("", normalize("NFKC", number)).upper()


def is_code(text: str) -> bool:
    """Whether a community can have this code: letters and digits of ASCII."""
    return text.isalnum() and text.isascii()


def compare_code(sent: object, code: str, path: str, issues: Issues) -> None:
    """Note another community than that of the record. A code may have lost its zeros (quirk 65)."""
    other = identifier(sent, path, issues)
    if other is not None and other.lstrip("0") != code.lstrip("0"):
        issues.add(path, sent, DataProblem.CONTRADICTORY)


def row_id(value: object) -> int | None:
    """The platform's id of a row: a positive number of 32 bits, or None."""
    if type(value) is int:
        return value if 0 < value <= INT32_MAX else None
    number = _integer(value)
    return number if number is not None and 0 < number <= INT32_MAX else None


def integer(value: object, field: str, issues: Issues) -> int | None:
    """A number of 32 bits, as number or text: "1" is 1 (quirk 68)."""
    if type(value) is int and INT32_MIN <= value <= INT32_MAX:
        return value
    number = _integer(value)
    if number is not None and INT32_MIN <= number <= INT32_MAX:
        return number
    if not is_blank(value):
        issues.add(field, value, DataProblem.MALFORMED)
    return None


def _integer(value: object) -> int | None:
    if isinstance(value, str):
        digits = value.strip()
        return int(digits) if _INTEGER.fullmatch(digits) else None
    return int(value) if isinstance(value, float) and value.is_integer() else None


def is_blank(value: object) -> bool:
    """Whether this is how platforms leave a value out: null, or text without a visible character."""
    return value is None or (isinstance(value, str) and not value.strip())


def flag(value: object, field: str, issues: Issues, switch: Switch = YES_NO) -> bool | None:
    """A yes or no, by its spellings in the vocabulary."""
    words: Mapping[object, bool | None] = issues.source.wire.words[switch]
    spelling = value.strip() if isinstance(value, str) else value
    if not isinstance(spelling, list | dict) and spelling in words:  # a list is no key of a mapping
        return words[spelling]
    issues.add(field, value, DataProblem.MALFORMED)
    return None


def word(enum: type[EnumT], value: object, field: str, issues: Issues) -> EnumT | None:
    """A member of an enum, by any of its spellings, or as decoded already; an unknown word is the fallback."""
    if value is None or type(value) is enum:
        return value
    spelling = value.strip() if isinstance(value, str) else _number_spelling(enum, value)
    words: Mapping[object, EnumT | None] = issues.source.wire.words[enum]
    if spelling is not None and spelling in words:
        return words[spelling]
    member: EnumT | None = enum.misplaced.get(spelling)
    issues.add(field, value, _word_problem(enum, value, spelling) if member is None else DataProblem.CONTRADICTORY)
    return enum.fallback if member is None else member


def _number_spelling(enum: type[EnumT], value: object) -> str | None:
    """The text that stands for a word in another form: as a number, as a boolean."""
    if type(value) is int:
        return str(value)
    return str(int(value)) if isinstance(value, bool) and enum.boolean else None


def _word_problem(enum: type[EnumT], value: object, spelling: str | None) -> DataProblem:
    if spelling is None:
        return DataProblem.UNRECOGNIZED_VALUE if isinstance(value, bool | float) else DataProblem.MALFORMED
    legacy = not enum.numbered and spelling.isdecimal()
    return DataProblem.LEGACY_CODE if legacy else DataProblem.UNRECOGNIZED_VALUE


def amount(value: object, field: str, issues: Issues) -> Money | None:
    """An amount in yuan, as text ("0.01元", "1,234.50") or number; exact, never a binary float (quirk 109)."""
    found = money(value)
    if found is None and not is_blank(value):
        issues.add(field, value, DataProblem.MALFORMED)
    return found


def money(value: object) -> Money | None:
    """As `amount`, but silent."""
    if isinstance(value, str):
        return _money_of_text(value) if len(value) <= LONGEST_AMOUNT else None
    if isinstance(value, float):
        # Both zeros are one key of a cache, and show their sign.
        return money_of_float(value) if value else _money_of_text(str(value))
    if type(value) is int and abs(value) <= LARGEST_AMOUNT:
        return _money_of_text(str(value))
    return None


@lru_cache(REMEMBERED)
def money_of_float(amount: float) -> Money | None:
    """As `money`, for any float but zero. repr is the shortest text that reads back as it: what the platform wrote.

    A float that is the nearest to a number of fen is that number; so it is found in a quarter of the time.
    """
    fen = round(amount * 100) if 0 < amount < LARGEST_IN_FEN else 0
    if fen and fen / 100 == amount:
        yuan = f"{fen // 100}.{fen % 100:02}"
        return Money(yuan, fen, f"¥{yuan}")
    return _money_of_text(format(Decimal(repr(amount)), "f")) if abs(amount) <= LARGEST_AMOUNT else None


@lru_cache(REMEMBERED)
def _money_of_text(amount: str) -> Money | None:
    match = _AMOUNT.fullmatch(amount.strip())
    if match is None:
        return None
    sign, whole, decimals = match.groups(default="")
    return _written_money(sign, whole.replace(",", ""), decimals)


def money_of_sum(yuan: Decimal) -> Money:
    """An amount of any size that was added up. It is not rounded, as `abs` of a Decimal would be."""
    whole, _, decimals = format(yuan.copy_abs(), "f").partition(".")
    return _written_money("-" if yuan < 0 else "", whole, decimals)


def _written_money(sign: str, whole: str, decimals: str) -> Money:
    whole = whole.lstrip("0") or "0"
    decimals = decimals.rstrip("0").ljust(2, "0")
    yuan = f"{sign}{whole}.{decimals}"
    fen = int(f"{sign}{whole}{decimals}") if len(decimals) == len("00") else None
    if fen is not None and abs(fen) > INT32_MAX:
        fen = None
    return Money(yuan, fen, f"{sign}¥{whole}.{decimals}")
