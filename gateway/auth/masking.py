"""Personal data as a caller without `pii:read` may see it. Pure, and idempotent: a mask of a mask is itself.

What a mask leaves helps to recognise a person one already knows, not to find one: the first character of a name, the
ends of a number. What has no harmless part is withheld: birth, photo, sensitive status.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, overload
from unicodedata import normalize

import msgspec

from gateway.normalise.person import PERSONAL_KEYS
from gateway.normalise.vocabulary import PiiKind

Masker = Callable[[object], str | None]

SHORTEST_NUMBER = 11
"""Digits of a phone: nothing shorter is masked in a text."""

LONGEST_SEARCHED = 2_000
"""Characters of a text that is searched for numbers, more than any form of the platforms takes: up to 130 ns each. Of a
longer one nothing is shown, unless it has fewer digits than a phone.
"""

MOST_TOGETHER = 256 * 1024
"""Characters of all texts that are looked at together."""

LONGEST_CONTENT = 8 * 1024
"""The same of a review's content, which holds about 1,000."""

MASK = "****"
"""Stands for a value, or the middle of one, of which nothing more can be shown."""

_GAP = r"[\s\-_./·()（）\u00ad\u2010-\u2015\u2212\uff0d\uff0e\uff0f\u200b-\u200f\u2060\ufeff]"
"""What people, and those who hide a number, put between its digits."""

_GAPS = re.compile(_GAP)
_DIGITS_ENOUGH = re.compile(rf"\d(?:{_GAP}{{0,3}}+\d){{10}}")
"""As many as a phone has: texts without them, nearly all, are looked at no further."""

_DIGITS_ANYWHERE = re.compile(rf"\D*+(?:\d\D*+){{{SHORTEST_NUMBER}}}")


def _spread(digits: str) -> str:
    """The pattern of a number whose digits may have gaps where this has blanks.

    No digit is beside it, nor the star of a masked number, whose ends are not made into another number.
    """
    return rf"(?<!\d)(?<![\d*]\*{{4}}){(_GAP + '{0,3}+').join(digits.split())}(?!\d)(?!\*{{4}}[\d*])"


_BIRTHDAY = r"(?:0 [1-9]|1 [0-2]) (?:0 [1-9]|[12] \d|3 [01])"

_FORMS = (
    r"\d{17}[xX]",
    r"\d{11,}",
    _spread(r"1 [3-9] \d \d \d \d \d \d \d \d \d"),
    _spread(rf"[1-9] \d \d \d \d \d (?:1 [89]|2 0) \d \d {_BIRTHDAY} \d \d \d [\dxX]"),
    _spread(rf"[1-9] \d \d \d \d \d \d \d {_BIRTHDAY} \d \d \d"),
)
"""Unbroken digits are masked whatever they are. Broken ones must be a mobile phone (1, then 3 to 9) or hold a date of
birth, as ID numbers of 18 and of 15 do: dates, addresses and amounts side by side stay readable.
"""

_NUMBER = re.compile(rf"(?=\d)(?:{'|'.join(_FORMS)})")  # the first look skips everything but digits quickly

_HALF_WIDTH = dict(zip("０１２３４５６７８９ｘＸ", "0123456789xX", strict=True))
_NOT_OF_NUMBER = re.compile(r"[^\dX]")

_MASKED = re.compile(r"\d{3}\*{4}\d{4}|\d{6}\*{6}\d{3}|\d{6}\*{8}\d{3}[\dX]|\A[^*]?\*\Z|\A[^*]{0,3}\*{4}\Z")
_PROVINCE = re.compile(r"[^\W\d_]{0,3}")


def mask(kind: PiiKind, value: object) -> str | None:
    """The value as text with its middle starred, or None where the kind is withheld as a whole.

    None stays None and an empty text stays empty: neither says anything of a person.
    """
    masks = masker(kind)
    return None if masks is None else masks(value)


def masker(kind: PiiKind) -> Masker | None:
    """The function that masks values of this kind, as `mask` does; None for one that is withheld."""
    return _MASKERS.get(kind)


def _make_masker(mask_text_of_kind: Callable[[str], str]) -> Masker:
    def mask_value(value: object) -> str | None:
        if value is None:
            return None
        text = str(value).strip()
        return mask_text_of_kind(text) if text else ""

    return mask_value


def _mask_phone(phone: str) -> str:
    digits = phone if phone.isdecimal() else _compact(phone).removeprefix("+")
    return _starred(digits) if digits.isdecimal() else _kept_mask(phone)


def _mask_id_card(number: str) -> str:
    digits = number if number.isdecimal() else _compact(number).upper()
    return _starred(digits) if digits.removesuffix("X").isdecimal() else _kept_mask(number)


def _mask_name(name: str) -> str:
    """One star for all after the first character: the length may identify a name. A name of one is all star."""
    first = name[0]
    return first + "*" if len(name) > 1 and first.isprintable() and first != "*" else "*"


def _mask_address(address: str) -> str:
    """The letters it begins with, three at most: no more than the province. Nothing of an address as short as that."""
    province = _PROVINCE.match(address)
    return (province.group() if province and province.end() < len(address) else "") + MASK


_MASKERS: dict[PiiKind, Masker] = {
    PiiKind.PHONE: _make_masker(_mask_phone),
    PiiKind.ID_CARD: _make_masker(_mask_id_card),
    PiiKind.NAME: _make_masker(_mask_name),
    PiiKind.ADDRESS: _make_masker(_mask_address),
}


@overload
def mask_text(text: str) -> str: ...
@overload
def mask_text(text: None) -> None: ...


def mask_text(text: str | None) -> str | None:
    """Free or JSON text with every phone and ID number in it masked, in full-width digits and with gaps too."""
    if text is None or len(text) < SHORTEST_NUMBER:
        return text
    if len(text) > LONGEST_SEARCHED:
        return MASK if _DIGITS_ANYWHERE.match(text) else text
    if _DIGITS_ENOUGH.search(text) is None:
        return text
    searched = text
    for full_width, digit in _HALF_WIDTH.items():  # `translate` takes 40 ns a character
        searched = searched.replace(full_width, digit)
    masked, count = _NUMBER.subn(_mask_number, searched)
    return masked if count else text


def has_number(text: str | None) -> bool:
    """Whether a phone or ID number stands in the text, or may stand in one that is too long to be searched."""
    return mask_text(text) != text


def may_have_number(texts: Iterable[str | None]) -> bool:
    """False where `has_number` is of none of them: they are looked at all at once, with a letter between them."""
    looked_at = [text for text in texts if text is not None and len(text) >= SHORTEST_NUMBER]
    if any(len(text) > LONGEST_SEARCHED for text in looked_at):
        return True
    together = "a".join(looked_at)
    return len(together) > MOST_TOGETHER or _DIGITS_ENOUGH.search(together) is not None


def _mask_number(number: re.Match[str]) -> str:
    return _starred(_NOT_OF_NUMBER.sub("", number.group().upper()))


@overload
def mask_content_raw(raw: str) -> str: ...
@overload
def mask_content_raw(raw: None) -> None: ...


def mask_content_raw(raw: str | None) -> str | None:
    """A review's content as the platform sent it, with every personal value masked (preface 审核数据).

    JSON, or JSON in JSON text to any depth, comes back as such: values masked by their names, everything else as free
    text. What is not JSON is masked as a whole, because in it a name looks like any other word; so is what is too long.
    """
    if raw is None:
        return None
    if len(raw) > LONGEST_CONTENT:
        return MASK
    try:
        content = msgspec.json.decode(raw)
        masked = mask_content_raw(content) if isinstance(content, str) else _mask_json(content, None)
        return msgspec.json.encode(masked).decode()
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return MASK


def _mask_json(value: Any, kind: PiiKind | None) -> Any:
    """A decoded value. `kind` goes by its name, or by the name of what encloses it; None: neither is personal."""
    if isinstance(value, dict):
        return {
            mask_text(name): _mask_json(item, kind or PERSONAL_KEYS.get(name.lower())) for name, item in value.items()
        }
    if isinstance(value, list):
        return [_mask_json(item, kind) for item in value]
    if kind is not None:
        return mask(kind, value)
    if isinstance(value, str):
        return mask_content_raw(value) if value.lstrip().startswith(("{", "[", '"')) else mask_text(value)
    number = msgspec.json.encode(value).decode()
    masked = mask_text(number)
    return value if masked == number else masked


def contains_mask(value: str) -> bool:
    """Whether a mask of ours is in what a caller wants to write. It must not reach a platform.

    A masked number anywhere, or a value that is a masked name or address as a whole; other stars are free text.
    """
    return _MASKED.search(value.strip()) is not None


def _starred(digits: str) -> str:
    """The ends of an ID number or phone. Of a longer or shorter run of digits nothing."""
    match len(digits):
        case 11:
            return f"{digits[:3]}{MASK}{digits[-4:]}"
        case 13 if digits.startswith("86"):
            return _starred(digits[2:])
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
    return number if _MASKED.fullmatch(number) else MASK
