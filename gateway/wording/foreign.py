"""The texts of messages that come in English, from parts that do not know the tables."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from gateway.wording.codes import ErrorCode
from gateway.wording.inputs import ScalarWording
from gateway.wording.wording import Sentence, Text, Wording
from gateway.wording.wording import ViolationRule as Rule

_NOT_GIVEN = Rule.REQUIRED("{field} must be given.", "{field}不能缺少。")
_NULL = Rule.REQUIRED("{field} must not be null.", "{field}不能为空。")
_NO_MEMBER = Rule.ONE_OF("{field} must be a value of {type}.", "{field}不在可选范围内。")
_NO_FIELD = Rule.ONE_OF("{field} has no field {name}: its type is {type}.", "{field}没有字段 {name}。")
_ONE_FIELD = Rule.ONE_OF("{field} must have exactly one field, and not null.", "{field}须恰好填写一项，且不能为空。")
_NO_ARGUMENT = Sentence("{name} is missing: its type is {type}.", "缺少必填参数 {name}，其类型为 {type}。")
_NOT_A_FIELD = Sentence("{type} has no field {name}.", "类型 {type} 没有字段 {name}。")
_NO_INT = Rule.RANGE("{field} must be a whole number of at most 32 bits.", "{field}须为 32 位以内的整数。")

GRAPHQL: Final[Mapping[str, Sentence]] = {
    "Expected a value of non-null type '{type}' to be provided": _NOT_GIVEN,
    "Expected value of non-null type '{type}' not to be ": _NULL,
    "Expected variable '{name}' provided to non-null type '{type}' not to be ": _NULL,
    "Expected value of type '{type}' to include required field '{name}'": _NOT_GIVEN,
    "Expected value of type '{type}' not to include unknown field '{name}'": _NO_FIELD,
    "Within OneOf Input Object type '{type}', exactly one ": _ONE_FIELD,
    "Value '{value}' does not exist in '{type}' enum": _NO_MEMBER,
    "Enum '{type}' cannot represent ": _NO_MEMBER,
    "Int cannot represent non 32-bit signed integer value": _NO_INT,
    "Expected value of type '{type}' to be an object": Rule.FORMAT("{field} must be an object.", "{field}须为对象。"),
    "Expected value of type '{type}'": Rule.FORMAT("{field} must be of the type {type}.", "{field}须为 {type} 类型。"),
    "Int cannot represent ": Rule.FORMAT("{field} must be a whole number.", "{field}须为整数。"),
    "Float cannot represent ": Rule.FORMAT("{field} must be a number.", "{field}须为数字。"),
    "String cannot represent ": Rule.FORMAT("{field} must be a text.", "{field}须为文本。"),
    "Boolean cannot represent ": Rule.FORMAT("{field} must be true or false.", "{field}须为 true 或 false。"),
    "ID cannot represent ": Rule.FORMAT("{field} must be a text or a whole number.", "{field}须为文本或整数。"),
    "Argument '{name}' of type '{type}' is required": _NO_ARGUMENT,
    "Argument '{name}' of required type '{type}' was not ": _NO_ARGUMENT,
    "Cannot query field '{name}' on type '{type}'": _NOT_A_FIELD,
}
"""What graphql-core says of values: its words, and what is said of the field. Of documents it has the two mistakes that
developers make most; all else that libraries say has the Chinese of its code.
"""

_AROUND: Final = re.compile(
    r"(?:Variable '\$(?P<variable>\w+)'|Argument '(?:[^'(]*\()?(?P<argument>\w+)(?::\))?')"
    r" has invalid (?:default )?value(?: at (?P<path>(?:\.\w+|\[\d+\])+))?: (?P<reason>.+)",
    re.DOTALL,
)
_SUGGESTED: Final = re.compile(r"\.( Did you mean (?:the enum value )?'\w+'(?:(?:,| or|, or) '\w+')*\?)(?= Found: |\Z)")
_MISSING: Final = re.compile(r"Expected value of type '.+?' to include required field '(\w+)'")

_PLACEHOLDER: Final = re.compile(r"\\\{(\w+)\\\}")


def translate(message: str, code: ErrorCode) -> Text:
    """The message with its Chinese; with that of its code, where no table has it."""
    return find_text(message) or Text(Sentence(code.word.meaning, code.label), {}, message)


def find_place(message: str) -> str | None:
    """The dotted path of the variable or argument whose value a message of graphql-core is about; None: of none."""
    around = _AROUND.match(message)
    if around is None:
        return None
    path = (around["path"] or "").replace("[", ".").replace("]", "")
    missing = _MISSING.match(around["reason"])
    return (around["variable"] or around["argument"]) + path + (f".{missing[1]}" if missing else "")


def find_text(message: str) -> Text | None:
    """The message with its Chinese; None where no table has it. What is wrong with a value is said of its field."""
    around, place = _AROUND.match(message), find_place(message)
    reason = message if around is None else around["reason"]
    for known, pattern in _patterns():
        if found := pattern.match(reason):
            # Of no place is a value in the text of a document.
            values = found.groupdict() | {"field": "该值" if place is None else place.removeprefix("input.")}
            if place is None or "{field}" not in known.chinese:
                return Text(known, values, message)
            suggested = _SUGGESTED.match(reason, found.end())  # values that a message may show come later
            return Text(known, values, suggested and f"{known.english.format_map(values)}{suggested[1]}")
    return None


@cache
def _patterns() -> list[tuple[Wording | Sentence, re.Pattern[str]]]:
    """Of the beginnings of messages, and the whole where a value is at the end; a longer one comes first."""
    said: list[tuple[Wording | Sentence, str]] = [(known, known.english) for known in ScalarWording]
    said += [(known, english) for english, known in GRAPHQL.items()]
    patterns: list[tuple[Wording | Sentence, re.Pattern[str]]] = []
    for known, english in sorted(said, key=lambda each: len(each[1]), reverse=True):
        pattern = _PLACEHOLDER.sub(r"(?P<\1>.+?)", re.escape(english))
        end = r"\Z" if english.endswith("}") else ""
        patterns.append((known, re.compile(pattern + end, re.DOTALL)))
    return patterns
