"""What form a value has, never the value itself."""

import re
from collections.abc import Callable

from gateway.normalise.values import is_blank

EIGHT_DIGITS = "eight digits, a date"
EPOCH = "epoch seconds"

EMPTY = "empty"
NULL = "null"
TYPES = ("boolean", "integer", "number", "string", "array", "object", NULL)
"""By JSON's names, numbers apart by whether they have a fraction."""

_DATE = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")

_FORMS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("2020年11月18日11:01:46", re.compile(r"[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日\s*[0-9:]+").fullmatch),
    ("2020-11-18 11:01:46", re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]+.*").fullmatch),
    ("2020-11-18", re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch),
    (EIGHT_DIGITS, _DATE.fullmatch),
    ("0.01元", re.compile(r"[¥￥]?-?[0-9][0-9,]*(\.[0-9]+)?元").fullmatch),
    ("decimal text", re.compile(r"-?[0-9][0-9,]*\.[0-9]+").fullmatch),
    ("20 digits", re.compile(r"[0-9]{20}").fullmatch),
    ("18 digits, or 17 and X", re.compile(r"[0-9]{17}[0-9Xx]").fullmatch),
    ("mobile number", re.compile(r"1[0-9]{10}").fullmatch),
    (EPOCH, re.compile(r"-?[0-9]{9,10}").fullmatch),
    ("digits", re.compile(r"-?[0-9]+").fullmatch),
    ("URL", re.compile(r"https?://.*", re.DOTALL).fullmatch),
    ("JSON text", re.compile(r'\s*[\[{]\s*("|\}|\]|\{).*', re.DOTALL).fullmatch),
    ("text in braces that is no JSON", re.compile(r"\s*\{.*\}\s*", re.DOTALL).fullmatch),
    ("text in ASCII", str.isascii),
)

LONGEST_EPOCH = 11
EARLIEST_EPOCH = 10**8


def json_type(value: object) -> str:
    """By JSON's names, numbers apart by whether they have a fraction."""
    match value:
        case None:
            return NULL
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def get_form(value: object) -> str:
    """The form of a scalar."""
    if isinstance(value, str):
        if is_blank(value):
            return EMPTY
        return next((name for name, fits in _FORMS if fits(value.strip())), "text")
    if type(value) is int:
        if _DATE.fullmatch(str(value)):
            return EIGHT_DIGITS
        return EPOCH if EARLIEST_EPOCH <= abs(value) < 10**LONGEST_EPOCH else "small number"
    return json_type(value)
