"""How a message is declared, and the text that it becomes with its values."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import NamedTuple, Protocol, Self

from gateway.wording.labels import LABELS

LABELLED = frozenset({"field", "other", "record", "part"})
"""Placeholders that hold the name of something. In Chinese its label takes its place."""


class Rule(StrEnum):
    """Which rule a value of the input breaks. The list is closed: `meaning` and `label` say what each asks for."""

    meaning: str
    label: str

    def __new__(cls, value: str, meaning: str, label: str) -> Self:
        rule = str.__new__(cls, value)
        rule._value_ = value
        rule.meaning = meaning
        rule.label = label
        return rule

    REQUIRED = "REQUIRED", "There must be a value, and something to see in it", "不能为空"
    LENGTH = "LENGTH", "A text has from `min` to `max` characters", "字符数须在范围内"
    COUNT = "COUNT", "A list has from `min` to `max` entries", "条目数须在范围内"
    RANGE = "RANGE", "A number or date is from `min` to `max`", "数值或日期须在范围内"
    FORMAT = "FORMAT", "A value has a form, which the message describes", "格式须正确"
    ONE_OF = "ONE_OF", "A value is one of a list, or exactly one of several fields is given", "须为允许的值之一"
    UNIQUE = "UNIQUE", "An entry of a list is there once", "不能重复"
    MASKED = "MASKED", "A value is a real one, not one that was masked for its reader", "不能含有脱敏内容"
    DEPENDENCY = "DEPENDENCY", "A field needs another one, which the message names", "须同时填写另一字段"
    CONFLICT = "CONFLICT", "A value does not contradict another one, or what is recorded", "不能与其他值或已有记录冲突"
    EXISTS = "EXISTS", "There is such a record, person or vehicle", "所指的记录须存在"
    ACCESS = "ACCESS", "The community is the caller's", "须有该小区的权限"
    STATE = "STATE", "The record is in a state that allows it", "记录的状态须允许该操作"


class Wording(Enum):
    """Base of the tables. A message has an English and a Chinese template with the same placeholders, and the rule it
    is about, if it is about one.

    `min` and `max` are the bounds of a rule. They may be given where no template shows them; those that are always the
    same may stand in the table.
    """

    def __init__(
        self, english: str, chinese: str, rule: Rule | None = None, bounds: tuple[int, int] | None = None
    ) -> None:
        self.english = english
        self.chinese = chinese
        self.rule = rule
        self.bounds = bounds

    def __call__(self, **values: object) -> "Text":
        """The text with these values. Raises KeyError for a placeholder without one."""
        return Text(self, values)


class Text(str):
    """A message in English that also knows itself in Chinese.

    `english` is the message where it came from elsewhere, and may say more than the wording.
    """

    __slots__ = ("_values", "wording")

    wording: Wording
    _values: Mapping[str, object]

    def __new__(cls, wording: Wording, values: Mapping[str, object], english: str | None = None) -> Self:
        text = str.__new__(cls, wording.english.format_map(values) if english is None else english)
        text.wording = wording
        text._values = values
        return text

    @property
    def chinese(self) -> str:
        """The same message in Chinese."""
        return self.wording.chinese.format_map({name: _in_chinese(name, it) for name, it in self._values.items()})

    @property
    def rule(self) -> Rule | None:
        """The rule that is broken: that of the message, or of the message within it."""
        inner = (value.rule for value in self._values.values() if isinstance(value, Text))
        return self.wording.rule or next(inner, None)

    @property
    def min(self) -> str | None:
        return self._bound("min", 0)

    @property
    def max(self) -> str | None:
        return self._bound("max", 1)

    def _bound(self, name: str, index: int) -> str | None:
        if name in self._values:
            return str(self._values[name])
        return None if self.wording.bounds is None else str(self.wording.bounds[index])


class Problem(Protocol):
    """What is wrong with a value, before it is said of which field."""

    def __call__(self, *, field: str) -> Text: ...


class Violation(NamedTuple):
    """A value of the input that breaks a rule: the path to it, such as ("payer", "house", "floor"), and the message."""

    field: tuple[str, ...]
    message: Text

    def to_json(self) -> dict[str, object]:
        """As in `extensions.violations`: the fields of a `UserError`, whose path begins within the input as well."""
        text = self.message
        return {
            "field": list(self.field[1:] if self.field[0] == "input" else self.field),
            "rule": text.rule,
            "min": text.min,
            "max": text.max,
            "message": text,
            "messageZh": text.chinese,
        }


def label(path: str) -> str:
    """What a field is called in Chinese, by the last name in its path; the path itself where it has no label."""
    names = [name for name in path.split(".") if not name.isdecimal()]
    return LABELS.get(names[-1], path) if names else path


def _in_chinese(name: str, value: object) -> object:
    """A member of an enum that has a Chinese word is that word; the name of a field its label."""
    if isinstance(value, Text):
        return value.chinese
    if name in LABELLED:
        return label(str(value))
    return getattr(value, "label", value)
