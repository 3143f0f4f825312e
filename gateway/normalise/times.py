"""Reading times and dates of birth: all of them are China's (quirks 125 to 130)."""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from gateway.normalise.records import Issues, is_blank
from gateway.normalise.vocabulary import DataProblem

CHINA = ZoneInfo("Asia/Shanghai")
"""With its summer time of 1986 to 1991, which a fixed +08:00 would miss by an hour (quirk 128)."""

LONGEST_TIME = 40

LAST_LOCAL_YEAR = 1900
"""China's clocks were 8:05:43 ahead until its end: an offset that RFC 3339 has no spelling for."""

EIGHT_DIGITS = range(1000_00_00, 1_0000_00_00)
"""Numbers that may be a calendar date. Lower ones may be a part of one: 1992, 199211."""

_DATE = r"([0-9]{4})[年/.-]([0-9]{1,2})[月/.-]([0-9]{1,2})"
_WRITTEN_DATE = re.compile(_DATE + "日?")
_WRITTEN_TIME = re.compile(_DATE + r"(?:日\s*|\s+|T)([0-9]{1,2})[:时]([0-9]{1,2})(?:[:分]([0-9]{1,2})秒?|分)?")
_time_of_iso, _date_of_iso = datetime.fromisoformat, date.fromisoformat
_PRINTED = "年月日::"
LENGTH_PRINTED = len("2020年11月18日11:01:46")
FIRST_PRINTED = f"{LAST_LOCAL_YEAR + 1}"
MIDNIGHT_AS_24 = "24"
"""The hour that `fromisoformat` takes from Python 3.14 on."""

DIGITS_OF_DATE, DIGITS_OF_TIME = len("20201213"), len("20201213104759")

_SECONDS = re.compile(r"-?(?:0|[1-9][0-9]{0,11})")


def china_time(value: object) -> datetime | None:
    """A moment: "2020年11月18日11:01:46" and its like, ISO 8601 with or without an offset, or epoch seconds. None for
    anything else; a date alone is none, whichever way it is written: 20201118 is no second of the year 1970.
    """
    if type(value) is str and len(value) == LENGTH_PRINTED and value[4:17:3] == _PRINTED and value >= FIRST_PRINTED:
        # The pattern takes four times as long for text as the document prints it. 日 stands where ISO 8601 has a T.
        try:
            return _time_of_iso(value.replace("年", "-").replace("月", "-")).replace(tzinfo=CHINA)
        except ValueError:
            pass
    written = str(value) if type(value) is int else value
    found = _time_of_text(written.strip()) if isinstance(written, str) and len(written) <= LONGEST_TIME else None
    return found if found is not None and found.year > LAST_LOCAL_YEAR else None


def _time_of_text(written: str) -> datetime | None:
    try:
        if match := _WRITTEN_TIME.fullmatch(written):
            year, month, day, hour, minute, second = map(int, match.groups("0"))
            return datetime(year, month, day, hour, minute, second, tzinfo=CHINA)
        if _SECONDS.fullmatch(written):
            return _moment(int(written)) if abs(int(written)) >= EIGHT_DIGITS.stop else None
        if ":" not in written:  # a date alone: its time is not known, and not midnight
            return None
        moment = _time_of_iso(written)
        return moment.astimezone(CHINA) if moment.tzinfo else moment.replace(tzinfo=CHINA)
    except (ValueError, OverflowError):
        return None


def time_digits(number: str) -> str | None:
    """The first 14 digits of a number that begins with a moment: they sort as the moments do."""
    return number[:DIGITS_OF_TIME] if time_at_start(number) else None


def time_at_start(number: str) -> datetime | None:
    """The moment that the first 14 digits of a number spell, year to second; None where they are none (quirk 131)."""
    digits = number[:DIGITS_OF_TIME]
    if not (len(digits) == DIGITS_OF_TIME and digits.isascii() and digits.isdigit() and digits[8:10] < MIDNIGHT_AS_24):
        return None
    try:
        moment = _time_of_iso(f"{digits[:8]}T{digits[8:]}").replace(tzinfo=CHINA)
    except ValueError:
        return None
    return moment if moment.year > LAST_LOCAL_YEAR else None


def birth_date(value: object, field: str, issues: Issues) -> date | None:
    """A date of birth: eight digits that are a calendar date, else epoch seconds of a midnight in China.

    The two never collide for midnights (quirk 130). Eight digits that are neither are read as seconds by the same rule,
    with an issue beside them: they may well be a date mistyped. Fewer are a part of a date, and none.
    """
    number = whole_number(value)
    if number is None:
        found = _written_date(value)
    elif (found := plain_date(str(number))) is None:
        found = _day_in_china(number)
        if found is not None and not is_epoch(number):
            issues.add(field, value, DataProblem.MALFORMED)
    if found is None and not is_blank(value):
        issues.add(field, value, DataProblem.MALFORMED)
    return found


def plain_date(value: str | int) -> date | None:
    """As `birth_date`, of the eight digits of a calendar date, as text; None for any other value."""
    if type(value) is str and len(value) == DIGITS_OF_DATE and value.isdecimal() and value[0] != "0":
        try:
            return _date_of_iso(value)
        except ValueError:
            return None
    return None


def midnight(day: date) -> int:
    """Epoch seconds of the day's beginning in China: how platforms store a date of birth (quirk 127)."""
    return int(datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp())


def is_epoch(value: object) -> bool:
    """Whether a date of birth is written as epoch seconds, and not as digits of a date, be it a wrong one."""
    number = whole_number(value)
    day = None if number is None or plain_date(str(number)) else _day_in_china(number)
    return day is not None and (number not in EIGHT_DIGITS or number == midnight(day))


def whole_number(value: object, digits: re.Pattern[str] = _SECONDS) -> int | None:
    """A number without a fraction, or one that is spelt with such `digits`."""
    if type(value) is int:
        return value
    if isinstance(value, str):
        written = value.strip()
        return int(written) if digits.fullmatch(written) else None
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _written_date(value: object) -> date | None:
    if not isinstance(value, str) or len(value) > LONGEST_TIME:
        return None
    try:
        if match := _WRITTEN_DATE.fullmatch(value.strip()):
            return date(*map(int, match.groups()))
    except ValueError:
        return None
    moment = _time_of_text(value.strip())
    return moment.date() if moment else None


def _day_in_china(seconds: int) -> date | None:
    """A number below eight digits counts as epoch seconds only if it is a midnight in China."""
    moment = _moment(seconds)
    if moment is None:
        return None
    day = moment.date()
    return day if abs(seconds) >= EIGHT_DIGITS.start or seconds == midnight(day) else None


def _moment(seconds: int) -> datetime | None:
    if not seconds:  # what PHP makes of no time at all
        return None
    try:
        return datetime.fromtimestamp(seconds, CHINA)
    except (ValueError, OverflowError, OSError):  # beyond the years 1 to 9999
        return None
