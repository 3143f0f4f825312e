"""Masks of personal values: pure, and idempotent, so that a mask of a mask is itself. What a mask leaves helps to
recognise a person one already knows, not to find one; what has no harmless part is withheld.
"""

import re
from collections.abc import Callable
from typing import TypeAlias
from unicodedata import normalize

Masker: TypeAlias = Callable[[object], str | None]
"""Gives a value as text with its middle starred. None and empty text stay: neither says anything of a person."""

MASK = "****"
"""Stands for a value, or the middle of one, of which nothing more can be shown."""

GAP = r"[\s\-_./·()（）\u00ad\u2010-\u2015\u2212\uff0d\uff0e\uff0f\u200b-\u200f\u2060\ufeff]"
"""What people, and those who hide a number, put between its digits."""

_GAPS = re.compile(GAP)

MASKED = re.compile(r"\d{3}\*{4}\d{4}|\d{6}\*{6}\d{3}|\d{6}\*{8}\d{3}[\dX]|\A[^*]?\*\Z|\A[^*]{0,3}\*{4}\Z")
_PROVINCE = re.compile(r"[^\W\d_]{0,3}")


def _masker(mask: Callable[[str], str]) -> Masker:
    def mask_value(value: object) -> str | None:
        if value is None:
            return None
        text = str(value).strip()
        return mask(text) if text else ""

    return mask_value


@_masker
def mask_phone(phone: str) -> str:
    digits = phone if phone.isdecimal() else _compact(phone).removeprefix("+")
    return starred(digits) if digits.isdecimal() else _kept_mask(phone)


@_masker
def mask_id_card(number: str) -> str:
    digits = number if number.isdecimal() else _compact(number).upper()
    return starred(digits) if digits.removesuffix("X").isdecimal() else _kept_mask(number)


@_masker
def mask_name(name: str) -> str:
    """One star for all after the first character: the length may identify a name. A name of one is all star."""
    first = name[0]
    return first + "*" if len(name) > 1 and first.isprintable() and first != "*" else "*"


@_masker
def mask_address(address: str) -> str:
    """The letters it begins with, three at most: no more than the province. Nothing of an address as short as that."""
    province = _PROVINCE.match(address)
    return (province.group() if province and province.end() < len(address) else "") + MASK


def starred(digits: str) -> str:
    """The ends of an ID number or phone. Of a longer or shorter run of digits nothing."""
    match len(digits):
        case 11:
            return f"{digits[:3]}{MASK}{digits[-4:]}"
        case 13 if digits.startswith("86"):
            return starred(digits[2:])
        case 15:
            return f"{digits[:6]}******{digits[-3:]}"
        case 18:
            return f"{digits[:6]}********{digits[-4:]}"
        case _:
            return MASK


def _compact(number: str) -> str:
    return _GAPS.sub("", normalize("NFKC", number))


def _kept_mask(number: str) -> str:
    """A number of no known form: itself if it is a mask already, else nothing of it."""
    return number if MASKED.fullmatch(number) else MASK
