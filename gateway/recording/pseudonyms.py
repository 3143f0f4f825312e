"""Pseudonyms of single values, made with a key: the same value has the same pseudonym, and its form is kept. Pure.

The form is what readers see of a value: its length, where its digits, letters and ideographs stand, whether its birth
date and check digit can be right. So a pseudonym is read as its original was, with the same data issues. Numbers of
identity cards begin with 999, which is no province, and phones with 199000, which is nobody's.

Values that the gateway holds to be equal have equal pseudonyms: phones with and without the country's code, identity
numbers of 15 and 18 digits, texts in either case.
"""

import hmac
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from hashlib import shake_256
from unicodedata import normalize

from gateway.normalise.times import CHINA, is_epoch, midnight
from gateway.normalise.values import mobile_number
from gateway.normalise.verification import ID_CARD_CHECKS, ID_CARD_WEIGHTS, check_digit
from gateway.recording.characters import IDEOGRAPHS, SURNAMES

REGION = "999"
PHONE = "199000"
FREE_DIGITS = 5
"""Digits of a phone that tell one from another: 100,000 phones."""

DIGITS_OF_INT32 = 10
"""A number of as many digits begins with 1, so that one of 32 bits stays one."""

_LOWER = "abcdefghijklmnopqrstuvwxyz"
YEARS = 5
"""A pseudonym's year of birth is of the same five years, and not later: nobody is born tomorrow, or in another century.
"""

_GAPS = re.compile(r"[\s-]+")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_ID_CARD = re.compile(r"[0-9]{17}[0-9X]|[0-9]{15}")
_REGION_OF_OTHERS = re.compile(r"^[0-9]{3}(?=[0-9]{3})")
_NUMBERS = re.compile(r"(?<![0-9])(?:[0-9]{17}[0-9Xx]|[0-9]{15}|[0-9]{11})(?![0-9])")
"""Numbers of persons in a text."""

_EIGHT_DIGITS = re.compile(r"(\s*)([0-9]{4})([0-9]{2})([0-9]{2})(\s*)")
_WRITTEN_DATE = re.compile(r"(.*?)([0-9]{4})(\D{1,2})([0-9]{1,2})(\D{1,2})([0-9]{1,2})(?![0-9])(.*)", re.DOTALL)
_URL = re.compile(r"(\s*https?://)([^/?#\s]+)(.*)", re.DOTALL | re.IGNORECASE)
_TRIES = 64


class Pseudonyms:
    """`key`: its holder can find out whether a guessed value is that of a pseudonym; it stays in the house.
    `is_word`: whether a text has a meaning of its own, so that no pseudonym may be it.

    Two phones have the same pseudonym rarely, and never within one object.
    """

    def __init__(self, key: bytes, is_word: Callable[[str], bool] = lambda _text: False) -> None:
        self._key = key
        self._is_word = is_word
        self._phones: dict[str, str] = {}
        self._phone_of: dict[str, str] = {}

    def name(self, value: str) -> str:
        """Of a person: a surname that nobody has, and as many more characters."""
        return self._text(value, "name", SURNAMES)

    def text(self, value: str) -> str:
        """Of any text: all of it, but the numbers of persons in it have the pseudonyms that they have elsewhere."""
        return self._text(value, "text", IDEOGRAPHS)

    def phone(self, value: str) -> str:
        """Of a phone in any spelling: mobile, landline, with some digits hidden. Other text as `text`."""
        digits = [at for at, character in enumerate(value) if character.isdecimal()]
        if not digits:
            return self.text(value)
        mobile = mobile_number(value)
        if _MOBILE.fullmatch(mobile):
            return _put(value, digits[-len(mobile) :], self._mobile(mobile))
        core = _GAPS.sub("", normalize("NFKC", value)).upper()
        return _put(self._letters(value, core, "phone"), digits, self._landline(core, len(digits)))

    def id_card(self, value: str) -> str:
        """Of the number of an identity card, whose sex, kind of birth date and check digit stay what they are; any
        other document's number as `text`.
        """
        core = _GAPS.sub("", value).upper()
        if not _ID_CARD.fullmatch(core):
            return _REGION_OF_OTHERS.sub(REGION, self.text(value), count=1)
        places = [at for at, character in enumerate(value) if character.upper() in "0123456789X"]
        return _put(value, places, self._id_card(core))

    def birth(self, value: str) -> str:
        """Of a date of birth, as digits, epoch seconds or written out: as in the identity number of the same person. A
        date that cannot be right is wrong in the same way. Other text as `text`.
        """
        if written := _WRITTEN_DATE.fullmatch(value):
            before, year, dash, month, slash, day, after = written.groups()
            year, month, day = self._date_parts(year, month, day)
            return f"{before}{year}{dash}{month}{slash}{day}{after}"
        if is_epoch(value):
            seconds = int(value)
            born = datetime.fromtimestamp(seconds, CHINA).date()
            return value.replace(str(seconds), str(midnight(self.day(born)) + seconds - midnight(born)))
        if digits := _EIGHT_DIGITS.fullmatch(value):
            before, year, month, day, after = digits.groups()
            return before + "".join(self._date_parts(year, month, day)) + after
        return self.text(value)

    def day(self, born: date) -> date:
        """Of a day of birth."""
        first = born.year - born.year % YEARS
        begin, end = date(max(first, 1), 1, 1), date(born.year, 12, 31) if born.year < first + YEARS - 1 else None
        end = end or date(min(first + YEARS - 1, 9999), 12, 31)
        stream = self._stream("birth", born.isoformat())
        while True:
            other = begin + timedelta(days=_number(stream, 4) % ((end - begin).days + 1))
            if other != born:
                return other

    def url(self, value: str) -> str:
        """Of an address of a picture: on a host that does not exist. Other text as `text`."""
        found = _URL.fullmatch(value)
        if found is None:
            return self.text(value)
        scheme, host, path = found.groups()
        return f"{scheme}{self._word(host)}.invalid{self.text(path)}"

    def digits(self, value: str) -> str:
        """Of a number, or what else is made of digits."""
        return self.text(value)

    def _mobile(self, core: str) -> str:
        if core not in self._phones:
            self._phones[core] = self._free(core, lambda tail: PHONE + tail)
        return self._phones[core]

    def _free(self, core: str, number: Callable[[str], str]) -> str:
        """A number that no other core has, as long as there are some."""
        first = int.from_bytes(self._seed("phone", core)[:8])
        for step in range(10**FREE_DIGITS):
            found = number(f"{(first + step) % 10**FREE_DIGITS:0{FREE_DIGITS}}")
            if found != core and self._phone_of.setdefault(found, core) == core:
                return found
        return number(f"{first % 10**FREE_DIGITS:0{FREE_DIGITS}}")

    def _landline(self, core: str, length: int) -> str:
        """Its area code is none, and what follows is as of a mobile."""
        if length <= FREE_DIGITS + 1:
            stream = self._stream("phone", core)
            return "".join(str(_number(stream, 1) % 10) for _ in range(length))
        area = "0" if core.startswith("0") else ""
        front = (area + PHONE)[: length - FREE_DIGITS].ljust(length - FREE_DIGITS, "0")
        return self._free(core, lambda tail: front + tail)

    def _id_card(self, core: str) -> str:
        is_of_18 = len(core) == len(ID_CARD_WEIGHTS) + 1
        year, rest = (core[6:10], core[10:17]) if is_of_18 else (f"19{core[6:8]}", core[8:15])
        body = f"{core[:6]}{year}{rest}"
        right = check_digit(body)
        stream = self._stream("id card", body)
        born = "".join(self._date_parts(year, rest[:2], rest[2:4]))
        new = ""
        while not new or (check_digit(new) == "X") != (right == "X"):  # a digit stays one: platforms send it as number
            number = _number(stream, 4) // 2 * 2 % 1000 + int(rest[4:]) % 2  # odd is male
            new = f"{REGION}{_number(stream, 4) % 1000:03}{born}{number:03}"
        if not is_of_18:
            return new[:6] + new[8:]
        wrong_by = (ID_CARD_CHECKS.index(core[-1]) - ID_CARD_CHECKS.index(right)) % len(ID_CARD_CHECKS)
        return new + _checked(new, wrong_by, is_letter=core[-1] == "X")

    def _date_parts(self, year: str, month: str, day: str) -> tuple[str, str, str]:
        """Of a date that is none, the year alone."""
        if (born := _as_date(year, month, day)) is not None:
            new = self.day(born)
            return f"{new.year:04}", f"{new.month:0{len(month)}}", f"{new.day:0{len(day)}}"
        first = int(year) - int(year) % YEARS
        others = [other for other in range(first, int(year)) if _as_date(str(other), month, day) is None]
        return f"{self._drawn(others, 'year', year + month + day):04}" if others else year, month, day

    def _drawn(self, among: Sequence[int], kind: str, core: str) -> int:
        return among[_number(self._stream(kind, core), 2) % len(among)]

    def _text(self, value: str, kind: str, first: str) -> str:
        """`first` are the ideographs that it may begin with."""
        core = value.strip()
        if not core:
            return value
        at = value.index(core)
        for turn in range(_TRIES):
            new = self._replaced(core, kind, first, turn)
            if new == core and any(map(str.isalnum, core)):
                continue
            if not self._is_word(new):
                break
        return value[:at] + new + value[at + len(core) :]

    def _replaced(self, core: str, kind: str, first: str, turn: int) -> str:
        found: list[str] = []
        end = 0
        stream = self._stream(kind, f"{turn} {_folded(core)}")
        for number in _NUMBERS.finditer(core):
            found += _characters(core[end : number.start()], stream, first)
            whole = number[0]
            found.append(self.id_card(whole) if len(whole) > len(PHONE) + FREE_DIGITS else self.phone(whole))
            end = number.end()
        found += _characters(core[end:], stream, first if not end else IDEOGRAPHS)
        if len(core) == DIGITS_OF_INT32 and core.isdecimal():
            found[0] = "1"
        return "".join(found)

    def _letters(self, value: str, core: str, kind: str) -> str:
        """What is no digit: replaced."""
        stream = self._stream(kind, core)
        return "".join(
            character if character.isdecimal() else _character(character, stream, IDEOGRAPHS) for character in value
        )

    def _word(self, value: str) -> str:
        stream = self._stream("word", value)
        return "".join(_LOWER[_number(stream, 1) % len(_LOWER)] for _ in range(8))

    def _seed(self, kind: str, core: str) -> bytes:
        return hmac.digest(self._key, f"{kind}\0{core}".encode("utf-8", "surrogatepass"), "sha256")

    def _stream(self, kind: str, core: str) -> Iterator[int]:
        """Bytes without an end."""
        seed = self._seed(kind, core)
        size = 64
        begin = 0
        while True:
            yield from shake_256(seed).digest(size)[begin:]
            begin, size = size, 2 * size


def _number(stream: Iterator[int], size: int) -> int:
    return int.from_bytes(bytes(next(stream) for _ in range(size)))


def _characters(text: str, stream: Iterator[int], first: str) -> Iterator[str]:
    for character in text:
        new = _character(character, stream, first)
        if new in first:
            first = IDEOGRAPHS
        yield new


def _character(character: str, stream: Iterator[int], ideographs: str) -> str:
    """Another one of the same class. What is neither digit nor letter stays."""
    if not character.isalnum():
        return character
    drawn = _number(stream, 2)
    if "0" <= character <= "9":
        return str(drawn % 9 + 1)
    if character.isascii():
        letter = _LOWER[drawn % len(_LOWER)]
        return letter.upper() if character.isupper() else letter
    if _is_ideograph(character):
        return ideographs[drawn % len(ideographs)]
    if character.isdecimal() or character.isdigit() or character.isnumeric():
        return chr(ord("０") + drawn % 10)
    return chr(ord("ａ") + drawn % len(_LOWER))


def _is_ideograph(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or character >= "\U00020000" or "\uf900" <= character <= "\ufaff"


def _as_date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _folded(text: str) -> str:
    """Texts that differ in case alone are the same."""
    upper = text.upper()
    return upper if len(upper) == len(text) else text


def _put(value: str, places: list[int], digits: str) -> str:
    """The value with these characters at its places; in the width that they had."""
    characters = list(value)
    for at, digit in zip(places, digits, strict=True):
        old = characters[at]
        if not old.isascii() and digit.isdecimal():
            digit = chr(ord("０") + int(digit))  # noqa: PLW2901 # the same digit, wider
        characters[at] = digit.lower() if old.islower() else digit
    return "".join(characters)


def _checked(body: str, wrong_by: int, *, is_letter: bool) -> str:
    """The last character of a number whose own is so far from the right one. A digit where that was a digit."""
    right = ID_CARD_CHECKS.index(check_digit(body))
    found = ID_CARD_CHECKS[(right + wrong_by) % len(ID_CARD_CHECKS)]
    if found == "X" and not is_letter:
        others = [digit for digit in ID_CARD_CHECKS if digit not in ("X", ID_CARD_CHECKS[right])]
        return others[wrong_by % len(others)]
    return found
