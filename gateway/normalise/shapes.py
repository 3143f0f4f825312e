"""The shapes of answers: JSON within text, single records, lists, and pages (quirks 112, 113, 133).

PHP leaves traces: an empty object comes as `[]`, a list with gaps as an object with numbers for keys.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, cast

import msgspec

from gateway.normalise.records import Issues, is_blank
from gateway.normalise.vocabulary import DataProblem

MOST_ROWS = 1000
"""Rows of a page: five times as many as are ever asked for. Platforms choose their own number (quirks 134, 143)."""

_decode = msgspec.json.Decoder().decode
_decode_as_written = msgspec.json.Decoder(float_hook=str).decode


class ShapeError(ValueError):
    """An answer is not of the documented shape at all. The message names what was expected, never a value."""


class FirstPageError(ShapeError):
    """The answer is the first page of a list, of which another was asked for: the platform turns no pages."""


class NotJsonError(ValueError):
    """A text is not JSON. The message holds nothing of it."""


class PageInfo(TypedDict, total=False):
    """The `meta` or `pages` of a list, as far as it is of use; any value may come under these keys."""

    current_page: object
    per_page: object
    last_page: object
    total: object


def documented_object(members: Mapping[str, Any]) -> Any:
    """A type for msgspec to decode: an object with members of these types. It may lack what is not `Required`."""
    return cast(Any, TypedDict)("DocumentedObject", members, total=False)


def documented_body(members: Mapping[str, Any]) -> Callable[[bytes], dict[str, Any]]:
    """What decodes the body of a read that came as documented, with these members: a short cut and nothing else. Any
    other body raises msgspec.DecodeError and is decoded as JSON; the same is read of both.

    It succeeded with code 0, or with its data alone (quirks 9, 15); and with a token that lives, if it speaks of one
    (quirk 10).
    """
    success = {"code": Literal[0, "0"] | None, "token_expired": Literal[1, "1"] | None}
    decode: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(documented_object({**success, **members})).decode
    return decode


def read_json(text: str, *, as_written: bool = False) -> object:
    """The value of a JSON text, also where it was encoded twice (quirk 114). Raises NotJsonError.

    With `as_written`, a number with a point or an exponent is the string that stands there.
    """
    decode = _decode_as_written if as_written else _decode
    try:
        value: object = decode(text)
        return decode(value) if isinstance(value, str) else value
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise NotJsonError("not JSON") from None


def unwrap(data: object) -> object:
    """`data`, or what it holds as JSON text; blank text is None. Raises ShapeError for other text."""
    if not isinstance(data, str):
        return data
    if is_blank(data):
        return None
    try:
        return read_json(data)
    except NotJsonError:
        raise ShapeError("expected JSON, found other text") from None


def one_row(data: object) -> Mapping[str, object] | None:
    """The object that `data` is or holds; None when it is empty. Raises ShapeError."""
    value = unwrap(data)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value == []:
        return None
    if isinstance(value, dict):
        return value or None
    raise ShapeError("expected an object")


def row_list(data: object) -> Sequence[object]:
    """The rows that `data` is or holds; none when it is empty. Raises ShapeError."""
    value = data if isinstance(data, list) else unwrap(data)
    if isinstance(value, list):
        return value
    if value is None:
        return ()
    if isinstance(value, dict) and all(key.isdecimal() for key in value):
        return list(value.values())
    raise ShapeError("expected an array")


def rows_within(value: object, field: str, issues: Issues) -> list[Mapping[str, object] | msgspec.Struct] | None:
    """The objects of a list inside a record; None when it is absent. What is no object is left out, with an issue."""
    if is_blank(value):
        return None
    try:
        rows = row_list(value)
    except ShapeError:
        issues.add(field, value, DataProblem.MALFORMED)
        return None
    objects: list[Mapping[str, object] | msgspec.Struct] = [
        row for row in rows if isinstance(row, dict | msgspec.Struct)
    ]
    if len(objects) < len(rows):
        issues.add(field, value, DataProblem.MALFORMED)
    return objects
