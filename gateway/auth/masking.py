"""Texts and JSON as a caller without `pii:read` may see them: with the personal values in them masked. Pure, and
idempotent, as the masks of single values are (`gateway/normalise/masks.py`).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from gateway.normalise.masks import GAP, MASK, MASKED, starred
from gateway.normalise.people import PERSONAL_KEYS
from gateway.normalise.vocabulary import PiiKind

SHORTEST_NUMBER = 11  # digits of a phone: nothing shorter is masked in a text
LONGEST_SEARCHED = 2_000
"""Characters of a text that is searched for numbers, up to 130 ns each. Of a longer one nothing is shown, unless it has
fewer digits than a phone.
"""

MOST_SEARCHED = 20 * LONGEST_SEARCHED
"""The same of all texts of a page together: beyond it, one that may hold a number counts as one that does."""

LONGEST_CONTENT = 4 * 1024  # the same of a review's content, which holds about 1,000
_DIGIT_BYTES = bytes([*b"0123456789", *range(0xD9, 0xE2), 0xEA, 0xEF, *range(0xF0, 0xF5)])
"""Of UTF-8: digits, and the first bytes of all characters among which some script has digits."""

_GAP_BYTES = bytes([*range(0x21), *b"-_./()", *range(0x7F, 0xC3), 0xE2, 0xE3])
"""ASCII gaps, the first bytes of all others, and every byte that is not the first of its character."""

_PHONE_DIGITS = b"0" * SHORTEST_NUMBER
_TO_DIGITS = bytes(ord("0") if byte in _DIGIT_BYTES else ord("a") for byte in range(256))

_DIGITS_ANYWHERE = re.compile(rf"\D*+(?:\d\D*+){{{SHORTEST_NUMBER}}}")


def _spread(digits: str) -> str:
    """The pattern of a number whose digits may have gaps where this has blanks.

    No digit is beside it, nor the star of a masked number, whose ends are not made into another number.
    """
    return rf"(?<!\d)(?<![\d*]\*{{4}}){(GAP + '{0,3}+').join(digits.split())}(?!\d)(?!\*{{4}}[\d*])"


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


TextT = TypeVar("TextT", str, None, str | None)


def mask_text(text: TextT) -> TextT:
    """Free or JSON text with every phone and ID number in it masked, in full-width digits and with gaps too."""
    if text is None or len(text) < SHORTEST_NUMBER:
        return text
    if len(text) > LONGEST_SEARCHED:
        return MASK if _DIGITS_ANYWHERE.match(text) else text
    if not _has_digits(text):
        return text
    searched = text
    for full_width, digit in _HALF_WIDTH.items():  # `translate` takes 40 ns a character
        searched = searched.replace(full_width, digit)
    masked, count = _NUMBER.subn(lambda number: starred(_NOT_OF_NUMBER.sub("", number.group().upper())), searched)
    return masked if count else text


def mask_texts(texts: Sequence[str | None]) -> Sequence[str | None]:
    """Each as `mask_text` has it: a fifth of the time for twenty of which none has a number."""
    long = [text for text in texts if text and len(text) >= SHORTEST_NUMBER]
    return [mask_text(text) for text in texts] if may_have_number(long) else texts


def has_number(text: str | None) -> bool:
    """Whether a phone or ID number stands in the text, or may stand in one that is too long to be searched."""
    return mask_text(text) != text


def may_have_number(texts: Iterable[str | None]) -> bool:
    """False where `has_number` is of none of them: they are looked at all at once, with a letter between them."""
    held = list(filter(None, texts))
    together = "a".join(held)
    is_too_long = len(together) > LONGEST_SEARCHED and max(map(len, held)) > LONGEST_SEARCHED
    return is_too_long or (len(together) >= SHORTEST_NUMBER and _has_digits(together))


def _has_digits(text: str) -> bool:
    """Whether there may be as many digits as a phone has with nothing but gaps between them: in nearly all texts there
    are not. Bytes take 3 ns a character, a regular expression 40.
    """
    return _PHONE_DIGITS in text.encode("utf-8", "surrogatepass").translate(_TO_DIGITS, _GAP_BYTES)


def mask_content_raw(raw: TextT) -> TextT:
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
        return {mask_text(name): _mask_json(it, kind or PERSONAL_KEYS.get(name.lower())) for name, it in value.items()}
    if isinstance(value, list):
        return [_mask_json(item, kind) for item in value]
    if kind is not None:
        return kind.mask(value)
    if isinstance(value, str):
        return mask_content_raw(value) if value.lstrip().startswith(("{", "[", '"')) else mask_text(value)
    number = msgspec.json.encode(value).decode()
    masked = mask_text(number)
    return value if masked == number else masked


def contains_mask(value: str) -> bool:
    """Whether a mask of ours is in what a caller wants to write. It must not reach a platform.

    A masked number anywhere, or a value that is a masked name or address as a whole; other stars are free text.
    """
    return MASKED.search(value.strip()) is not None
